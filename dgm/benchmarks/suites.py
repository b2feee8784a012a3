"""What a language's grading is made of: the one seam between a benchmark and how its tests are run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from dgm.benchmarks.exercism import Exercise
from dgm.core.files import FileTree


@dataclass(frozen=True, slots=True)
class Suite:
    """One exercise's tests, made ready for one grading."""

    files: FileTree
    """Laid at `/task` by the keeper together with the solution."""
    argv: Sequence[str]
    """Prints a report that `dgm.boundary.reports` reads."""
    timeout_s: float
    must_pass: frozenset[str]
    """The names that have to be reported as passed."""
    must_fail: Mapping[str, str]
    """Canary -> the test that it contradicts, or "" for none. A canary that passes was tampered with."""


class Language(Protocol):
    """How exercises of one language are judged."""

    @property
    def image(self) -> str:
        """Image to grade in, as in `ContainerSpec.image`."""
        ...

    def hides(self, path: str) -> bool:
        """Return whether agents must not see `path` even where no test list names it."""
        ...

    def suite(self, exercise: Exercise, *, solution_directory: str, chance: Random) -> Suite:
        """Return the tests for one grading, with canaries that nobody can tell in advance.

        Raises:
            MalformedContentError: the exercise's tests cannot be read.
        """
        ...
