"""What `dgm images` shows and does."""

import time
from collections.abc import Iterable, Mapping, Sequence

import typer
from rich.console import RenderableType
from rich.text import Text

from dgm.cli.answers import Answer, json_text
from dgm.cli.image_plans import benchmarks_by_image, named_images, size_words, time_words, total_words
from dgm.cli.screen import console, plain_table, show
from dgm.cli.task_image_listing import task_images, task_images_answer, task_images_view
from dgm.sandbox.engine import connect
from dgm.sandbox.engine_images import Image
from dgm.sandbox.image_sizes import image_size
from dgm.sandbox.images import ensure_image, image_names, image_tag, images_to_build, our_images

_MEGABYTE = 10**6
_DIGEST_SHOWN = 19


def build_images(names: Sequence[str], patterns: Sequence[str], *, as_json: bool) -> None:
    """Build what is not there yet, and show digest and size of all that was asked for.

    Args:
        names, patterns: as in `named_images`.
        as_json: print JSON on standard output; progress is on standard error in any case.
    Raises:
        UsageError: it cannot be told what is meant.
        SandboxError: an image could not be built.
    """
    wanted = named_images(names, patterns)
    engine, screen = connect(), console(stderr=True)
    missing = images_to_build(engine, wanted)
    if missing:
        screen.print(*_plan(missing), sep="\n")
    seconds: dict[str, float] = {}
    for name in missing:
        began = time.monotonic()
        ensure_image(engine, name, say=lambda text: screen.print(Text(text)))
        seconds[name] = time.monotonic() - began
    by_tag = our_images(engine)
    found = {name: by_tag[image_tag(name)] for name in dict.fromkeys([*missing, *wanted])}
    if as_json:
        rows = [_answer(name, image) | {"build_seconds": seconds.get(name)} for name, image in found.items()]
        typer.echo(json_text({"images": rows}))
    else:
        show(_built_table(found, seconds))


def list_images(*, as_json: bool) -> None:
    """Show all images that there can be, those that older versions left on the engine, and those of tasks."""
    engine = connect()
    by_tag, of_tasks, users = our_images(engine), task_images(engine), benchmarks_by_image()
    current = {name: by_tag.pop(image_tag(name), None) for name in image_names()}
    if not as_json:
        show(_table(current, by_tag, users), *_notes(current), *task_images_view(of_tasks))
        return
    rows = [
        _answer(name, image) | _expected(name) | {"benchmarks": list(users.get(name, ()))}
        for name, image in current.items()
    ]
    older = [{"tag": tag, "digest": image.id, "size_bytes": image.size_bytes} for tag, image in by_tag.items()]
    typer.echo(json_text({"images": rows, "older": older, "task_images": task_images_answer(of_tasks)}))


def _plan(missing: Sequence[str]) -> list[RenderableType]:
    """Return what is going to be built, how large it will be and how long that will take."""
    table = plain_table("to build")
    for column in ("about", "in about"):
        table.add_column(column, justify="right")
    for name in missing:
        size = image_size(name)
        table.add_row(name, size_words(size.megabytes), time_words(size.seconds))
    together = Text(f"Together {total_words(missing)}; what they share is counted once.")
    return [table, together] if len(missing) > 1 else [table]


def _built_table(found: Mapping[str, Image], seconds: Mapping[str, float]) -> RenderableType:
    table = plain_table("image", "tag")
    table.add_column("MB", justify="right")
    for column in ("digest", "built"):
        table.add_column(column)
    for name, image in found.items():
        built = f"in {time_words(seconds[name])}" if name in seconds else "before"
        table.add_row(name, _short_tag(name), _megabytes(image), image.id[:_DIGEST_SHOWN], built)
    return table


def _table(
    current: Mapping[str, Image | None], older: Mapping[str, Image], users: Mapping[str, Sequence[str]]
) -> RenderableType:
    table = plain_table("image", "tag")
    table.add_column("MB", justify="right")
    table.add_column("benchmarks", overflow="fold")
    for name, image in current.items():
        cells = (_short_tag(name), _megabytes(image)) if image else ("not built", f"~{image_size(name).megabytes}")
        table.add_row(name, *cells, ", ".join(users.get(name, ())) or "none")
    for whole, image in older.items():
        name, _, tag = whole.removeprefix("dgm-").partition(":")
        table.add_row(name, tag, _megabytes(image), "none: of an older version")
    return table


def _notes(current: Mapping[str, Image | None]) -> Iterable[str]:
    built = [name for name, image in current.items() if image is not None]
    if built:
        yield "`dgm images remove NAME` removes one."
    if len(built) < len(current):
        yield "`dgm images build NAME` builds one, or all that a benchmark takes."


def _answer(name: str, image: Image | None) -> Answer:
    return {
        "name": name,
        "tag": image_tag(name),
        "digest": None if image is None else image.id,
        "size_bytes": None if image is None else image.size_bytes,
    }


def _expected(name: str) -> Answer:
    size = image_size(name)
    return {"expected_megabytes": size.megabytes, "expected_build_seconds": size.seconds}


def _short_tag(name: str) -> str:
    return image_tag(name).partition(":")[2]


def _megabytes(image: Image) -> str:
    return f"{image.size_bytes / _MEGABYTE:.0f}"
