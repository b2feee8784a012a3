"""The patch that is judged says exactly what was changed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.benchmarks.swebench import prediction
from dgm.benchmarks.swebench.prediction import exact_patch
from dgm.boundary.bare_git import bare_git_environment
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import Change, File, FileTree

LETTERS = st.sampled_from('abZ9 .-"\\\té𝄞')
NAMES = st.text(LETTERS, min_size=1, max_size=6).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LINES = st.lists(st.sampled_from(["", "one", "two", " ", "\r", "+x", "--- a", "é"]), max_size=6).map("\n".join)
CONTENTS = LINES.map(str.encode) | st.binary(max_size=40)
FILES = st.builds(File, CONTENTS, st.booleans())


def without_clashes(tree: dict[str, File]) -> dict[str, File]:
    """Leave out files where another one has its directory."""
    return {path: file for path, file in tree.items() if not any(other.startswith(f"{path}/") for other in tree)}


TREES = st.dictionaries(PATHS, FILES, max_size=4).map(without_clashes)


def git(repository: Path, *arguments: str, stdin: bytes = b"", index: str = "index") -> bytes:
    environment = bare_git_environment(repository) | {"GIT_INDEX_FILE": str(repository / index)}
    argv = ["git", *arguments]
    done = subprocess.run(argv, cwd=repository, env=environment, input=stdin, stdout=subprocess.PIPE, check=True)
    return done.stdout


def applied(patch: str, before: FileTree, place: Path) -> dict[str, File]:
    """Return what git makes of `before` by the patch."""
    git(place, "init", "--quiet", "--bare", ".")
    for path, file in before.items():
        blob = git(place, "hash-object", "-w", "--stdin", stdin=file.content).decode().strip()
        mode = "100755" if file.executable else "100644"
        git(place, "update-index", "--add", "-z", "--index-info", stdin=f"{mode} {blob}\t{path}\0".encode())
    if patch:
        git(place, "apply", "--cached", "-", stdin=patch.encode())
    found: dict[str, File] = {}
    for entry in git(place, "ls-files", "--stage", "-z").decode().split("\0")[:-1]:
        about, _, path = entry.partition("\t")
        mode, blob, _ = about.split()
        found[path] = File(git(place, "cat-file", "blob", blob), executable=mode == "100755")
    return found


@settings(max_examples=12, deadline=None)
@given(before=TREES, after=TREES)
def test_git_makes_of_the_patch_what_the_agent_left(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, File], after: dict[str, File]
) -> None:
    patch = exact_patch(Change(before, after))
    assert applied(patch, before, tmp_path_factory.mktemp("bare")) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": File(b"1\n")}, {"a": File(b"1\n", executable=True)}),
        ({"a": File(b"1\n")}, {"a/b": File(b"2\n")}),
        ({"a/b": File(b"2\n")}, {"a": File(b"1\n")}),
        ({"a": File(b"1\n")}, {"a/b": File(b"\0")}),
        ({"a/b": File(b"\0")}, {"a": File(b"1\n")}),
        ({"a": File(b"no end")}, {"a": File(b"no end\n")}),
        ({"a": File(b"one\r\ntwo\r\n")}, {"a": File(b"one\r\n2\r\n")}),
        ({}, {'"odd"\\name with\ttab': File(b"x"), "ünï": File(b""), "-rf": File(b"y"), "a b": File(b"")}),
        ({"latin": File(b"caf\xe9\n" * 9)}, {"latin": File(b"caf\xe8\n" * 9)}),
        ({"late": File(b"a" * 9_000 + b"\0\n")}, {"late": File(b"a" * 9_000 + b"\0\0\n")}),
        ({}, {" /9": File(b""), "a /b ": File(b""), "c ": File(b"1\n")}),
        ({" /9": File(b"")}, {" /9": File(b"", executable=True)}),
        ({}, {".gitattributes": File(b"* -text diff=evil filter=evil\n"), "x.py": File(b"x = 1\r\n")}),
    ],
)
def test_odd_changes_are_told_exactly(before: FileTree, after: FileTree, tmp_path: Path) -> None:
    patch = exact_patch(Change(before, after))
    assert "\0" not in patch
    assert applied(patch, before, tmp_path) == after


@pytest.mark.parametrize("name", [".git .", "GIT~1", ".g\u200cit", "aux", "a\\b", "a:b"])
def test_a_name_that_other_systems_take_for_another_is_no_fault_of_ours(name: str) -> None:
    assert exact_patch(Change({}, {f"{name}/x": File(b"x\n")}))


def test_nothing_changed_is_an_empty_patch() -> None:
    assert exact_patch(Change({"a": File(b"1")}, {"a": File(b"1")})) == ""


def test_a_patch_of_excessive_size_is_the_agents_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "MAX_PATCH_BYTES", 2**20)
    with pytest.raises(HostileBytesError, match="larger than 1 MiB"):
        exact_patch(Change({}, {"a": File(b"x\n" * 2**20)}))


def test_a_text_that_fits_into_no_patch_is_refused_before_git_takes_the_memory_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    text = File(b"\n" * (prediction.MAX_PATCH_BYTES // 2 + 2))
    for change in (Change({}, {"a": text}), Change({"a": text}, {"a": File(b"\n")})):
        with pytest.raises(HostileBytesError, match="larger than 16 MiB"):
            exact_patch(change)


@settings(max_examples=12, deadline=None)
@given(before=TREES, after=TREES)
def test_a_patch_that_fits_exactly_is_not_refused(before: dict[str, File], after: dict[str, File]) -> None:
    patch = exact_patch(Change(before, after))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(prediction, "MAX_PATCH_BYTES", len(patch.encode()))
        assert exact_patch(Change(before, after)) == patch


def test_a_machine_without_git_is_no_agents_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError, match="install git"):
        exact_patch(Change({}, {"a": File(b"x\n")}))


def test_nobodys_configuration_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[diff]\n\tnoprefix = true\n\tmnemonicPrefix = true\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    assert exact_patch(Change({}, {"a": File(b"x\n")})).startswith("diff --git a/a b/a\nnew file mode 100644\n")
