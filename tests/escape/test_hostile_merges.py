"""Two agents cannot make their merge run anything, read anything, or take the host's time or disk."""

import subprocess
from pathlib import Path

import pytest

from dgm.boundary.merging import MAX_MERGED_BYTES, MAX_TEXT_BYTES, MAX_TEXT_LINES, merged_trees
from dgm.core.files import File, FileTree

BASE, OURS, THEIRS = b"1\n2\n3\n", b"one\n2\n3\n", b"uno\n2\n3\n"
WORDS = (b"a", b"b", b"c")


def conflicting(path: str, **others: File) -> tuple[FileTree, FileTree, FileTree]:
    return {path: File(BASE), **others}, {path: File(OURS), **others}, {path: File(THEIRS), **others}


@pytest.mark.attack("a file's name")
@pytest.mark.parametrize(
    "name",
    [
        "-p",
        "--help",
        "-L",
        "a\nb",
        "a b",
        "../up",
        "/etc/passwd",
        "$(touch x)",
        "ours",
        "base",
        ".git/config",
        "\x1b[31m",
    ],
)
def test_no_name_of_an_agents_comes_to_a_command_line_or_a_file_system(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = merged_trees(*conflicting(name))
    assert found.conflicts == (name,)
    assert b"one\n" in found.tree[name].content
    assert b"uno\n" in found.tree[name].content
    assert list(tmp_path.iterdir()) == []


@pytest.mark.attack("attributes and configuration in a tree")
def test_attributes_and_configuration_in_a_tree_choose_no_way_to_merge(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    others = {
        ".gitattributes": File(b"* merge=union\n*.py merge=evil\n"),
        ".git/config": File(f'[merge "evil"]\n\tdriver = touch {witness}\n'.encode()),
        ".gitconfig": File(f'[merge "evil"]\n\tdriver = touch {witness}\n'.encode()),
    }
    found = merged_trees(*conflicting("a.py", **others))
    assert (found.conflicts, found.marked) == (("a.py",), {"a.py": 7})
    assert not witness.exists()


@pytest.mark.attack("settings of the user's own git")
def test_the_users_own_git_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = tmp_path / "witness"
    driver = f'[merge "evil"]\n\tdriver = touch {witness}\n[merge]\n\tconflictStyle = zdiff3\n'
    (tmp_path / ".gitconfig").write_text(f"{driver}[core]\n\tattributesFile = {tmp_path}/attributes\n")
    (tmp_path / "attributes").write_text("* merge=evil\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'merge.conflictstyle'='merge'")
    monkeypatch.setenv("GIT_TRACE", str(witness))
    found = merged_trees(*conflicting("a"))
    assert b"||||||| common ancestor\n1\n" in found.tree["a"].content
    assert not witness.exists()


def test_a_repository_around_the_temporary_directory_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607
    (tmp_path / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 99\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert merged_trees(*conflicting("a")).marked == {"a": 7}
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (b"<<<<<<< first parent\n", b"<<<<<<< first parent\n1\n=======\n", b">>>>>>> second parent\n"),
        (b"", b"<<<<<<<\n" * 50, b"|||||||\n" * 50),
        (b"\r", b"1\r\r\n\r", b"2\r\n\r\r"),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf1", "\u202e2".encode()),
    ],
    ids=("whole conflicts", "fifty marks", "odd ends of lines", "a byte order mark and a turn of direction"),
)
def test_marks_that_agents_wrote_are_never_taken_for_those_of_the_merge(
    base: bytes, ours: bytes, theirs: bytes
) -> None:
    found = merged_trees({"a": File(base)}, {"a": File(ours)}, {"a": File(theirs)})
    assert found.marked.keys() == {"a"}
    assert found.left_in(found.tree) == ("a",)
    assert found.left_in({"a": File(ours)}) == found.left_in({"a": File(theirs)}) == ()


def test_nul_bytes_make_no_text(tmp_path: Path) -> None:
    found = merged_trees(*({"a": File(content + b"\0")} for content in (BASE, OURS, THEIRS)))
    assert (found.tree, found.conflicts, found.marked) == ({"a": File(OURS + b"\0")}, ("a",), {})
    assert list(tmp_path.iterdir()) == []


def test_a_million_lines_are_not_merged() -> None:
    lines = b"x\n" * 1_000_000
    found = merged_trees({"a": File(lines)}, {"a": File(b"y\n" + lines)}, {"a": File(lines + b"z\n")})
    assert (found.conflicts, found.marked) == (("a",), {})


@pytest.mark.attack("conflicts that make a text too long")
def test_what_becomes_too_long_by_its_conflicts_is_ours() -> None:
    # Every other line is a conflict of its own, and its marks alone have more than 70 bytes.
    count = MAX_TEXT_LINES // 2 - 1
    base, ours, theirs = (b"".join(b"%d\n%s\n" % (number, word) for number in range(count)) for word in WORDS)
    assert len(base) < MAX_TEXT_BYTES < MAX_MERGED_BYTES < count * 90
    found = merged_trees({"a": File(base)}, {"a": File(ours)}, {"a": File(theirs)})
    assert (found.tree["a"].content == ours, found.conflicts, found.marked) == (True, ("a",), {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [(b"a\n", b"b\n"), (b"a\n", b"b\n", b"c\n", b"d\n"), (b"\n", b"a\n")],
    ids=("two words", "four words", "empty lines"),
)
def test_the_worst_text_within_the_bounds_ends(words: tuple[bytes, ...]) -> None:
    def text(seed: int) -> bytes:
        state: int = seed
        lines: list[bytes] = []
        for _ in range(MAX_TEXT_LINES):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            lines.append(words[(state >> 16) % len(words)])
        return b"".join(lines)

    found = merged_trees(*({"a": File(text(seed))} for seed in (1, 2, 3)))
    assert found.conflicts == ("a",)


@pytest.mark.attack("a huge tree")
def test_a_huge_tree_costs_no_git_where_only_one_side_changed_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    base = {f"d{number % 100}/f{number}": File(b"%d\n" % number) for number in range(20_000)}
    ours = base | {f"d0/o{number}": File(b"") for number in range(5_000)}
    theirs = {path: file for path, file in base.items() if not path.startswith("d1/")}
    found = merged_trees(base, ours, theirs)
    assert (len(found.tree), found.conflicts) == (20_000 + 5_000 - 200, ())


@pytest.mark.attack("names that are one on another machine")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"Main.py"}, {"main.py"}),
        ({"stra\u00dfe"}, {"STRASSE"}),
        ({"e\u0301"}, {"\u00e9"}),
        ({"a"}, {"A/b/c", "A/b/d"}),
        ({"a/b", "x"}, {"A", "X/y"}),
    ],
    ids=("case", "a sharp s", "composition", "a file and a directory", "two files and two directories"),
)
def test_no_two_files_of_a_merged_tree_are_one_elsewhere(ours: set[str], theirs: set[str]) -> None:
    found = merged_trees({}, dict.fromkeys(ours, File(b"1")), dict.fromkeys(theirs, File(b"2")))
    assert found.tree.keys() == ours
    assert set(found.conflicts) == ours | theirs
