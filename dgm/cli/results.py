"""Where replays put their results."""

from pathlib import Path

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
    """Write a replay's answer into its directory."""
    (directory / RESULT).write_text(json_text(answer) + "\n", "utf-8")
