"""The verb `images`: lists the images that containers are made from, builds them, and removes them."""

from typing import Annotated

import typer

from dgm.cli.evolving import Json, Tasks
from dgm.cli.settings import task_patterns

_BUILD, _REMOVE = "build", "remove"


def images(
    action: Annotated[
        str | None,
        typer.Argument(metavar="build|remove", help="Build what is not there yet, or remove what dgm pulled or built."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="An image such as polyglot-go, a benchmark (all its images) or `all`; the default benchmark unless "
            "given. To remove: an image as it is listed.",
        ),
    ] = None,
    tasks: Tasks = None,
    unused: Annotated[
        bool,
        typer.Option("--unused", help="Remove tasks' images that nobody uses now, and images of older versions."),
    ] = False,
    json_: Json = False,
) -> None:
    """List the images on the Docker engine that are dgm's, build some, or remove some.

    Before anything is built, it is said how large it will be and how long it will take. `dgm run` builds what it needs
    by itself, and pulls the images that tasks bring along when they are first needed.

    Only what dgm pulled or built is ever removed, and nothing that is in use.

    For example: dgm images build polyglot --tasks 'go/*'
    """
    from dgm.cli.image_listing import build_images, list_images
    from dgm.cli.task_image_listing import remove_images
    from dgm.core.errors import UsageError

    patterns = task_patterns(tasks) or []
    if patterns and action != _BUILD:
        raise UsageError("--tasks goes with `dgm images build NAME`.")
    if unused and action != _REMOVE:
        raise UsageError("--unused goes with `dgm images remove`.")
    if action == _BUILD:
        build_images(names or [], patterns, as_json=json_)
    elif action == _REMOVE:
        remove_images(names or [], unused=unused, as_json=json_)
    elif action is not None:
        raise UsageError(
            f"`dgm images` lists, `dgm images build [NAME]...` builds and `dgm images remove NAME...` removes, not "
            f"{action!r}."
        )
    else:
        list_images(as_json=json_)
