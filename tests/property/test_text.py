"""Text that is shown holds nothing that cannot be seen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.boundary.text import safe_line, safe_name, safe_text

# Mostly pieces of terminal sequences: random text alone would hardly ever make one.
_PIECES = st.sampled_from(
    ["\x1b", "\x1b[", "\x9b", "\x1b]", "\x07", "\x1b\\", "31", ";", "m", "\r", "\n", "\u202e", "a"]
)
hostile_text = st.lists(_PIECES | st.text(max_size=5), max_size=30).map("".join)


@given(hostile_text)
def test_no_control_or_formatting_character_is_left(text: str) -> None:
    categories = {unicodedata.category(character) for character in safe_text(text) if character not in "\n\t"}
    assert categories.isdisjoint({"Cc", "Cf", "Cs"})


@given(hostile_text)
def test_cleaning_clean_text_changes_nothing(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.sampled_from("\n\té漢🙂"), max_size=50))
def test_text_that_can_be_seen_is_kept(text: str) -> None:
    assert safe_text(text) == text


@given(hostile_text | st.text(st.characters(codec=None), max_size=20), st.integers(1, 20))
def test_the_result_can_be_encoded_and_is_no_longer_than_asked(text: str, max_chars: int) -> None:
    cut = safe_text(text, max_chars=max_chars)
    assert len(cut.encode().decode()) <= max_chars


@given(hostile_text)
def test_a_line_is_one_line(text: str) -> None:
    assert len(safe_line(text).splitlines()) <= 1


@given(hostile_text | st.text(" a", max_size=6), st.integers(1, 40))
def test_a_name_is_as_it_was_or_spelled_out_and_no_longer_than_asked(name: str, max_chars: int) -> None:
    shown = safe_name(name, max_chars=max_chars)
    assert len(shown) <= max_chars
    assert safe_line(shown) == shown
    assert shown == name or (shown[0] in "'\"" and shown.isascii() and " " not in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;an end that never comes\nnext line", "0;an end that never comes\nnext line"),
        ("\x1b\x1b[31m[31m", "[31m"),
        ("\x1bc\x1b(B", ""),
        ("10%\r20%", "10%\n20%"),
        ("a\r\nb", "a\nb"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("in\u200bvis\u2060ible\ufeff", "invisible"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("selector\ufe01\U000e0101", "selector"),
        ("\x00\x08\x7f", ""),
        ("half\ud800", "half\ufffd"),
        ("\ta\n", "\ta\n"),
    ],
)
def test_what_is_removed_and_what_is_kept(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_text_that_is_too_long_ends_with_an_ellipsis() -> None:
    assert safe_text("abcdef", max_chars=4) == "abc…"


def test_a_line_has_single_spaces() -> None:
    assert safe_line(" a\n\n  b\tc ", max_chars=4) == "a b…"


@pytest.mark.parametrize("opener", ["\x90", "\x98", "\x9b", "\x9d", "\x1b]", "\x1bP", "\x1b[", "\x9b1 "])
def test_sequences_that_never_end_take_no_longer_than_others(opener: str) -> None:
    assert "\x9c" not in safe_text(opener * 300_000)  # for minutes, if each were searched for its end
