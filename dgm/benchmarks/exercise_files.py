"""The files of one exercise as they stand on disk, read with suspicion: an exercise may be a stranger's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_LEFT_BEHIND_BY_TOOLS = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"})
_MAX_FILE_BYTES = 1_000_000

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one exercise, and how to complain about them."""

    directory: Path
    files: FileTree

    def error(self, path: str, problem: str) -> MalformedContentError:
        """Return what to raise: `problem` is what to say of the file at `path`."""
        return MalformedContentError(f"{self.directory}: {path} {problem}.")

    def text(self, path: str) -> str:
        """Return a file's text.

        Raises:
            MalformedContentError: it is not UTF-8.
        """
        try:
            return self.files[path].content.decode()
        except UnicodeDecodeError as error:
            raise self.error(path, "is not UTF-8 text") from error

    def parse(self, path: str, model: type[Model]) -> Model:
        """Return what the JSON file at `path` says.

        Raises:
            MalformedContentError: it is missing or not of that form.
        """
        self.require([path], "file", named_in="the layout")
        try:
            return model.model_validate_json(self.text(path), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"is wrong at {where}: {first['msg']}" if where else f"is not valid: {first['msg']}"
            raise self.error(path, problem) from error

    def require(self, paths: Sequence[str], what: str, *, named_in: str) -> None:
        """Check that each of `paths` is a file of the exercise, and named once.

        Raises:
            MalformedContentError: one is not.
        """
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


def is_private(path: str) -> bool:
    """Return whether `path` is below a directory that agents see nothing of."""
    # Not only .meta and .docs: .approaches and .articles hold solutions.
    return any(part.startswith(".") for part in path.split("/")[:-1])


def read_exercise_files(directory: Path) -> dict[str, File]:
    """Return all files of an exercise, hidden ones too.

    Raises:
        MalformedContentError: there is no such directory, or it holds what no exercise may.
    """
    return dict(_read_tree(directory))


def _read_tree(directory: Path) -> Iterator[tuple[str, File]]:
    if not directory.is_dir():
        raise MalformedContentError(f"{directory}: there is no such task directory.")
    for path in sorted(_walk(directory)):
        relative = path.relative_to(directory).as_posix()
        if not is_plain_path(relative):
            raise MalformedContentError(f"{directory}: {relative!r} is a name that no file of a task may have.")
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
