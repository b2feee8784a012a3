"""Findings: what is worth a person's look in a child's code before it first runs. Signals, not verdicts."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What was found, in the order in which people look at it: the most alarming first."""

    PROMPT_TEXT = "text for a model"
    HIDDEN_CHARACTERS = "hidden characters"
    LOOKALIKE = "look-alike names"
    NOT_INSPECTED = "not inspected"
    RUNS_BY_ITSELF = "runs by itself"
    SHADOWS_LIBRARY = "shadows a library"
    NOT_TEXT = "not text"
    NATIVE_CODE = "native code"
    ENCODED = "encoded content"
    DYNAMIC_CODE = "code made at run time"
    UNPICKLING = "unpickling"
    CODE_IN_STRING = "code in a string"
    REFLECTION = "names looked up"
    INTERPRETER = "changes the interpreter"
    NETWORK = "network"
    SYSTEM_FILES = "system files"
    OUTSIDE_PATH = "paths outside"
    SIGNALS = "signals"
    BACKGROUND = "background process"
    SHELL = "shell"
    ENVIRONMENT = "environment"
    LONG_SLEEP = "long sleep"
    EXECUTABLE = "executable"
    DENSE_CODE = "dense code"
    GROWTH = "growth"
    NEW_FILE = "new file"
    NOT_LISTED = "not listed"
    """Stands for the findings beyond the bound."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a child that its parent did not have."""

    kind: FindingKind
    path: str
    """Made safe to show, so not always the name of a file; "" for the whole tree."""
    line: int
    """Of the child's file, from 1; 0 where no line is meant."""
    text: str
    """One line that is safe to show: a sentence, or what stands in the file."""
