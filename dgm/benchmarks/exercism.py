"""Reads one exercise in Exercism's on-disk layout; every malformation is an error that names directory and file.

<exercise>/
├── .docs/instructions.md          and optional introduction.md, *.append.md: the statement
├── .meta/config.json              which files are solution, test, example (the reference) and editor
├── .meta/example.py               the reference; see `_solution_path` for where several files stand
├── .meta/rehearsal.json           optional, ours: what the rehearsal model needs beyond the reference
├── <solution files>               stubs
├── <test files>                   hidden, and so is what else is named like a test
├── <all other files>              visible and not graded: editor files, build files
└── .<any other directory>/        hidden: upstream exercises explain their solutions in some
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

from dgm.benchmarks.exercise_files import Source, is_private, read_exercise_files
from dgm.benchmarks.manifest import Expected, content_hash
from dgm.benchmarks.statements import statement
from dgm.core.errors import MalformedContentError
from dgm.core.files import FileTree
from dgm.core.ids import TaskId
from dgm.core.tasks import KnownTask, Task

CONFIG = ".meta/config.json"
REHEARSAL = ".meta/rehearsal.json"


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: what an agent sees, and what only the host knows."""

    known: KnownTask
    tests: FileTree
    """Hidden: the listed tests and whatever else is named like one."""
    test_paths: tuple[str, ...]
    """The listed tests, which are run."""
    category: str
    """What makes it hard for an agent, such as "noisy"; "" where it is not said."""
    expected: frozenset[str] | None = None
    """The names of its tests, from the reference's run; None where the tests' own text tells them."""

    @property
    def task(self) -> Task:
        """The task as an agent sees it."""
        return self.known.task

    @property
    def name(self) -> str:
        """The last part of the task's id, which some build tools want as the name of the directory."""
        return self.task.id.rpartition("/")[2]


class _Files(BaseModel):
    model_config = ConfigDict(frozen=True)

    solution: list[str] = Field(min_length=1)
    test: list[str] = Field(min_length=1)
    example: list[str] = Field(min_length=1)
    editor: list[str] = []


class _Config(BaseModel):
    """What we read of Exercism's `config.json`; it has more keys than these."""

    model_config = ConfigDict(frozen=True)

    files: _Files
    blurb: str = ""


class _Rehearsal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str = ""
    naive: dict[str, str] = {}
    """Path of a naive attempt's file -> solution path."""
    must_see: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the exercises of one language in one benchmark have in common."""

    hides: Callable[[str], bool]
    """Whether a path is named like a test, so that it is hidden even if unlisted."""
    image: str = "python"
    helper_paths: str = ""
    """See `Task.helper_paths`."""
    tools: str = ""
    """A sentence for the statement."""
    group: str = ""


def load_exercise(
    directory: Path, task: TaskId, *, frame: Frame, has_signal: bool = True, expected: Expected | None = None
) -> Exercise:
    """Return the exercise in `directory`.

    Args:
        directory: holds `.docs`, `.meta`, stubs and tests.
        task: the id to give it.
        frame: what it has in common with others.
        has_signal: see `Task.has_signal`.
        expected: what the exercise is known to be; it is not looked at unless given.
    Raises:
        MalformedContentError: it is not as it must be; the message names the directory and the file.
    """
    source = Source(directory, read_exercise_files(directory))
    if expected is not None and content_hash(source.files) != expected.files:
        raise MalformedContentError(
            f"{directory}: task {task} is not what it was when it was checked: another revision, or changed files."
        )
    listed = _listed_files(source, frame)
    visible = {path: file for path, file in source.files.items() if not is_private(path)}
    tests = {path: file for path, file in visible.items() if path in listed.test or frame.hides(path)}
    shown = Task(
        id=task,
        statement=statement(source, listed.solution, helpers=bool(frame.helper_paths), tools=frame.tools),
        workspace={path: file for path, file in visible.items() if path not in tests},
        solution_paths=tuple(listed.solution),
        image=frame.image,
        helper_paths=frame.helper_paths,
        group=frame.group,
        has_signal=has_signal,
    )
    for path in tests:
        if shown.takes(path):
            raise source.error(path, "is a hidden test, and a solution could bring a file of that name")
    rehearsal = source.parse(REHEARSAL, _Rehearsal) if REHEARSAL in source.files else _Rehearsal()
    return Exercise(
        known=_known(source, shown, listed, rehearsal),
        tests=tests,
        test_paths=tuple(listed.test),
        category=rehearsal.category,
        expected=None if expected is None else expected.tests,
    )


def _listed_files(source: Source, frame: Frame) -> _Files:
    listed = source.parse(CONFIG, _Config).files
    kinds = (
        ("solution", listed.solution),
        ("test", listed.test),
        ("example", listed.example),
        ("editor", listed.editor),
    )
    for kind, paths in kinds:
        source.require(paths, f"{kind} file", named_in=CONFIG)
    for path in listed.solution:
        if is_private(path) or frame.hides(path) or path in listed.test:
            raise source.error(CONFIG, f"names {path} as a solution file, but agents do not see that file")
    for path in listed.test:
        if is_private(path):
            raise source.error(CONFIG, f"names {path} as a test file, but nothing is run from a private directory")
    return listed


def _known(source: Source, task: Task, listed: _Files, rehearsal: _Rehearsal) -> KnownTask:
    return KnownTask(
        task=task,
        reference=_reference(source, task, listed.example),
        naive=_naive(source, listed.solution, rehearsal.naive),
        must_see=rehearsal.must_see,
    )


def _reference(source: Source, task: Task, example: Sequence[str]) -> FileTree:
    """Return the files that resolve the task; where no example stands for a solution file, its stub does."""
    found = {path: source.files[path] for path in task.solution_paths}
    stands_for = {path: _solution_path(path, task.solution_paths) for path in example}
    for path, target in stands_for.items():
        if target is None or list(stands_for.values()).count(target) > 1:
            raise source.error(CONFIG, f"names the example file {path}, and it cannot be told what it stands for")
        if task.takes(target):
            found[target] = source.files[path]
        elif target not in task.workspace:  # a file that every solution finds there needs no reference
            raise source.error(CONFIG, f"names the example file {path} for {target}, which no solution may bring")
    manifest = ".meta/Cargo-example.toml"  # of a reference that needs crates; no list names it
    if manifest in source.files and "Cargo.toml" in found:
        found["Cargo.toml"] = source.files[manifest]
    return found


def _solution_path(example: str, solution: Sequence[str]) -> str | None:
    """Return which path of a solution an example file stands for, None if that cannot be told."""
    for start, place in ((".meta/example/", ""), (".meta/src/reference/java/", "src/main/java/")):
        if example.startswith(start):
            return place + example.removeprefix(start)
    if len(solution) == 1:
        return solution[0]
    suffix = PurePosixPath(example).suffix
    alike = [path for path in solution if PurePosixPath(path).suffix == suffix]
    return alike[0] if len(alike) == 1 else None


def _naive(source: Source, solution: Sequence[str], naive: Mapping[str, str]) -> FileTree:
    source.require(list(naive), "naive attempt", named_in=REHEARSAL)
    for path in naive.values():
        if path not in solution:
            raise source.error(REHEARSAL, f"names {path!r}, which is not a solution file")
    return {target: source.files[path] for path, target in naive.items()}
