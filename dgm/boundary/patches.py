"""Diffs that the host makes of validated trees; an agent's own diff is never taken."""

import difflib
from dataclasses import dataclass

from dgm.core.files import File, FileTree, changed_paths
from dgm.core.sequences import common_start

MAX_PATCH_CHARS = 30_000
# difflib is far slower than linear at its worst, and an agent chooses the files: what would take more comparisons of
# lines than this, over the whole patch, is shown as one block instead.
MAX_COMPARISONS = 4_000_000
MAX_SHOWN_BYTES = 1_000_000
"""Of one file. Lines as Python objects take 30 times as much memory as their bytes."""
_CONTEXT = 3


def unified_patch(before: FileTree, after: FileTree, *, max_chars: int = MAX_PATCH_CHARS) -> str:
    """Return the unified diff from `before` to `after`, empty when they are equal, clipped at `max_chars`.

    Pure text work on bytes already in memory: no git, no external diff, no attribute or filter can run. A file that is
    not UTF-8 text, or too large, is named, not shown.
    """
    purse = _Purse(MAX_COMPARISONS)
    parts: list[str] = []
    length = 0
    for path in changed_paths(before, after):
        parts.append(_file_patch(path, before.get(path), after.get(path), purse))
        length += len(parts[-1])
        if length > max_chars:
            return "".join(parts)[:max_chars] + "\n[clipped]\n"
    return "".join(parts)


@dataclass
class _Purse:
    """Comparisons that are left for one patch."""

    left: int

    def afford(self, comparisons: int) -> bool:
        if comparisons > self.left:
            return False
        self.left -= comparisons
        return True


def _file_patch(path: str, old: File | None, new: File | None, purse: _Purse) -> str:
    from_file = f"a/{path}" if old else "/dev/null"
    to_file = f"b/{path}" if new else "/dev/null"
    if any(file is not None and len(file.content) > MAX_SHOWN_BYTES for file in (old, new)):
        return f"Files {from_file} and {to_file} differ, too large to be shown\n"
    old_lines, new_lines = _lines(old), _lines(new)
    if old_lines is None or new_lines is None:
        return f"Binary files {from_file} and {to_file} differ\n"
    header = f"--- {from_file}\n+++ {to_file}\n"
    if old_lines == new_lines:
        return f"{header}mode changed\n" if old and new else header
    hunks = _hunks(old_lines, new_lines, purse)
    return header + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in hunks
    )


def _hunks(old: list[str], new: list[str], purse: _Purse) -> list[str]:
    """Return the hunks of a unified diff; one block around all that differs where finding more would cost too much."""
    start = common_start(old, new)
    end = common_start(old[start:][::-1], new[start:][::-1])
    first = max(0, start - _CONTEXT)
    old_part = old[first : len(old) - max(0, end - _CONTEXT)]
    new_part = new[first : len(new) - max(0, end - _CONTEXT)]
    if not purse.afford(len(old_part) * len(new_part)):
        removed = [f"-{line}" for line in old[start : len(old) - end]]
        added = [f"+{line}" for line in new[start : len(new) - end]]
        return [f"@@ -{start + 1},{len(removed)} +{start + 1},{len(added)} @@\n", *removed, *added]
    # As many empty lines ahead as were cut, so that difflib counts lines as the whole file does.
    ahead = [""] * first
    return list(difflib.unified_diff(ahead + old_part, ahead + new_part, n=_CONTEXT))[2:]


def _lines(file: File | None) -> list[str] | None:
    """Return a file's lines with their ends, [] where there is no file, None where it is not text."""
    if file is None:
        return []
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")  # not splitlines: a form feed ends no line
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended
