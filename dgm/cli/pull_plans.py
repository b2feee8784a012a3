"""What is said of images that tasks bring along before they are pulled."""

from dataclasses import asdict, dataclass

from dgm.cli.answers import Answer
from dgm.cli.image_plans import bytes_words
from dgm.config import RunConfig
from dgm.core.errors import EngineUnavailableError
from dgm.core.ports import Benchmark
from dgm.sandbox.disk import engine_disk, free_bytes
from dgm.sandbox.downloads import ASSUMED_BYTES, Downloads, downloads_ahead
from dgm.sandbox.engine import Engine, connect

_UNPACKED = 3
"""Times the size of a download, roughly, is what an image takes on the disk."""


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What a run is going to pull."""

    downloads: Downloads
    quota_bytes: int
    free_bytes: int | None
    """Where the engine keeps images; None where that cannot be seen from here."""


def pull_plan(config: RunConfig, benchmark: Benchmark) -> PullPlan | None:
    """Return what a run is going to pull, None if its tasks bring no images along.

    Where no engine answers it is as if no image were there: whoever goes on without one hears of that.

    Raises:
        MalformedContentError: what should name an image does not.
        SandboxError: the engine failed, or an image is made for another architecture.
    """
    references = benchmark.task_images()
    if not references:
        return None
    quota_bytes = config.swebench.image_quota_bytes
    try:
        engine = connect()
    except EngineUnavailableError:
        return PullPlan(downloads_ahead(None, references), quota_bytes, None)
    try:
        return PullPlan(downloads_ahead(engine, references), quota_bytes, _free_bytes(engine))
    finally:
        engine.close()


def pull_words(plan: PullPlan) -> str:
    """Return a plan as sentences."""
    found = plan.downloads
    if not found.missing:
        return f"Images of the tasks: all {found.here} are here."
    whole = found.here + found.missing
    parts = [
        f"Images of the tasks: {found.here} of {whole} are here, others are pulled when first needed.",
        f"{_size_words(found)}.",
        f"Up to {bytes_words(plan.quota_bytes)} of what dgm pulled is kept (swebench.image_quota_bytes).",
    ]
    if plan.free_bytes is not None and plan.free_bytes < min(plan.quota_bytes, _UNPACKED * found.download_bytes):
        parts.append(
            f"Only {bytes_words(plan.free_bytes)} are free on the engine's disk: lower this quota, or free some."
        )
    return " ".join(parts)


def pull_answer(plan: PullPlan | None) -> Answer | None:
    """Return a plan as plain values."""
    return (
        None
        if plan is None
        else asdict(plan.downloads)
        | {
            "quota_bytes": plan.quota_bytes,
            "free_bytes": plan.free_bytes,
        }
    )


def _size_words(found: Downloads) -> str:
    size = bytes_words(found.download_bytes)
    if found.asked == found.missing:
        return f"To download: {size}"
    if found.asked:
        return f"To download: about {size}, reckoned from {found.asked} of {found.missing}"
    each = bytes_words(ASSUMED_BYTES)
    return f"To download: about {size} if each has {each}, which is assumed since no registry can be asked"


def _free_bytes(engine: Engine) -> int | None:
    disk = engine_disk(engine, engine.info())
    return None if disk is None else free_bytes(disk)
