"""The catalogue of self-modifications: `ideas/*.toml`, one idea per file, as edits of the seed agent's code."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import MalformedContentError

_DIRECTORY = Path(__file__).parent / "ideas"

Kind = Literal["helpful", "useless", "harmful", "broken"]
Place = Literal["before", "after", "instead", "new"]


class Symptom(StrEnum):
    """What went wrong in a session, as far as a transcript shows it."""

    EMPTY_REPLY = "empty reply"
    SYNTAX_ERROR = "syntax error"
    ELISION = "elision"
    CLIPPED_OUTPUT = "clipped output"
    CLIPPED_VIEW = "clipped view"
    ONE_PLACE = "one place"
    NO_EDIT = "no edit"
    UNCHECKED = "unchecked"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Edit(_Part):
    file: Annotated[str, Field(min_length=1)]
    place: Place
    anchor: str = ""
    replacement: Annotated[str, Field(min_length=1)]


class _Idea(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
    kind: Kind
    symptom: Symptom | Literal[""]
    marker: Annotated[str, Field(min_length=1)]
    proposal: Annotated[str, Field(min_length=1)]
    suggestion: Annotated[str, Field(min_length=1)]
    problem: Annotated[str, Field(min_length=1)]
    edits: Annotated[tuple[_Edit, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file."""

    file: str
    place: Place
    """Where `replacement` goes in relation to the anchor; "new" makes the file."""
    anchor: str
    """Whole lines that stand in the file exactly once; empty for a new file."""
    replacement: str
    """Whole lines."""


@dataclass(frozen=True, slots=True)
class Idea:
    """One self-modification."""

    name: str
    kind: Kind
    symptom: Symptom | None
    """What it is a remedy for; None unless it helps."""
    marker: str
    """Text that stands in an agent's code if and only if it has the idea."""
    proposal: str
    suggestion: str
    problem: str
    """An issue for the agent's repository, in Markdown."""
    edits: tuple[Edit, ...]

    @property
    def changed_files(self) -> tuple[str, ...]:
        """The files that have to be there, each once."""
        return tuple(dict.fromkeys(edit.file for edit in self.edits if edit.place != "new"))


class AnchorMissingError(Exception):
    """The lines that an edit holds on to do not stand in the text exactly once."""


@cache
def catalogue() -> tuple[Idea, ...]:
    """Return all ideas, by name.

    Raises:
        MalformedContentError: a file of the catalogue is wrong.
    """
    return tuple(read_idea(path) for path in sorted(_DIRECTORY.glob("*.toml")))


def read_idea(path: Path) -> Idea:
    """Return the idea in a file.

    Raises:
        MalformedContentError: it is wrong.
    """
    try:
        found = _Idea.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise MalformedContentError(f"{path} is no idea: {error}.") from error
    for edit in found.edits:
        if bool(edit.anchor) == (edit.place == "new"):
            raise MalformedContentError(f"{path}: an edit of {edit.file} needs an anchor, or the place `new`.")
    return Idea(
        name=found.name,
        kind=found.kind,
        symptom=found.symptom or None,
        marker=found.marker,
        proposal=found.proposal,
        suggestion=found.suggestion,
        problem=found.problem,
        edits=tuple(Edit(edit.file, edit.place, edit.anchor, edit.replacement) for edit in found.edits),
    )


def edited(text: str, edit: Edit) -> str:
    """Return `text` with one edit made.

    Raises:
        AnchorMissingError: its anchor does not stand there exactly once.
    """
    found = list(re.finditer("^" + re.escape(edit.anchor), text, re.MULTILINE))
    if len(found) != 1:
        raise AnchorMissingError(f"{edit.file}: the anchor stands there {len(found)} times: {edit.anchor!r}")
    start, end = found[0].span()
    match edit.place:
        case "before":
            return text[:start] + edit.replacement + text[start:]
        case "after":
            return text[:end] + edit.replacement + text[end:]
        case "instead" | "new":
            return text[:start] + edit.replacement + text[end:]


def with_idea(files: Mapping[str, str], idea: Idea) -> dict[str, str]:
    """Return the files that the idea changes or makes, as they are afterwards.

    Args:
        files: path -> text, at least those of `idea.changed_files`.
    Raises:
        AnchorMissingError: an edit has nothing to hold on to.
    """
    changed: dict[str, str] = {}
    for edit in idea.edits:
        if edit.place == "new":
            changed[edit.file] = edit.replacement
            continue
        before = changed.get(edit.file, files.get(edit.file))
        if before is None:
            raise AnchorMissingError(f"{edit.file}: there is no such file")
        changed[edit.file] = edited(before, edit)
    return changed
