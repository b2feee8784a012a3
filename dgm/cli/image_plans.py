"""Which sandbox images something takes, and what is said of those that have to be built first."""

from collections.abc import Iterable, Mapping, Sequence

from dgm.benchmarks.catalogue import benchmark_names, outline_named
from dgm.config import RunConfig
from dgm.core.errors import InfrastructureError, UnknownNameError, UsageError
from dgm.core.ports import Benchmark
from dgm.sandbox.engine import connect
from dgm.sandbox.image_sizes import added_size
from dgm.sandbox.images import image_names, images_to_build

ALL = "all"
_SECONDS_PER_MINUTE = 60
_MEGABYTES_PER_GIGABYTE = 1000
_BYTES_PER_MEGABYTE = 10**6


def named_images(names: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the images that a user means.

    Args:
        names: images, benchmarks (all their images) and "all"; the default benchmark when empty.
        patterns: only what these tasks take, of the one benchmark that is named.
    Raises:
        UnknownNameError: one is neither, or a pattern fits no task.
        UsageError: patterns go with one benchmark alone.
    """
    wanted = names or (RunConfig().benchmark,)
    if not patterns:
        return tuple(dict.fromkeys(image for name in wanted for image in _images_of(name)))
    if len(set(wanted)) > 1 or wanted[0] not in benchmark_names():
        raise UsageError(f"--tasks goes with the name of one benchmark, such as {benchmark_names()[0]}.")
    return outline_named(wanted[0], patterns).images()


def _images_of(name: str) -> tuple[str, ...]:
    if name == ALL:
        return image_names()
    if name in benchmark_names():
        return outline_named(name).images()
    if name not in image_names():
        raise UnknownNameError(
            f"There is no image or benchmark {name!r}; images are {', '.join(image_names())}, "
            f"benchmarks {', '.join(benchmark_names())}."
        )
    return (name,)


def benchmarks_by_image() -> Mapping[str, tuple[str, ...]]:
    """Return for each image the benchmarks that take it."""
    users: dict[str, tuple[str, ...]] = {}
    for benchmark in benchmark_names():
        for image in outline_named(benchmark).images():
            users[image] = (*users.get(image, ()), benchmark)
    return users


def building_ahead(benchmark: Benchmark) -> str:
    """Return a sentence on the images that have to be built before a benchmark can be used, "" if there are none.

    Where no engine answers it is "" too: whoever goes on without one hears of that.
    """
    try:
        engine = connect()
        try:
            missing = images_to_build(engine, benchmark.images())
        finally:
            engine.close()
    except InfrastructureError:
        return ""
    return f"Sandbox images to build first: {', '.join(missing)}; {total_words(missing)}." if missing else ""


def total_words(images: Iterable[str]) -> str:
    """Return how large images are together and how long their builds take, as far as that is known before."""
    size = added_size(images)
    return f"about {size_words(size.megabytes)} and {time_words(size.seconds)}"


def size_words(megabytes: int) -> str:
    """Return a size in the unit that suits it."""
    if megabytes < _MEGABYTES_PER_GIGABYTE:
        return f"{megabytes} MB"
    return f"{megabytes / _MEGABYTES_PER_GIGABYTE:.1f} GB"


def bytes_words(number: int) -> str:
    """Return a size in the unit that suits it."""
    return size_words(round(number / _BYTES_PER_MEGABYTE))


def time_words(seconds: float) -> str:
    """Return a time to the second, from two minutes on to the minute."""
    if seconds < 2 * _SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _SECONDS_PER_MINUTE:.0f} min"
