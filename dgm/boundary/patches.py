"""Diffs that the host makes of validated trees; an agent's own diff is never taken."""

import difflib

from dgm.core.files import File, FileTree, changed_paths

MAX_PATCH_CHARS = 100_000


def unified_patch(before: FileTree, after: FileTree, *, max_chars: int = MAX_PATCH_CHARS) -> str:
    """Return the unified diff from `before` to `after`, empty when they are equal, clipped at `max_chars`.

    Pure text work on bytes already in memory: no git, no external diff, no attribute or filter can run. A file that is
    not UTF-8 text is named, not shown.
    """
    parts = [_file_patch(path, before.get(path), after.get(path)) for path in changed_paths(before, after)]
    patch = "".join(parts)
    return patch if len(patch) <= max_chars else patch[:max_chars] + "\n[clipped]\n"


def _file_patch(path: str, old: File | None, new: File | None) -> str:
    old_lines, new_lines = _lines(old), _lines(new)
    from_file = f"a/{path}" if old else "/dev/null"
    to_file = f"b/{path}" if new else "/dev/null"
    if old_lines is None or new_lines is None:
        return f"Binary files {from_file} and {to_file} differ\n"
    lines = list(difflib.unified_diff(old_lines, new_lines, from_file, to_file))
    if not lines:
        return f"--- {from_file}\n+++ {to_file}\nmode changed\n"
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(file: File | None) -> list[str] | None:
    """Return a file's lines, [] where there is none, None where it is not text."""
    if file is None:
        return []
    try:
        return file.content.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        return None
