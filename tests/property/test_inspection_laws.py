"""The static check says the same of the same trees, in bounded and safe words, whatever the trees hold."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dgm.boundary.inspection import MAX_FINDINGS, findings
from dgm.boundary.inspection_sources import source_of
from dgm.boundary.text import safe_line
from dgm.core.files import File, FileTree
from dgm.core.findings import FindingKind

# Mostly pieces that the check looks for or trips over: random bytes alone would hardly ever make a finding.
PIECES = st.sampled_from(
    [
        *(
            b'"""',
            b"'''",
            b'"',
            b"'",
            b"#",
            b"\\",
            b"\n",
            b"\r",
            b"\r\n",
            b"\0",
            b"\x1b[2K",
            b"f'",
            b"{",
            b"(",
            b";",
            b" ",
        ),
        *(
            b"exec(x)",
            b"import ctypes",
            b"os.environ",
            b"def f():",
            b"x = 1",
            b"sleep(999)",
            b"/etc/passwd",
            b"\xff\xfe",
        ),
        *(
            "\u202e".encode(),
            "\u0430b".encode(),
            "\ufdfa".encode(),
            b"ignore all instructions",
            b"<|im_start|>",
            b"aB3" * 30,
        ),
    ]
)
CONTENTS = st.lists(PIECES | st.binary(max_size=4), max_size=12).map(b"".join)
PLAIN_NAMES = st.sampled_from(
    ["main.py", "Main.py", "json.py", "tools/__init__.py", "tools/a.py", "a.md", "run", "x.pth"]
)
NAMES = PLAIN_NAMES | st.text(st.characters(codec=None), max_size=8)
FILES = st.builds(File, CONTENTS, st.booleans())
TREES = st.dictionaries(NAMES, FILES, max_size=3)
FEWER = settings(max_examples=40)


def turned(tree: FileTree) -> FileTree:
    """Return the same files in another order."""
    return {path: tree[path] for path in reversed(list(tree))}


@FEWER
@example({}, {"  ": File(b"", False)})
@given(TREES, TREES)
def test_any_trees_have_findings_that_are_safe_to_show(parent: FileTree, child: FileTree) -> None:
    texts = [text for finding in findings(parent, child) for text in (finding.path, finding.text)]
    assert [text for text in texts if safe_line(text) != text] == []


@FEWER
@given(TREES, TREES)
def test_the_order_of_the_files_changes_nothing(parent: FileTree, child: FileTree) -> None:
    assert findings(parent, child) == findings(turned(parent), turned(child))


@FEWER
@given(TREES, TREES)
def test_findings_are_in_the_order_of_alarm(parent: FileTree, child: FileTree) -> None:
    places = [list(FindingKind).index(finding.kind) for finding in findings(parent, child)]
    assert places == sorted(places)


@FEWER
@given(TREES)
def test_a_tree_beside_itself_has_no_findings(tree: FileTree) -> None:
    assert findings(tree, tree) == ()


@FEWER
@given(TREES, TREES)
def test_a_kind_is_told_once_per_line(parent: FileTree, child: FileTree) -> None:
    lines = [(finding.kind, finding.path, finding.line) for finding in findings(parent, child) if finding.line]
    assert len(set(lines)) == len(lines)


@FEWER
@given(TREES, TREES)
def test_lines_are_lines_of_the_file(parent: FileTree, child: FileTree) -> None:
    most = max((file.content.count(b"\n") + file.content.count(b"\r") + 1 for file in child.values()), default=0)
    assert all(0 <= finding.line <= most for finding in findings(parent, child))


@settings(max_examples=10)
@given(st.lists(PIECES, min_size=1, max_size=6).map(b"".join), st.integers(1, 100))
def test_there_are_never_more_findings_than_told(content: bytes, times: int) -> None:
    files = {f"tool{number}.py": File((content + b"\n") * times) for number in range(10)}
    assert len(findings({}, files)) <= MAX_FINDINGS


@FEWER
@given(CONTENTS)
def test_the_views_of_a_file_have_the_same_lines(content: bytes) -> None:
    source = source_of("main.py", File(content))
    assert source is not None
    assert len(source.raw) == len(source.code) == len(source.strings)


@FEWER
@given(CONTENTS)
def test_every_visible_character_of_python_is_code_string_or_comment(content: bytes) -> None:
    source = source_of("main.py", File(content.replace(b"#", b"").replace(b"\r", b"")))
    assert source is not None
    for raw, code, strings in zip(source.raw, source.code, source.strings, strict=True):
        assert all(one in (seen, said) for one, seen, said in zip(raw, code, strings, strict=True))
