"""The red-team suite as a table that people read: Markdown, the same for the same cases and results."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import Any, cast

COMMAND = "scripts/red-team"
NOT_RUN = "not run"
ATTACK_RESULTS = {"passed": "held", "failed": "SUCCEEDED"}
HONEST_RESULTS = {"passed": "works", "failed": "BROKEN"}

_VERB = re.compile(
    r" (is|are|cannot|can|may|does|do|has|have|ends|stays?|comes?|leaves|works?|takes|reach(?:es)?|changes?|frees|"
    r"says|costs|follow|scores?|resolves?|make|keeps?|counts?)\b"
)
_RELATIVE = {"that", "who", "what", "which", "whose", "where", "never", "none", "they", "solution", "compiler"}
"""Words that a verb of a clause of its own stands behind."""
_NO_SUBJECT = {"no", "nothing", "nobody", "neither", "only", "without", "there", "both", "one", "every", "it", "its"}
"""Words that a sentence begins with which says what holds, and not of what."""
_HONEST_NAME = re.compile(
    r"_(scores|resolves)$|^test_what_(failed|the_compiler|is_wrong)_|_can_run_tests_|_may_hold_part_|^test_nested_and_"
)
# Of tests whose names say what holds and not what is tried; in most files the mark `attack` says it.
_ATTACKS = {
    "test_no_change_does_not_score": "a stub that is left as it was",
    "test_the_tests_are_gone_before_they_run": "reading the hidden tests while they run",
    "test_tests_that_never_end_time_out": "a solution without an end",
    "test_nothing_that_is_graded_can_be_changed": "changing what is graded",
    "test_classes_that_stand_in_for_others_pass_no_test": "classes that stand in for others",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    number: int
    """Where it stands in the suite."""
    file: str
    heading: str
    attack: str
    expected: str
    honest: bool
    """Whether it is a use that must keep working and no attack."""
    result: str = NOT_RUN

    def to_json(self) -> dict[str, object]:
        """Return what processes of a test run tell each other."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, object]) -> "Case":
        """Return what `to_json` told."""
        return cls(**cast("dict[str, Any]", {field.name: row[field.name] for field in fields(cls)}))


@dataclass(frozen=True, slots=True)
class Words:
    """What a test's name says."""

    attack: str
    expected: str


def words_of(name: str, *, parameter: str = "", attack: str = "") -> Words:
    """Return the attack and what has to become of it, from a test's name.

    Args:
        name: a sentence, as all our tests' names are.
        parameter: the name of the case, where there are several.
        attack: what the test itself calls the attack, where its name does not say it.
    """
    sentence = name.removeprefix("test_").replace("_", " ")
    subject = _subject(sentence)
    attack = attack or _ATTACKS.get(name, "")
    said = attack or subject
    shown = ": ".join(part for part in (said, parameter) if part)
    return Words(shown or sentence, sentence.removeprefix(subject).strip() if subject and not attack else sentence)


def _subject(sentence: str) -> str:
    if sentence.split(maxsplit=1)[0] in _NO_SUBJECT:
        return ""
    for verb in _VERB.finditer(sentence):
        subject = sentence[: verb.start()]
        if subject.split()[-1] not in _RELATIVE:
            return subject
    return ""


def is_honest_by_name(name: str) -> bool:
    """Whether a test's name says that something has to work."""
    return _HONEST_NAME.search(name) is not None


def result_of(outcome: str, *, phase: str, honest: bool, reason: str = "") -> str | None:
    """Return what one phase of a test tells of its case; None where that is nothing.

    Args:
        outcome: "passed", "failed" or "skipped".
        phase: "setup", "call" or "teardown".
        honest: of the case.
        reason: why it was skipped.
    """
    if outcome == "skipped":
        return f"{NOT_RUN} ({reason or 'skipped'})"
    if phase == "call":
        return (HONEST_RESULTS if honest else ATTACK_RESULTS)[outcome]
    if outcome == "failed":
        # Nothing was shown either way, so it counts as nothing that held.
        return f"{NOT_RUN} (its {phase} failed)"
    return None


def table_text(cases: Iterable[Case]) -> str:
    """Return the whole file."""
    rows = sorted(cases, key=lambda case: (case.file, case.number))
    parts = ["# Red team", summary(rows), f"Written by `{COMMAND}`: a row for each case of `tests/escape/`."]
    for heading, group in groupby(rows, key=lambda case: (case.file, case.heading)):
        parts.append(f"## {heading[1]}\n\n`{heading[0]}`")
        of_file = list(group)
        parts += _tables([case for case in of_file if not case.honest], "attack")
        parts += _tables([case for case in of_file if case.honest], "honest use")
    return "\n\n".join(parts) + "\n"


def summary(cases: Sequence[Case]) -> str:
    """Return how the suite ended, in one line."""
    attacks = [case for case in cases if not case.honest]
    uses = [case for case in cases if case.honest]
    succeeded = sum(case.result == ATTACK_RESULTS["failed"] for case in attacks)
    broken = sum(case.result == HONEST_RESULTS["failed"] for case in uses)
    not_run = sum(case.result.startswith(NOT_RUN) for case in cases)
    return (
        f"**{len(attacks):,} attacks, {succeeded} succeeded. {len(uses):,} honest uses that must keep working, "
        f"{broken} broken. {not_run} not run.**"
    )


def differences(committed: str, made: str) -> list[str]:
    """Return the lines in which a committed table is not about what a run tried; none where it is.

    Results are not compared: a test that failed fails its run anyway, and one that a machine cannot run, such as one
    that takes root, is no fault of the table.
    """
    lines = difflib.unified_diff(_tried(committed), _tried(made), "committed", "this run", n=0, lineterm="")
    return [line for line in lines if not line.startswith("@@")]


def _tried(table: str) -> list[str]:
    """Return the lines of a table without the results and their sum."""
    return [
        line.removesuffix(" |").rpartition(" | ")[0] if line.startswith("| ") else line
        for line in table.splitlines()
        if not line.startswith("**")
    ]


def _tables(cases: Sequence[Case], kind: str) -> list[str]:
    if not cases:
        return []
    lines = [f"| {kind} | what must hold | result |", "|---|---|---|"]
    lines += [f"| {_cell(case.attack)} | {_cell(case.expected)} | {_cell(case.result)} |" for case in cases]
    return ["\n".join(lines)]


def _cell(text: str) -> str:
    """Return a text as Markdown shows it as it is: cases are named after what hostile things are called."""
    plain = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", plain)
