"""Where replays put their results."""

from collections.abc import Callable, Generator, Sized
from contextlib import contextmanager
from pathlib import Path

from dgm.boundary.whole_files import write_whole
from dgm.cli.answers import Answer, json_text
from dgm.core.errors import ArchiveError

RESULT = "result.json"


def results_directory(out: Path | None, run: Path) -> Path:
    """Make the directory that a replay writes to.

    Raises:
        ArchiveError: it cannot be made, as below a run on a medium that is read-only.
    """
    try:
        if out is not None:
            out.mkdir(parents=True)
            return out
        replays = run / "replays"
        replays.mkdir(exist_ok=True)
        number = 1
        while True:
            try:
                (directory := replays / f"{number:04d}").mkdir()
            except FileExistsError:
                number += 1
                continue
            return directory
    except OSError as error:
        raise ArchiveError(
            f"{error.filename} cannot be made ({error.strerror}); name a new place with --out."
        ) from error


def write_result(directory: Path, answer: Answer) -> None:
    """Write a replay's answer into its directory, whole or not at all."""
    write_whole(directory / RESULT, f"{json_text(answer)}\n".encode())


@contextmanager
def kept_results(directory: Path, answer: Callable[[], Answer], *, results: Sized) -> Generator[None]:
    """Lose no result to what ends a replay: measuring takes hours, and is paid for.

    After Ctrl-C it goes on with what there is. Whatever else ends it, such as for want of somebody who reads what is
    printed, is raised once the answer is written.

    Args:
        directory: of the replay.
        answer: made of the results that there are by then.
        results: those; without any, everything is raised as it is.
    """
    try:
        yield
    except BaseException as error:
        if not results:
            raise
        if not isinstance(error, KeyboardInterrupt):
            write_result(directory, answer())
            raise
