"""The verb `images`: lists sandbox images and builds them."""

from typing import Annotated

import typer

from dgm.cli.evolving import Json, Tasks, task_patterns

_BUILD = "build"


def images(
    action: Annotated[str | None, typer.Argument(metavar="build", help="Build what is not there yet.")] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="An image such as polyglot-go, a benchmark (all its images) or `all`; the default benchmark unless "
            "given.",
        ),
    ] = None,
    tasks: Tasks = None,
    json_: Json = False,
) -> None:
    """List the sandbox images on the Docker engine, or build some.

    Before anything is built, it is said how large it will be and how long it will take. `dgm run` builds what it needs
    by itself.

    For example: dgm images build polyglot --tasks 'go/*'
    """
    from dgm.cli.image_listing import build_images, list_images
    from dgm.core.errors import UsageError

    patterns = task_patterns(tasks) or []
    if action == _BUILD:
        build_images(names or [], patterns, as_json=json_)
    elif action is not None:
        raise UsageError(f"`dgm images` lists and `dgm images build [NAME]...` builds; {action!r} is neither.")
    elif patterns:
        raise UsageError("--tasks goes with `dgm images build NAME`.")
    else:
        list_images(as_json=json_)
