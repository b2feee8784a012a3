"""Files that an agent wrote as lines: whole, without what stands in strings and comments, and only what does.

Python is told apart from its strings by one expression of ours rather than by `tokenize` or `ast`, which hostile text
can make recurse and run for long. What the expression takes, it never gives back (all repeats are possessive), so that
its time is linear. It can be deceived; what it then takes for a string is still searched as a string.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dgm.core.files import File

TOKEN = re.compile(
    r"#[^\n]*+"
    r"|(?:(?<!\w)(?P<prefix>[bBfFrRtTuU]{1,2}))?(?:"
    r'(?P<triple>"""(?:[^"\\]++|\\.|"(?!""))*+(?P<end>""")?+'
    r"|'''(?:[^'\\]++|\\.|'(?!''))*+(?P<other_end>''')?+)"
    r'|"(?:[^"\\\n]++|\\.)*+"?+'
    r"|'(?:[^'\\\n]++|\\.)*+'?+)",
    re.DOTALL,
)
"""A comment or a string. One that is never closed ends with its line, or with the file if its quotes are triple."""
_LONE_RETURN = re.compile(r"\r(?!\n)")
_SHEBANG = re.compile(rb"#![^\n]{0,200}python")
_PYTHON = (".py", ".pyi", ".pyw", ".pth")
_PROSE = (".md", ".markdown", ".rst")


@dataclass(frozen=True, slots=True)
class Source:
    """A file in three views that have the same number of lines.

    In Python each has blanks where the others have their part, and an f-string stands in both; another file that may be
    code is the same in all views, and one of prose has no code and no strings.
    """

    raw: Sequence[str]
    """A line ends with a carriage return if that was all that ended it, as it does for Python."""
    code: Sequence[str]
    strings: Sequence[str]
    is_python: bool
    is_prose: bool


def is_text(file: File) -> bool:
    """Return whether a file is UTF-8 without zero bytes."""
    try:
        file.content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in file.content


def source_of(path: str, file: File) -> Source | None:
    """Return a file's lines, None if it is neither text nor Python."""
    is_python = path.lower().endswith(_PYTHON) or _SHEBANG.match(file.content) is not None
    if not is_python and not is_text(file):
        return None
    text = file.content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    text = _LONE_RETURN.sub("\r\n", text)
    raw = text.split("\n")
    if is_python:
        code, strings = _views(text)
        return Source(raw, code, strings, is_python=True, is_prose=False)
    is_prose = path.lower().endswith(_PROSE)
    other = [""] * len(raw) if is_prose else raw
    return Source(raw, other, other, is_python=False, is_prose=is_prose)


def added_lines(child: Source, parent: Source | None) -> list[int]:
    """Return the indices of the lines of `child` that `parent` does not have, or not as often.

    A line that was a string or a comment and now is code counts as added.
    """
    known = Counter(_keys(parent) if parent else ())
    found: list[int] = []
    for index, key in enumerate(_keys(child)):
        if known[key] > 0:
            known[key] -= 1
        else:
            found.append(index)
    return found


def _keys(source: Source) -> list[tuple[str, str]]:
    return list(zip(source.raw, source.code, strict=True))


def _views(text: str) -> tuple[list[str], list[str]]:
    """Return the lines of the code and of the strings of Python."""
    code: list[str] = []
    strings: list[str] = []
    end = 0
    for match in TOKEN.finditer(text):
        between, token = text[end : match.start()], match[0]
        end = match.end()
        in_code, in_strings = _parts(match)
        code += (between, token if in_code else _blanked(token, is_string=in_strings))
        strings += (_blanked(between), token if in_strings else _blanked(token))
    code.append(text[end:])
    strings.append(_blanked(text[end:]))
    return "".join(code).split("\n"), "".join(strings).split("\n")


def _parts(match: re.Match[str]) -> tuple[bool, bool]:
    """Return whether a token is to be read as code, and whether as a string."""
    if match[0].startswith("#"):
        return False, False
    is_formatted = bool(set("fFtT") & set(match["prefix"] or ""))
    # What follows a quote that never comes again is no string to Python, and might be none for us either.
    is_unclosed = bool(match["triple"]) and not (match["end"] or match["other_end"])
    return is_formatted or is_unclosed, True


def _blanked(text: str, *, is_string: bool = False) -> str:
    """Return blanks in place of all but line ends; the quotes of a string stay, to tell that it is one."""
    if is_string and len(text) > 1:
        return text[0] + _blanked(text[1:-1]) + text[-1]
    return "\n".join(" " * len(line) for line in text.split("\n"))
