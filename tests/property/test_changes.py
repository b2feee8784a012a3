"""Lists of changes: what was written is read back; of anything else, plain paths or the refusal that is meant."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.boundary.changes import MAX_LEFT_OUT, Listing, parse_files, parse_listing
from dgm.boundary.tarball import MAX_MEMBERS, pack_tar
from dgm.boundary.text import safe_line
from dgm.core.errors import HostileBytesError
from dgm.core.files import File

PARTS = st.text(string.ascii_lowercase + string.digits + "_-é漢", min_size=1, max_size=20)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
ANY_NAMES = st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name)


def written(records: list[tuple[str, bytes]]) -> bytes:
    return b"".join(kind.encode() + name + b"\0" for kind, name in records) + b".\0"


def parsed(stream: bytes) -> Listing | None:
    try:
        return parse_listing(stream)
    except HostileBytesError:
        return None


@given(st.dictionaries(PATHS, st.sampled_from("+-*"), max_size=8))
def test_plain_files_are_listed_on_their_sides(kinds: dict[str, str]) -> None:
    # No file stands where another needs a directory.
    listed = {path: kind for path, kind in sorted(kinds.items()) if not any(o.startswith(f"{path}/") for o in kinds)}
    found = parse_listing(written([(kind, path.encode()) for path, kind in listed.items()]))
    assert found == Listing(
        before=tuple(path for path, kind in listed.items() if kind in "-*"),
        after=tuple(path for path, kind in listed.items() if kind in "+*"),
        left_out=(),
    )


@given(st.lists(st.tuples(st.sampled_from("+-*!"), ANY_NAMES), max_size=12, unique_by=lambda record: record[1]))
@settings(max_examples=300)
def test_every_name_is_either_taken_or_left_out(records: list[tuple[str, bytes]]) -> None:
    found = parse_listing(written(records))
    taken = set(found.before) | set(found.after)
    assert len(taken) + len(found.left_out) == len(records)
    assert taken <= {name.decode("utf-8", "replace") for _, name in records}
    for path in taken:
        assert not {"", ".", "..", ".git"} & set(path.split("/"))
    assert all(name == safe_line(name) for name in found.left_out)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_refused(stream: bytes) -> None:
    parsed(stream)


@given(st.dictionaries(PATHS, st.sampled_from("+-*!"), min_size=1, max_size=8), st.integers(min_value=1, max_value=200))
def test_a_list_that_is_cut_off_is_refused(kinds: dict[str, str], cut: int) -> None:
    stream = written([(kind, path.encode()) for path, kind in kinds.items()])
    assert parsed(stream[: max(0, len(stream) - cut)]) is None


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"", "cut off"),
        (b"+x\0", "cut off"),
        (b"+x.\0", "cut off"),
        (b"x\0.\0", "malformed"),
        (b"\0.\0", "malformed"),
        (b"+x\0-x\0.\0", "twice"),
        (b"".join(b"+%d\0" % number for number in range(MAX_MEMBERS + 1)) + b".\0", "more than 20,000"),
    ],
)
def test_a_malformed_list_is_refused_with_its_reason(stream: bytes, reason: str) -> None:
    with pytest.raises(HostileBytesError, match=reason):
        parse_listing(stream)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"/etc/passwd", "/etc/passwd"),
        (b"../x", "../x"),
        (b"a//b", "a//b"),
        (b"./x", "./x"),
        (b"x/", "x/"),
        (b"a/.GIT/config", "a/.GIT/config"),
        (b"a:b", "a:b"),
        (b"a\nb", "'a\\nb'"),
        (b"a\x1b[31m", "'a\\x1b[31m'"),
        ("a\u202eb".encode(), "'a\\u202eb'"),
        (b"a\xff", "a\\xff"),
        (b"x" * 300, "'" + "x" * 199),
    ],
)
def test_an_odd_name_is_left_out_and_shown_safely(name: bytes, shown: str) -> None:
    assert parse_listing(written([("+", name)])) == Listing(before=(), after=(), left_out=(shown,))


def test_of_names_that_differ_in_case_only_the_first_is_taken() -> None:
    found = parse_listing(written([("+", b"A/x"), ("+", b"a/y"), ("-", b"a/z")]))
    assert found == Listing(before=("a/z",), after=("A/x",), left_out=("a/y",))


def test_of_what_is_left_out_some_hundreds_are_named() -> None:
    found = parse_listing(written([("!", b"%04d" % number) for number in range(2_000)]))
    assert (len(found.left_out), found.left_out[-1]) == (MAX_LEFT_OUT + 1, "and 1,700 more")


@pytest.mark.parametrize("paths", [("a",), ("a", "b", "c"), ("a", "x")])
def test_an_archive_of_other_files_than_were_asked_for_is_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(HostileBytesError, match="does not hold"):
        parse_files(pack_tar({"a": File(b""), "b": File(b"")}), paths)
