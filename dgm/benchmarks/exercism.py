"""Reads one exercise in Exercism's on-disk layout; every malformation is an error that names directory and file.

<exercise>/
├── .docs/instructions.md          and optional introduction.md, *.append.md: the statement
├── .meta/config.json              which files are solution, test, example (the reference) and editor
├── .meta/example.py               the reference; .meta/example/<solution path> where there are several files
├── .meta/rehearsal.json           optional, ours: what the rehearsal model needs beyond the reference
├── <solution files>               stubs
├── <editor files>                 visible, not graded
└── <test files>                   hidden
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree
from dgm.core.ids import TaskId
from dgm.core.tasks import KnownTask, Task

CONFIG = ".meta/config.json"
REHEARSAL = ".meta/rehearsal.json"
_DOCS = (
    ".docs/introduction.md",
    ".docs/introduction.append.md",
    ".docs/instructions.md",
    ".docs/instructions.append.md",
)
_LEFT_BEHIND_BY_TOOLS = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"})
_MAX_FILE_BYTES = 1_000_000


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

    @property
    def task(self) -> Task:
        """The task as an agent sees it."""
        return self.known.task


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


def load_exercise(directory: Path, task: TaskId, *, hides: Callable[[str], bool]) -> Exercise:
    """Return the exercise in `directory`.

    Args:
        directory: holds `.docs`, `.meta`, stubs and tests.
        task: the id to give it.
        hides: whether a path is named like a test in the exercise's language, so that it is hidden even if unlisted.
    Raises:
        MalformedContentError: it is not as it must be; the message names the directory and the file.
    """
    source = _Source(directory, dict(_read_tree(directory)))
    config = source.parse(CONFIG, _Config)
    rehearsal = source.parse(REHEARSAL, _Rehearsal) if REHEARSAL in source.files else _Rehearsal()
    listed = config.files
    for kind, paths in (("solution", listed.solution), ("test", listed.test), ("example", listed.example)):
        source.require(paths, f"{kind} file", named_in=CONFIG)
    source.require(listed.editor, "editor file", named_in=CONFIG)
    for path in listed.solution:
        if _is_private(path) or hides(path) or path in listed.test:
            raise source.error(CONFIG, f"names {path} as a solution file, but agents do not see that file")

    def hidden(path: str) -> bool:
        return path in listed.test or hides(path)

    visible = {path: file for path, file in source.files.items() if not _is_private(path)}
    known = KnownTask(
        task=Task(
            id=task,
            statement=_statement(source, listed.solution),
            workspace={path: file for path, file in visible.items() if not hidden(path)},
            solution_paths=tuple(listed.solution),
        ),
        reference=_reference(source, listed.solution, listed.example),
        naive=_naive(source, listed.solution, rehearsal.naive),
        must_see=rehearsal.must_see,
    )
    tests = {path: file for path, file in visible.items() if hidden(path)}
    return Exercise(known=known, tests=tests, test_paths=tuple(listed.test), category=rehearsal.category)


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Source:
    """The files of one exercise, and how to complain about them."""

    directory: Path
    files: FileTree

    def error(self, path: str, problem: str) -> MalformedContentError:
        return MalformedContentError(f"{self.directory}: {path} {problem}.")

    def text(self, path: str) -> str:
        try:
            return self.files[path].content.decode()
        except UnicodeDecodeError as error:
            raise self.error(path, "is not UTF-8 text") from error

    def parse(self, path: str, model: type[_Model]) -> _Model:
        self.require([path], "file", named_in="the layout")
        try:
            return model.model_validate_json(self.text(path), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"is wrong at {where}: {first['msg']}" if where else f"is not valid: {first['msg']}"
            raise self.error(path, problem) from error

    def require(self, paths: Sequence[str], what: str, *, named_in: str) -> None:
        for path in paths:
            if not is_plain_path(path):
                raise self.error(named_in, f"names {path!r}, which is not a plain relative path")
            if path not in self.files:
                raise self.error(path, f"is missing: {named_in} names it as a {what}")
        if len(set(paths)) < len(paths):
            raise self.error(named_in, f"names a {what} twice")


def is_plain_path(path: str) -> bool:
    """Return whether `path` is relative, POSIX, normalised and stays below its root."""
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and not any(part in {"", ".", ".."} for part in parts)


def _is_private(path: str) -> bool:
    return path.startswith((".meta/", ".docs/"))


def _read_tree(directory: Path) -> Iterator[tuple[str, File]]:
    if not directory.is_dir():
        raise MalformedContentError(f"{directory}: there is no such task directory.")
    for path in sorted(_walk(directory)):
        relative = path.relative_to(directory).as_posix()
        status = path.stat()
        if status.st_size > _MAX_FILE_BYTES:
            raise MalformedContentError(f"{directory}: {relative} is larger than {_MAX_FILE_BYTES} bytes.")
        yield relative, File(path.read_bytes(), executable=bool(status.st_mode & 0o100))


def _walk(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.is_symlink():
            # A task from elsewhere could point at any file of the host, which agents would then see.
            raise MalformedContentError(f"{directory}: {path.name} is a symbolic link, which a task may not have.")
        if path.is_dir():
            if path.name not in _LEFT_BEHIND_BY_TOOLS:
                yield from _walk(path)
        elif path.is_file():
            yield path
        else:
            raise MalformedContentError(f"{directory}: {path.name} is neither a file nor a directory.")


def _statement(source: _Source, solution: Sequence[str]) -> str:
    source.require([".docs/instructions.md"], "file", named_in="the layout")
    texts = [source.text(path).strip() for path in _DOCS if path in source.files]
    names = ", ".join(f"`{path}`" for path in solution)
    texts.append(f"Change only: {names}. Hidden tests judge the result; other files are not taken.")
    return "\n\n".join(texts) + "\n"


def _reference(source: _Source, solution: Sequence[str], example: Sequence[str]) -> FileTree:
    if len(solution) == len(example) == 1:
        return {solution[0]: source.files[example[0]]}
    by_solution = {str(PurePosixPath(*PurePosixPath(path).parts[2:])): path for path in example}
    if set(by_solution) != set(solution):
        raise source.error(CONFIG, "must name one example file .meta/example/<path> for each solution file")
    return {path: source.files[by_solution[path]] for path in solution}


def _naive(source: _Source, solution: Sequence[str], naive: Mapping[str, str]) -> FileTree:
    source.require(list(naive), "naive attempt", named_in=REHEARSAL)
    for path in naive.values():
        if path not in solution:
            raise source.error(REHEARSAL, f"names {path!r}, which is not a solution file")
    return {target: source.files[path] for path, target in naive.items()}
