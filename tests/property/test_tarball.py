"""Tar streams: what was packed comes out the same; of anything else, only the refusal that is meant."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.boundary.tarball import pack_tar, parse_tar
from dgm.core.errors import HostileBytesError
from dgm.core.files import File, FileTree

PARTS = st.text(string.ascii_lowercase + string.digits + "_-é漢", min_size=1, max_size=60)
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
FILES = st.builds(File, st.binary(max_size=1_500), st.booleans())


@st.composite
def trees(draw: st.DrawFn) -> FileTree:
    """Trees in which no file stands where another needs a directory."""
    tree = draw(st.dictionaries(PATHS, FILES, max_size=6))
    folders = {path[:at] for path in tree for at, letter in enumerate(path) if letter == "/"}
    return {path: file for path, file in tree.items() if path not in folders}


def refused_or_tree(stream: bytes) -> FileTree | None:
    try:
        return parse_tar(stream)
    except HostileBytesError:
        return None


@given(trees())
def test_what_was_packed_is_parsed_to_the_same_tree(tree: FileTree) -> None:
    assert parse_tar(pack_tar(tree)) == tree


@given(st.binary(max_size=4_096))
def test_any_bytes_are_a_tree_or_refused(stream: bytes) -> None:
    refused_or_tree(stream)


@given(trees(), st.data())
@settings(max_examples=300)
def test_a_changed_archive_is_a_tree_or_refused(tree: FileTree, data: st.DataObject) -> None:
    stream = bytearray(pack_tar(tree))
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    refused_or_tree(bytes(stream))


@given(trees(), st.data())
@settings(max_examples=300)
def test_a_changed_header_with_a_right_checksum_gives_plain_paths_or_is_refused(
    tree: FileTree, data: st.DataObject
) -> None:
    stream = bytearray(pack_tar({"first": File(b"x"), **tree}))
    start = data.draw(st.sampled_from([0, 100, 108, 124, 136, 156, 157, 257, 265, 345]))
    written = data.draw(st.binary(min_size=1, max_size=12))
    stream[start : start + len(written)] = written
    stream[148:156] = b" " * 8
    stream[148:156] = f"{sum(stream[:512]):06o}\0 ".encode()
    found = refused_or_tree(bytes(stream))
    for path in found or {}:
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))


@given(trees(), st.integers(min_value=1, max_value=3_000))
def test_an_archive_that_is_cut_off_is_refused_or_whole(tree: FileTree, cut: int) -> None:
    whole = pack_tar(tree)
    found = refused_or_tree(whole[: max(0, len(whole) - cut)])
    assert found is None or found == tree
