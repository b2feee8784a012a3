"""A look at a child's code before it first runs: what it has that its parent had not, and that a person should see.

A signal, not a wall: whoever knows this file can write around it. It only reads: nothing of the child is run, compiled
or parsed by more than expressions of ours, the time is linear in the bytes, and no bytes make it raise.
"""

import posixpath
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from dgm.boundary.inspection_characters import unmasked
from dgm.boundary.inspection_constructs import CONSTRUCTS
from dgm.boundary.inspection_lines import MAX_SHOWN_CHARS, line_around, line_findings
from dgm.boundary.inspection_patterns import View
from dgm.boundary.inspection_sources import Source, added_lines, is_text, source_of
from dgm.boundary.inspection_trees import tree_findings
from dgm.boundary.text import safe_line, safe_name
from dgm.core.files import File, FileTree
from dgm.core.findings import Finding, FindingKind

MAX_FINDINGS = 200
MAX_INSPECTED_BYTES = 8 * 2**20
"""Of the files that differ, on both sides together: as much as a parent's and a child's code may have."""
MAX_LINE_ENDS = 200_000
"""Of one file."""
_SHOWN_PATH_CHARS = 200


def findings(parent: FileTree, child: FileTree) -> tuple[Finding, ...]:
    """Return what is worth a look in `child`, the most alarming first, then by path and line.

    Only what the child added counts: lines are compared as multisets within a file, so that moved ones are none, and a
    construct is none in a line that took the place of one with the same construct. A kind is told once per line.

    Returns:
        at most `MAX_FINDINGS`; where there are more, each kind has its share, and the last one says what is left out.
    """
    found = _Found()
    for kind, path, line, text in tree_findings(parent, child):
        found.add(kind, path, line, text)
    for pair in _inspected(_pairs(parent, child), found):
        _inspect(pair, found)
    return found.listed()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A file that differs and what it was made of."""

    path: str
    after: File
    before: File | None

    @property
    def size(self) -> int:
        return len(self.after.content) + (len(self.before.content) if self.before else 0)

    @property
    def line_ends(self) -> int:
        """Return those of the side that has more."""
        files = (file for file in (self.before, self.after) if file)
        return max(file.content.count(b"\n") + file.content.count(b"\r") for file in files)


@dataclass(slots=True)
class _Found:
    """Findings by kind; of each only as many are kept as could be told."""

    _kept: dict[FindingKind, dict[tuple[str, int, str], Finding]] = field(
        default_factory=dict[FindingKind, dict[tuple[str, int, str], Finding]]
    )
    _left_out: Counter[FindingKind] = field(default_factory=Counter[FindingKind])

    def add(self, kind: FindingKind, path: str, line: int, text: str) -> None:
        kept = self._kept.setdefault(kind, {})
        key = (path, line, "" if line else text)
        if key in kept:
            return
        if len(kept) < MAX_FINDINGS:
            shown = safe_line(text, max_chars=2 * MAX_SHOWN_CHARS)
            kept[key] = Finding(kind, safe_name(path, max_chars=_SHOWN_PATH_CHARS), line, shown)
        else:
            self._left_out[kind] += 1

    def listed(self) -> tuple[Finding, ...]:
        by_kind = {kind: [kept[key] for key in sorted(kept)] for kind, kept in self._kept.items()}
        left_out = self._left_out.copy()
        if sum(map(len, by_kind.values())) + left_out.total() > MAX_FINDINGS:
            for kind, share in _shares({kind: len(kept) for kind, kept in by_kind.items()}, MAX_FINDINGS - 1).items():
                left_out[kind] += len(by_kind[kind]) - share
                del by_kind[kind][share:]
        listed = [finding for kind in FindingKind for finding in by_kind.get(kind, ())]
        return (*listed, *_rest(left_out))


def _shares(wanted: Mapping[FindingKind, int], room: int) -> dict[FindingKind, int]:
    """Return how many of each kind are told: a flood of one kind must not hide the others."""
    shares: dict[FindingKind, int] = {}
    for done, kind in enumerate(sorted(wanted, key=lambda kind: (wanted[kind], tuple(FindingKind).index(kind)))):
        shares[kind] = min(wanted[kind], room // (len(wanted) - done))
        room -= shares[kind]
    return shares


def _rest(left_out: Counter[FindingKind]) -> Iterator[Finding]:
    if left_out.total():
        parts = (f"{left_out[kind]:,} {kind.value}" for kind in FindingKind if left_out[kind])
        yield Finding(FindingKind.NOT_LISTED, "", 0, f"{left_out.total():,} more: {', '.join(parts)}.")


def _pairs(parent: FileTree, child: FileTree) -> list[_Pair]:
    """Return the files of the child that differ from the parent's.

    A new file was made of one that is gone: of the same content and kind, else of the same name in another directory,
    which is taken once, so that the time does not grow with new files times gone ones.
    """
    gone = [path for path in sorted(parent, reverse=True) if path not in child]
    by_name = {posixpath.basename(path): parent[path] for path in gone}
    by_content = {(_ending(path), parent[path].content): parent[path] for path in gone}
    pairs: list[_Pair] = []
    for path in sorted(child):
        file = child[path]
        if path in parent:
            before = parent[path]
        else:
            before = by_content.get((_ending(path), file.content)) or by_name.pop(posixpath.basename(path), None)
        if file != before:
            pairs.append(_Pair(path, file, before))
    return pairs


def _ending(path: str) -> str:
    """Return what says whether a file is code: the same text may be none in one file and some in another."""
    return posixpath.splitext(path)[1]


def _inspected(pairs: Iterable[_Pair], found: _Found) -> list[_Pair]:
    """Return what to read; the largest is left out where all together is too large."""
    room = MAX_INSPECTED_BYTES
    inspected: list[_Pair] = []
    for pair in sorted(pairs, key=lambda pair: (pair.size, pair.path)):
        room -= pair.size
        if room >= 0 and pair.line_ends <= MAX_LINE_ENDS:
            inspected.append(pair)
        else:
            found.add(FindingKind.NOT_INSPECTED, pair.path, 0, "The code is too large for all of it to be looked at.")
    return inspected


def _inspect(pair: _Pair, found: _Found) -> None:
    path, file = pair.path, pair.after
    if not is_text(file):
        found.add(FindingKind.NOT_TEXT, path, 0, f"{len(file.content):,} bytes, the first {file.content[:8].hex(' ')}.")
    source = source_of(path, file)
    if source is None:
        return
    before = source_of(path, pair.before) if pair.before else None
    added = _Lines(source, added_lines(source, before))
    for kind, line, text in line_findings(source, added.indices):
        found.add(kind, path, line, text)
    removed = _Lines(before, added_lines(before, source)) if before else None
    for kind, line, text in _construct_findings(added, removed):
        found.add(kind, path, line, text)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Some lines of a source."""

    source: Source
    indices: Sequence[int]

    def view(self, view: View) -> str:
        match view:
            case View.RAW:
                lines = self.source.raw
            case View.CODE:
                lines = self.source.code
            case View.STRINGS:
                lines = self.source.strings
        return unmasked("\n".join(lines[index] for index in self.indices))


def _construct_findings(added: _Lines, removed: _Lines | None) -> Iterator[tuple[FindingKind, int, str]]:
    """Yield (kind, line, text) of constructs in added lines, without as many as were in removed ones."""
    had = Counter((hit.kind, hit.token) for hit in (_hits(removed) if removed else ()))
    told: set[tuple[FindingKind, int]] = set()
    for hit in _hits(added):
        if had[hit.kind, hit.token] > 0:
            had[hit.kind, hit.token] -= 1
        elif (hit.kind, hit.line) not in told:
            told.add((hit.kind, hit.line))
            yield hit.kind, hit.line, line_around(added.source.raw[hit.line - 1], hit.column)


@dataclass(frozen=True, slots=True)
class _Hit:
    kind: FindingKind
    line: int
    column: int
    token: str


def _hits(lines: _Lines) -> Iterator[_Hit]:
    if not lines.indices:
        return
    for view in View:
        text = lines.view(view)
        small = text.lower()
        starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        for construct in CONSTRUCTS:
            if construct.view is view and construct.may_stand_in(small):
                for match in construct.pattern.finditer(text):
                    number = bisect_right(starts, match.start()) - 1
                    column = match.start() - starts[number]
                    yield _Hit(construct.kind, lines.indices[number] + 1, column, " ".join(match[0].split()))
