"""What `dgm images` shows of images that tasks brought along, and how it removes images."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import typer
from rich.console import RenderableType
from rich.text import Text

from dgm.cli.answers import Answer, json_text
from dgm.cli.image_plans import bytes_words
from dgm.cli.screen import plain_table, show
from dgm.config import SweBench
from dgm.core.errors import SandboxError, UnknownNameError, UsageError
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.engine_answers import GoneError, NotRunningError
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore, TaskImage, taken_bytes
from dgm.sandbox.images import image_names, image_tag, our_images

_MEGABYTE = 10**6


def task_images(engine: Engine) -> list[TaskImage]:
    """Return what is dgm's of tasks' images, that which was used last first."""
    return ImageStore(engine, ImageLedger(engine.identity())).images()[::-1]


def task_images_view(images: Sequence[TaskImage]) -> Iterable[RenderableType]:
    """Yield a table of tasks' images and what they take together; nothing where there are none."""
    if not images:
        return
    table = plain_table()
    table.add_column("image of tasks", overflow="fold")
    table.add_column("MB", justify="right")
    table.add_column("last used")
    for image in images:
        name = ", ".join(image.references)
        theirs = "" if image.pulled else " (not pulled by dgm: what was made of it)"
        table.add_row(Text(f"{name}{theirs}"), f"{image.size_bytes / _MEGABYTE:.0f}", f"{_used(image):%Y-%m-%d}")
    yield Text("")
    yield table
    yield Text(
        f"Together {bytes_words(taken_bytes(images))} of {bytes_words(SweBench().image_quota_bytes)} (the default of "
        "swebench.image_quota_bytes); what they share is counted once."
    )
    yield Text("`dgm images remove --unused` removes all that nobody uses now.")


def task_images_answer(images: Sequence[TaskImage]) -> Answer:
    """Return the same as plain values."""
    rows = [
        {
            "names": list(image.references),
            "digest": image.id,
            "pulled": bool(image.pulled),
            "prepared": list(image.prepared),
            "size_bytes": image.size_bytes,
            "used": _used(image).isoformat(timespec="seconds"),
        }
        for image in images
    ]
    return {"images": rows, "size_bytes": taken_bytes(images), "quota_bytes": SweBench().image_quota_bytes}


def remove_images(names: Sequence[str], *, unused: bool, as_json: bool) -> None:
    """Remove images that dgm pulled or built, and say which.

    Args:
        names: images of tasks, and of ours such as "polyglot-go" or a tag.
        unused: all images of tasks that nobody uses, and those of ours that are of an older version.
        as_json: print JSON.
    Raises:
        UsageError: nothing is named, or both ways of naming are used.
        UnknownNameError: dgm neither pulled nor built one of that name.
        SandboxError: one that is named is in use; all others were removed.
    """
    if bool(names) == unused:
        raise UsageError("`dgm images remove` takes names of images, or --unused.")
    engine = connect()
    store = ImageStore(engine, ImageLedger(engine.identity()))
    images, tags = store.images(), our_images(engine)
    if unused:
        current = {image_tag(name) for name in image_names()}
        wanted = {image.references[0]: image for image in images} | {tag: tag for tag in tags if tag not in current}
    else:
        wanted = {name: _meant(name, images, tags) for name in names}
    kept = [name for name, what in wanted.items() if not _removed(engine, store, what)]
    removed = [name for name in wanted if name not in kept]
    if as_json:
        typer.echo(json_text({"removed": removed, "in_use": kept}))
    else:
        show(*(Text(f"removed {name}") for name in removed or ["nothing"]))
    if kept and not unused:
        raise SandboxError(f"In use, and left: {', '.join(kept)}; see `docker ps -a` and `dgm gc`.")


def _meant(name: str, images: Sequence[TaskImage], tags: Collection[str]) -> TaskImage | str:
    for image in images:
        if name in {image.id, *image.references}:
            return image
    tag = image_tag(name) if name in image_names() else name
    if tag not in tags:
        raise UnknownNameError(f"There is no image {name!r} that dgm pulled or built; `dgm images` lists them.")
    return tag


def _removed(engine: Engine, store: ImageStore, what: TaskImage | str) -> bool:
    if isinstance(what, TaskImage):
        return store.remove(what)
    try:
        engine.remove_image(what)
    except NotRunningError:
        return False
    except GoneError:
        return True
    return True


def _used(image: TaskImage) -> datetime:
    return datetime.fromtimestamp(image.used, UTC)
