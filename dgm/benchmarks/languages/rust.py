"""How Rust exercises are judged: cargo builds the integration tests against a Cargo.toml of ours, each runs once.

What is not caught: a solution that knows or guesses well which of two values is right, by reading both in its own
program, and forges no more than that; one that reads there which of two assertions was turned around, where a test has
no value that could be another; and one that forges a test without assertions of its own (`rust_contradictions`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.rust_canaries import guarded
from dgm.benchmarks.suites import GRADERS, SOLUTION, TESTS, Suite, expected_tests, laid_out
from dgm.boundary.cargo import grading_manifest
from dgm.content import sandbox_directory
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TIMEOUT_S = 240.0
"""Twice what a solution would have for the tests alone: most stand there twice."""
_BUILD_TIMEOUT_S = 300.0
_MANIFEST = "Cargo.toml"
_HIDDEN = "tests/"
_PROGRAM = re.compile(r"tests/[^/]+\.rs")
"""What cargo makes a test program of; deeper files are their modules."""


def image_crates() -> dict[str, str]:
    """Return the crates that the image has for solutions, each with its version."""
    lines = (sandbox_directory() / "images" / "polyglot-rust" / "crates.txt").read_text("utf-8").splitlines()
    return {name: version for name, _, version in (line.partition(" ") for line in lines)}


@dataclass(frozen=True, slots=True)
class RustLanguage:
    """Rust exercises: a library's integration tests, ignored ones too, run by `benchmarks/graders/rust.py`."""

    timeout_s: float = _TIMEOUT_S
    name: str = "rust"
    image: str = "polyglot-rust"
    crates: Mapping[str, str] = field(default_factory=image_crates)
    helper_paths: str = r"src/(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.rs"
    """Modules of the library. Programs among them are not built."""

    @property
    def tools(self) -> str:
        """What solutions are built and run with."""
        crates = ", ".join(f"{name} {version}" for name, version in self.crates.items())
        return (
            "They run with Rust 1.85 and cargo, offline (`cargo test` works in the workspace). Of `Cargo.toml`, "
            f"`[dependencies]` alone is taken, and in it these crates with their features: {crates}."
        )

    def hides(self, path: str) -> bool:
        """Return whether `path` stands among the tests."""
        return path.startswith(_HIDDEN)

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests, the functions under random names and canaries among them.

        Raises:
            MalformedContentError: there is no manifest entry, a test file is not text, or there is no Cargo.toml.
        """
        task = exercise.task.id
        expected = expected_tests(exercise)
        programs = {path: file for path, file in exercise.tests.items() if _PROGRAM.fullmatch(path)}
        try:
            found = guarded({path: file.content.decode() for path, file in programs.items()}, expected, chance)
        except ValueError as error:
            raise MalformedContentError(f"Task {task}: its tests cannot be read: {error}.") from error
        tests = {**exercise.tests, **{path: File(text.encode()) for path, text in found.sources.items()}}
        grader = ("python3", "-I", f"{GRADERS}/rust.py")
        return Suite(
            files=laid_out(
                exercise, self._buildable(exercise, solution), tests=tests, graders=["report.py", "rust.py"]
            ),
            build=(*grader, "build", exercise.name, SOLUTION, TESTS, *sorted(programs)),
            build_timeout_s=_BUILD_TIMEOUT_S,
            removed=(TESTS,),
            argv=(*grader, "run", exercise.name, *sorted(programs)),
            timeout_s=self.timeout_s,
            must_pass=frozenset(found.names),
            must_fail=found.canaries,
            own_names=found.names,
        )

    def _buildable(self, exercise: Exercise, solution: FileTree) -> FileTree:
        """Return the solution with a Cargo.toml that only tells which crates it uses."""
        pristine = exercise.task.workspace.get(_MANIFEST)
        if pristine is None:
            raise MalformedContentError(f"Task {exercise.task.id} has no {_MANIFEST}.")
        theirs = solution.get(_MANIFEST, pristine)
        return {**solution, _MANIFEST: File(grading_manifest(pristine.content, theirs.content, crates=self.crates))}
