"""How Java exercises are judged: compiled and run by the image's own judge, without Gradle."""

from dataclasses import dataclass
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.java_canaries import Copies, guarded
from dgm.benchmarks.suites import GRADERS, SOLUTION, TESTS, Suite, expected_tests, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TIMEOUT_S = 120.0
_BUILD_TIMEOUT_S = 300.0
_TESTS = "src/test/"


@dataclass(frozen=True, slots=True)
class JavaLanguage:
    """Java exercises: JUnit 5 classes, run by `benchmarks/graders/java.py`."""

    timeout_s: float = _TIMEOUT_S
    name: str = "java"
    image: str = "polyglot-java"
    tools: str = (
        "They are JUnit 5 tests, built with Java 21, offline and without Gradle; `javac -d /tmp/classes "
        "src/main/java/*.java` builds what they use. The variable CLASSPATH names all libraries: JUnit 5.10, AssertJ "
        "3.26 and org.json."
    )
    helper_paths: str = r"src/main/java/(?!\w*Tests?\.)[A-Za-z_]\w*\.java"
    """Classes without a package directory; neither `module-info.java` nor `package-info.java`."""

    def hides(self, path: str) -> bool:
        """Return whether `path` stands among the tests."""
        return path.startswith(_TESTS)

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests under random names, with canaries among them.

        Raises:
            MalformedContentError: there is no manifest entry, or a test file is not text or holds no class.
        """
        expected = expected_tests(exercise)
        found = _guarded(exercise, chance)
        random_names = {own: name for name, own in found.names.items()}
        first, second = ({path: File(text.encode()) for path, text in sources.items()} for sources in found.sources)
        place = f"/workspace/{exercise.name}"

        def command(step: str) -> tuple[str, ...]:
            return ("python3", "-I", f"{GRADERS}/java.py", step, SOLUTION, TESTS, place)

        return Suite(
            files=laid_out(exercise, solution, tests={**exercise.tests, **first}, graders=["report.py", "java.py"]),
            apart={f"tests/{path}": file for path, file in second.items()},
            removed=(TESTS,),
            build=command("build"),
            build_timeout_s=_BUILD_TIMEOUT_S,
            argv=command("run"),
            timeout_s=self.timeout_s,
            must_pass=frozenset(random_names.get(name, name) for name in expected),
            must_fail=found.canaries,
            own_names=found.names,
        )


def _guarded(exercise: Exercise, chance: Random) -> GuardedTests[Copies]:
    sources = {path: file for path, file in exercise.tests.items() if path.endswith(".java")}
    try:
        return guarded({path: file.content.decode() for path, file in sources.items()}, chance)
    except (ValueError, IndexError) as error:
        raise MalformedContentError(f"Task {exercise.task.id}: its tests cannot be read: {error}.") from error
