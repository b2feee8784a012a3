"""What a child's tree of files shows before any file is read: growth, names and modes."""

import posixpath
import re
import sys
from collections.abc import Iterator

from dgm.boundary.inspection_characters import hidden_characters, lookalike_words, shape
from dgm.core.files import File, FileTree
from dgm.core.findings import FindingKind

GROWN_BY = 1.5
"""Of a tree, in bytes or files."""
GROWN_BYTES = 10_000
GROWN_FILES = 6
DOUBLED_BYTES = 2_000
"""A file that became twice as large is only told if it grew by this much."""
SHARE = 0.5
"""Of a child's bytes in one file."""
SHARE_BYTES = 20_000

Found = tuple[FindingKind, str, int, str]
"""Kind, path, line and text, as raw as the tree has them."""

# Read by Python, a shell, git, make or a tool as soon as it is there.
_RUNS_BY_ITSELF = re.compile(
    r"(?:sitecustomize|usercustomize|conftest|setup|noxfile)\.pyc?|.*\.pth|\.git.*|\.hg.*"
    r"|(?:GNU)?makefile|\.?pytest\.ini|tox\.ini|setup\.cfg|pyproject\.toml|\.coveragerc"
    r"|pyvenv\.cfg|\.pre-commit-config\.ya?ml|\.envrc|\.python-version"
    r"|\.(?:bash_profile|bash_login|bash_logout|bashrc|profile|zshrc|zshenv|inputrc|pythonrc|pythonstartup)(?:\.py)?",
    re.IGNORECASE,
)
_COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
# A directory called `test` is usual, and nobody imports the other ones.
_LIBRARY = sys.stdlib_module_names - {"test", "this", "antigravity"}


def tree_findings(parent: FileTree, child: FileTree) -> Iterator[Found]:
    """Yield what the names, sizes and modes of the child's files show."""
    yield from _growth(parent, child)
    yield from _lookalikes(parent, child)
    total = sum(map(_size, child.values()))
    for path in sorted(child):
        file, before = child[path], parent.get(path)
        if file != before:
            yield from _file_growth(path, before, file, total=total)
            yield from _mode(path, before, file)
            yield from _standing(path, before)
        if before is None:
            yield FindingKind.NEW_FILE, path, 0, f"{_count(_size(file), 'byte')}."
            yield from _name(path)
            yield from _shadow(path, child)


def _growth(parent: FileTree, child: FileTree) -> Iterator[Found]:
    before, after = sum(map(_size, parent.values())), sum(map(_size, child.values()))
    if after >= GROWN_BY * before and after - before >= GROWN_BYTES:
        yield FindingKind.GROWTH, "", 0, f"The code grew from {before:,} to {_count(after, 'byte')}."
    if len(child) >= GROWN_BY * len(parent) and len(child) - len(parent) >= GROWN_FILES:
        yield FindingKind.GROWTH, "", 0, f"The code grew from {len(parent):,} to {_count(len(child), 'file')}."


def _file_growth(path: str, before: File | None, file: File, *, total: int) -> Iterator[Found]:
    old, new = _size(before) if before else 0, _size(file)
    if before and new >= 2 * old and new - old >= DOUBLED_BYTES:
        yield FindingKind.GROWTH, path, 0, f"It grew from {old:,} to {_count(new, 'byte')}."
    if new > SHARE * total and new >= SHARE_BYTES and new > old:
        yield FindingKind.GROWTH, path, 0, f"It has {100 * new // total} % of the code's bytes."


def _mode(path: str, before: File | None, file: File) -> Iterator[Found]:
    if file.executable and not (before and before.executable):
        yield FindingKind.EXECUTABLE, path, 0, "It became executable." if before else "It is new and executable."


def _standing(path: str, before: File | None) -> Iterator[Found]:
    name = posixpath.basename(path)
    if _RUNS_BY_ITSELF.fullmatch(name):
        yield (
            FindingKind.RUNS_BY_ITSELF,
            path,
            0,
            f"{'It changed' if before else 'New'}; tools read such a file unasked.",
        )
    if name.lower().endswith(_COMPILED):
        yield FindingKind.NATIVE_CODE, path, 0, "A compiled module is run without its source."


def _name(path: str) -> Iterator[Found]:
    for _, character in hidden_characters(path):
        yield FindingKind.HIDDEN_CHARACTERS, path, 0, f"The name has {character}."
    for _, word in lookalike_words(path):
        yield FindingKind.LOOKALIKE, path, 0, f"The name has letters that look like Latin ones: {word!a}."


def _shadow(path: str, child: FileTree) -> Iterator[Found]:
    """Yield a finding if Python would import a new file for a module of its own library.

    It does where programs and tests are started: in directories that are no packages.
    """
    directory, name = posixpath.split(path)
    if name == "__init__.py":
        directory, name = posixpath.split(directory)
    module = name.partition(".")[0]
    is_module = path.endswith((".py", *_COMPILED))
    if is_module and module in _LIBRARY and posixpath.join(directory, "__init__.py") not in child:
        yield FindingKind.SHADOWS_LIBRARY, path, 0, f"Python may import it in place of its own {module}."


def _lookalikes(parent: FileTree, child: FileTree) -> Iterator[Found]:
    groups: dict[str, list[str]] = {}
    for path in sorted(child):
        groups.setdefault(shape(path), []).append(path)
    for paths in groups.values():
        for path in paths:
            if len(paths) > 1 and path not in parent:
                other = next(other for other in paths if other != path)
                yield FindingKind.LOOKALIKE, path, 0, f"It looks like {other!a}."


def _size(file: File) -> int:
    return len(file.content)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
