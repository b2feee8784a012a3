"""What an agent could leave in a JavaScript exercise, graded in real containers: only the right solution scores."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest

from dgm.benchmarks.grading import reported
from dgm.benchmarks.languages.javascript import JavaScriptLanguage
from dgm.core.errors import InfrastructureError
from dgm.core.files import File
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.escape.javascript_cheats import (
    ALL_RIGHT,
    BENCHMARK,
    BOMBS,
    BROKEN,
    CHOSEN,
    ENDS,
    EXTRAS,
    FLOODS,
    FORGERIES,
    GUESSES,
    HELPED,
    NESTED_TASK,
    NOTHING_RIGHT,
    PATCHES,
    RIGHT,
    SHORT_TIMEOUT_S,
    SOLUTION,
    TAMPERING,
    TASK,
    TIMEOUT_S,
    WRONG,
    benchmark,
)
from tests.escape.solutions import Changes, judged, reference

CHEATS = {**ENDS, **FORGERIES, **PATCHES, **CHOSEN, **GUESSES}
BELIEVES_ALL = (
    "equals everything and throws the one message",
    "answers what the calling line expects",
    "empties chosen tests",
    "turns chosen tests into ones that must fail",
    "forgets the errors of chosen tests",
    "matchers that hold for all but numbers",
    "the reporter changed from outside for chosen tests",
)
pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of every solution, two at a time; each test waits for its own."""
    ensure_image(sandbox.engine, JavaScriptLanguage().image, say=print)
    written = {**CHEATS, **FLOODS, **BOMBS, "wrong": WRONG, "tampering": TAMPERING + RIGHT}
    changes: dict[str, Changes] = {
        "reference": {SOLUTION: RIGHT},
        "no change": {},
        "reference with everything planted": {
            SOLUTION: RIGHT,
            **{path: text for planted in EXTRAS.values() for path, text in planted.items()},
        },
        **{name: {SOLUTION: source} for name, source in written.items()},
        **{name: {SOLUTION: WRONG, **planted} for name, planted in EXTRAS.items()},
        **BROKEN,
        **HELPED,
    }

    def graded(name: str) -> Grade:
        chosen = benchmark(SHORT_TIMEOUT_S if name in BOMBS else TIMEOUT_S, seed=name)
        return judged(chosen, TASK, changes[name], sandbox=sandbox)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(graded, name) for name in changes}


@pytest.mark.parametrize("solution", ["reference", "reference with everything planted", *HELPED])
def test_the_right_solution_scores(grades: Mapping[str, Future[Grade]], solution: str) -> None:
    assert grades[solution].result() == ALL_RIGHT


def test_a_wrong_solution_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    grade = grades["wrong"].result()
    assert (grade.resolved, grade.summary) == (False, NOTHING_RIGHT)


def test_what_failed_tests_say_is_told_and_of_the_canary_nothing(grades: Mapping[str, Future[Grade]]) -> None:
    output = grades["wrong"].result().output
    assert output.count("Ant trail > ") == 9
    assert "Ant trail > the way home is along first: Error: expect(received).toBe(expected)" in output


def test_no_change_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    grade = grades["no change"].result()
    assert (grade.resolved, grade.summary) == (False, NOTHING_RIGHT)


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_does_not_score(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert not grades[cheat].result().resolved


@pytest.mark.parametrize("cheat", ["matchers", "Object.is", "state of the runner", "the reporter", *BELIEVES_ALL])
def test_making_every_test_pass_is_called_tampering(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert grades[cheat].result().summary.startswith("tampering: ")


@pytest.mark.parametrize("cheat", ["exits at load", "exits while tests run", "forges the reporter's findings"])
def test_an_exit_leaves_no_report(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert grades[cheat].result().summary == "the tests ended without a report"


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_solution_does_not_score(grades: Mapping[str, Future[Grade]], broken: str) -> None:
    assert not grades[broken].result().resolved


@pytest.mark.parametrize("broken", ["deleted", "random bytes", "a syntax error", "thrown at load"])
def test_a_solution_that_cannot_be_loaded_is_told(grades: Mapping[str, Future[Grade]], broken: str) -> None:
    assert grades[broken].result().summary == "error at import; 0 of 9 tests passed"


@pytest.mark.parametrize("planted", EXTRAS)
def test_files_beside_the_solution_change_nothing(grades: Mapping[str, Future[Grade]], planted: str) -> None:
    grade = grades[planted].result()
    assert (grade.resolved, grade.summary) == (False, NOTHING_RIGHT)


@pytest.mark.parametrize("bomb", [*BOMBS, *FLOODS])
def test_a_bomb_is_a_verdict(grades: Mapping[str, Future[Grade]], bomb: str) -> None:
    assert not grades[bomb].result().resolved


@pytest.mark.parametrize("bomb", BOMBS)
def test_running_out_of_time_is_told(grades: Mapping[str, Future[Grade]], bomb: str) -> None:
    assert grades[bomb].result().summary == "the tests timed out"


def test_nothing_that_is_graded_can_be_changed(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["tampering"].result() == ALL_RIGHT


def test_jest_that_cannot_start_is_an_error_and_no_verdict(sandbox: DockerSandbox) -> None:
    language = JavaScriptLanguage()
    ensure_image(sandbox.engine, language.image, say=print)
    suite = language.suite(BENCHMARK.exercise(TASK), {SOLUTION: File(RIGHT.encode())}, chance=Random(1))
    broken = replace(suite, argv=("env", "NODE_OPTIONS=--no-such-option", *suite.argv))
    with pytest.raises(InfrastructureError, match=r"could not be started: .*no-such-option"):
        reported(broken, image=language.image, sandbox=sandbox, session=SessionId("broken"))


def test_nested_and_skipped_tests_and_tests_of_equal_names_all_run(sandbox: DockerSandbox) -> None:
    ensure_image(sandbox.engine, JavaScriptLanguage().image, say=print)
    right = reference(BENCHMARK, NESTED_TASK)
    assert judged(BENCHMARK, NESTED_TASK, right, sandbox=sandbox) == Grade(
        resolved=True, summary="12 of 12 tests passed"
    )


@pytest.mark.parametrize("command", ["jest", "npx jest", "npm test"])
def test_agents_can_run_tests_of_their_own(sandbox: DockerSandbox, command: str) -> None:
    ensure_image(sandbox.engine, JavaScriptLanguage().image, say=print)
    own = "import { end } from './ant-trail';\ntest('steps add up', () => expect(end('NE').east).toBe(1));\n"
    workspace = BENCHMARK.task(TASK).workspace
    with sandbox.container(ContainerSpec(JavaScriptLanguage().image, "agent", SessionId("agent"), 120.0)) as container:
        files = {**workspace, SOLUTION: File(RIGHT.encode()), "own.test.js": File(own.encode())}
        container.write_files(files, directory="/workspace", owner="agent")
        ran = container.execute(["sh", "-c", command], timeout_s=60.0)
    assert (ran.exit_code, b"1 passed, 1 total" in ran.stderr) == (0, True)
