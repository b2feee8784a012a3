"""Signs of tampering: which changed files are some, what becomes of a measurement with any, and how they are told."""

import sqlite3
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgm.archive import results
from dgm.archive.reader import read_run
from dgm.archive.run import RunArchive
from dgm.benchmarks.catalogue import benchmark_named
from dgm.config import Integrity
from dgm.core.actions import Evaluate
from dgm.core.errors import CorruptArchiveError
from dgm.core.files import File
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Execution
from dgm.core.tampering import REFUSED, Sign, SignKind, Tampering, rejecting, signs, signs_of, tampering_of
from dgm.evolution.evaluation import evaluate
from dgm.evolution.replay import replay
from dgm.evolution.step import expand
from tests.fakes.bench import CODE, Fakes, evaluate_job, expand_job, solving
from tests.fakes.benchmark import FakeBenchmark
from tests.fakes.commands import Answer, answered
from tests.fakes.runs import SEED_CODE, grow, new_run, outcome
from tests.fakes.sandbox import Call, FakeContainer

HOSTILE = "a\x1b[2J/\u202ecod/conftest.py"
BY_KIND = {
    SignKind.HIDDEN_NAME: [
        *("Conftest.py", "sub/PYTEST.INI", "con\u200bftest.py", "\uff43onftest.py", "conftest.py ", "conftest.py."),
        *("notes\u202e.txt", "'conftest.py\\x00'", "cmakelists.txt", "pac\u212aage.json"),
    ],
    SignKind.RUNS_BY_ITSELF: [
        *("sitecustomize.py", "lib/usercustomize.py", "sitecustomize/__init__.py", "x.pth", "lib/x.PTH", "main.pyc"),
        *("python313._pth", "pyvenv.cfg", ".bashrc", ".envrc"),
    ],
    SignKind.TEST_SETTINGS: [
        *("conftest.py", "tests/conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", ".coveragerc"),
        *("jest.config.js", "jest.config.mjs", "babel.config.js", ".babelrc", ".babelrc.json", ".mocharc.yml"),
        *("junit-platform.properties", "src/main/resources/META-INF/services/x", "x.egg-info/entry_points.txt"),
    ],
    SignKind.BUILD_SETTINGS: [
        *("setup.py", "package.json", ".npmrc", "go.mod", "go.work", "vendor/modules.txt", "Cargo.toml", "build.rs"),
        *(".cargo/config.toml", "build.gradle", "settings.gradle.kts", "gradlew", "gradle/wrapper/gradle-wrapper.jar"),
        *("pom.xml", ".mvn/jvm.config", "CMakeLists.txt", "sub/CMakePresets.json"),
    ],
    SignKind.GIT_SETTINGS: [".gitattributes", "sub/.gitmodules", ".githooks/run", "hooks/post-checkout", ".husky/_/x"],
    SignKind.TEST_FILE: [
        *("test_robot.py", "robot_test.py", "tests/data.txt", "robot.spec.js", "robot_test.go", "RobotTest.java"),
    ],
}
NO_SIGN = [
    *("notes.txt", "README.md", "contest.js", "protest.py", "latest.json", "robot.py", "na\u00efve.py", "Makefile"),
    *("__pycache__/conftest.cpython-313.pyc", ".pytest_cache/v/cache/lastfailed", "node_modules/a/package.json"),
    *("target/debug/build.rs", "build/CMakeLists.txt", "CMakeFiles/Makefile.cmake", "venv/lib/site-packages/x.pth"),
    *(".hypothesis/examples/x", "coverage/lcov.info", "Cargo.lock", "package-lock.json", "go.sum", "and 12 more"),
    *("conftest.py.txt", "myconftest.py", "vendor", "conftest/data.txt", ".gitignore"),
]


def kinds_of(*paths: str) -> list[SignKind]:
    return [sign.kind for sign in signs_of(paths, ())]


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in BY_KIND.items() for path in paths])
def test_what_could_steer_a_grading_is_a_sign(kind: SignKind, path: str) -> None:
    assert kinds_of(path) == [kind]


@pytest.mark.parametrize("path", NO_SIGN)
def test_what_builds_leave_behind_and_what_steers_nothing_is_no_sign(path: str) -> None:
    assert kinds_of(path) == []


def test_nothing_that_belongs_to_a_katas_task_or_its_solution_looks_like_tampering() -> None:
    paths = {path for task in benchmark_named("katas").tasks() for path in (*task.workspace, *task.solution_paths)}
    assert paths
    assert kinds_of(*sorted(paths)) == []


def test_tests_of_its_own_and_a_tree_that_is_refused_are_not_grave_and_all_else_is() -> None:
    mild = [kind for kind in SignKind if not kind.is_grave]
    assert mild == [SignKind.REFUSED_TREE, SignKind.TEST_FILE]


def test_what_a_grading_flagged_and_why_a_tree_was_refused_are_signs_too() -> None:
    measured = replace(outcome("ant", flags=("2 of 9 must fail",)), summary=f"{REFUSED}'x' is a symbolic link")
    assert signs(measured) == (
        Sign(SignKind.GRADING, "", "2 of 9 must fail"),
        Sign(SignKind.TEST_SETTINGS, "conftest.py", "configures Python's test runners"),
        Sign(SignKind.REFUSED_TREE, "", "'x' is a symbolic link"),
    )


def test_rejecting_makes_one_flag_of_each_grave_kind() -> None:
    paths = ("a/conftest.py", "pytest.ini", "tests/x.py", "x.pth")
    rejected = rejecting(replace(outcome("ant"), dropped_paths=paths))
    assert rejected.flags == (
        "tampering: code that runs by itself beside the solution: x.pth",
        "tampering: settings of tests beside the solution: a/conftest.py and 1 more",
    )
    assert (rejected.verdict, rejected.resolved) == (Verdict.RESOLVED, False)


def test_what_was_rejected_shows_the_signs_that_it_had_before() -> None:
    measured = outcome("ant")
    assert signs(rejecting(measured)) == signs(measured)


def test_measurements_are_counted_once_for_each_kind() -> None:
    twice = replace(outcome("ant"), dropped_paths=("conftest.py", "sub/conftest.py", "tests/x.py"))
    mild = replace(outcome("bee"), dropped_paths=("tests/x.py",))
    none = replace(outcome("cat"), dropped_paths=())
    assert tampering_of([twice, mild, none]) == Tampering(
        measurements=3,
        with_signs=2,
        with_grave_signs=1,
        kinds={SignKind.TEST_SETTINGS: 1, SignKind.TEST_FILE: 2},
    )


# --- where outcomes are made ----------------------------------------------------------------------------------------


def planting(container: FakeContainer, call: Call) -> Execution:
    container.files["/workspace/conftest.py"] = File(b"print('planted')\n")
    return solving(container, call)


def untidy(container: FakeContainer, call: Call) -> Execution:
    container.files["/workspace/tests/test_mine.py"] = File(b"assert True\n")
    container.files["/workspace/__pycache__/answer.cpython-313.pyc"] = File(b"\0")
    return solving(container, call)


def test_a_sign_has_no_effect_on_the_score_unless_the_run_rejects() -> None:
    outcomes = [
        evaluate(*evaluate_job(), Fakes(agent=planting, integrity=Integrity(on_tamper=word)).bench)
        for word in ("flag", "reject")
    ]
    assert [found.verdict for found in outcomes] == [Verdict.RESOLVED, Verdict.RESOLVED]
    assert [found.resolved for found in outcomes] == [True, False]
    assert [found.dropped_paths for found in outcomes] == [("conftest.py",)] * 2


def test_a_run_that_rejects_does_not_reject_tests_of_its_own_and_what_tools_leave() -> None:
    found = evaluate(*evaluate_job(), Fakes(agent=untidy, integrity=Integrity(on_tamper="reject")).bench)
    assert (found.resolved, found.flags) == (True, ())


def test_what_a_grading_flagged_stays_beside_what_is_rejected() -> None:
    fakes = Fakes(
        agent=planting, benchmark=FakeBenchmark(flags=("2 of 9 must fail",)), integrity=Integrity(on_tamper="reject")
    )
    flags = evaluate(*evaluate_job(), fakes.bench).flags
    assert [flag.partition(":")[0] for flag in flags] == ["2 of 9 must fail", "tampering"]


def test_a_diagnosis_is_told_that_and_not_how_a_measurement_was_tampered_with() -> None:
    fakes = Fakes()
    job, action = expand_job()
    expand(replace(job, outcomes=(rejecting(outcome("bee")),)), action, fakes.bench)
    told = fakes.models.prompts[0]
    assert "not counted, since the agent changed files beside the solution that could steer its tests" in told
    assert "conftest.py" not in told


def test_a_replay_rejects_alike() -> None:
    bench = Fakes(agent=planting, integrity=Integrity(on_tamper="reject")).bench
    with ThreadPoolExecutor(1) as executor:
        found = list(replay(AgentId("a" * 12), CODE, [(TaskId("ant"), 0)], bench=bench, executor=executor))
    assert [result.outcome and result.outcome.resolved for result in found] == [False]


def test_a_refused_tree_is_told_by_the_words_that_archives_search_for() -> None:
    def linking(container: FakeContainer, call: Call) -> Execution:
        container.hostile = "'x' is a symbolic link"
        return solving(container, call)

    found = evaluate(*evaluate_job(), Fakes(agent=linking).bench)
    assert found.summary.startswith("nothing could be graded:")
    assert [sign.kind for sign in signs(found)] == [SignKind.REFUSED_TREE]


# --- in an archive, and on screens ----------------------------------------------------------------------------------


def record(run: RunArchive, agent: AgentId, measured: Outcome) -> None:
    decision = run.decide(Evaluate(agent, measured.task, measured.trial))
    run.add_outcome(decision.number, agent, measured)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunArchive]:
    """The run "tampered": a seed agent without signs and three children, with every kind of thing that is counted."""
    with new_run(tmp_path_factory.mktemp("runs") / "tampered", held_out=[TaskId("held")]) as run:
        root = run.seed_agent()
        tidy = replace(outcome("ant"), dropped_paths=(), patch="x" * 100_000)
        record(run, root, tidy)
        grave, mild, unmeasured = (
            grow(run, root, {**SEED_CODE, "number.py": File(b"%d" % number)}).id for number in range(3)
        )
        assert unmeasured
        record(run, grave, replace(outcome("ant"), dropped_paths=(HOSTILE, "x.pth", "tests/a", "tests/b", "tests/c")))
        record(run, grave, replace(outcome("held"), dropped_paths=("x.pth",)))
        record(run, grave, replace(tidy, task=TaskId("bee"), flags=("2 of 9 must fail",)))
        record(run, mild, replace(tidy, summary=f"{REFUSED}it is too large", verdict=Verdict.AGENT_CRASHED))
        record(run, mild, replace(tidy, task=TaskId("bee"), dropped_paths=("tests/a",)))
        yield run


def agents_of(archive: RunArchive) -> list[AgentId]:
    return [agent.id for agent in archive.agent_tree()]


def test_an_archive_counts_what_is_held_out_flagged_and_refused_too(archive: RunArchive) -> None:
    root, grave, mild, _ = agents_of(archive)
    assert archive.tampering() == {
        root: Tampering(1, 0, 0, {}),
        grave: Tampering(
            3,
            3,
            3,
            {SignKind.GRADING: 1, SignKind.HIDDEN_NAME: 1, SignKind.RUNS_BY_ITSELF: 2, SignKind.TEST_FILE: 1},
        ),
        mild: Tampering(2, 2, 0, {SignKind.REFUSED_TREE: 1, SignKind.TEST_FILE: 1}),
    }


def test_an_archive_counts_as_the_measurements_themselves_do(archive: RunArchive) -> None:
    for agent, found in archive.tampering().items():
        assert found == tampering_of((*archive.outcomes_of(agent), *archive.held_out_of(agent)))


def test_the_agents_that_are_asked_for_are_counted_alone(archive: RunArchive) -> None:
    _, _, mild, unmeasured = agents_of(archive)
    assert list(archive.tampering([mild, unmeasured])) == [mild]


def test_counting_reads_no_patch(archive: RunArchive) -> None:
    connection = sqlite3.connect(archive.directory / "archive.db")
    among = [vars(results)[name] for name in ("_ALL", "_SOME")]
    queries = [vars(results)[name].format(among=which) for name in ("_LEFT_ASIDE", "_COUNTS") for which in among]
    plans = [row[3] for query in queries for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (None,))]
    connection.close()
    looked_at = [plan.split(" ")[0] for plan in plans if "evaluations USING COVERING INDEX" in plan]
    assert looked_at == ["SCAN", "SEARCH", "SCAN", "SEARCH"], plans


@pytest.mark.parametrize("stored", [[1], "conftest.py", {"conftest.py": 1}, [[]], None])
def test_an_archive_that_names_no_paths_is_called_corrupt(tmp_path: Path, stored: Any) -> None:
    with new_run(tmp_path / "run") as run:
        record(run, run.seed_agent(), replace(outcome("ant"), dropped_paths=stored))
    with read_run(tmp_path / "run") as reader:
        for ask in (reader.tampering, reader.outcomes):
            with pytest.raises(CorruptArchiveError):
                ask()


@pytest.fixture
def dgm(archive: RunArchive, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> Answer:
        return answered(capsys, *arguments, "--runs-dir", str(archive.directory.parent))

    return command


def test_status_says_how_many_agents_and_measurements_show_signs(dgm: Any) -> None:
    line = next(line for line in dgm("status", "tampered").out.splitlines() if line.startswith("tampering"))
    assert " ".join(line.split()) == (
        "tampering 2 agents, 5 of 6 measurements: 1 flagged by the grading, 1 names that hide, 2 code that runs by "
        "itself, 1 refused trees, 2 files named like tests"
    )


def test_show_counts_an_agents_signs_and_names_the_first_beside_each_measurement(dgm: Any, archive: RunArchive) -> None:
    said = " ".join(dgm("show", "tampered", agents_of(archive)[1]).out.split())
    assert "tampering 3 of 3 measurements: 1 flagged by the grading, " in said
    assert "x.pth: Python runs or obeys it when it starts" in said
    assert "and 2 more like that" in said


def test_show_of_an_agent_without_signs_says_that_there_are_none(dgm: Any, archive: RunArchive) -> None:
    assert "no signs in 1 measurement" in dgm("show", "tampered", agents_of(archive)[0]).out


def test_json_has_every_sign_of_a_measurement(dgm: Any, archive: RunArchive) -> None:
    answer = dgm("show", "tampered", agents_of(archive)[1], "--json").json
    found = answer["outcomes"][0]["signs"]
    assert found[1] == {
        "kind": "code that runs by itself",
        "grave": True,
        "path": "x.pth",
        "text": "Python runs or obeys it when it starts",
    }
    assert [sign["path"] for sign in found[2:]] == ["tests/a", "tests/b", "tests/c"]
    assert answer["tampering"]["with_signs"] == 3


def test_a_tree_marks_the_agents_that_show_grave_signs(dgm: Any, archive: RunArchive) -> None:
    lines = dgm("tree", "tampered").out.splitlines()
    assert [agent[:7] for agent in agents_of(archive) if any(f"{agent[:7]}!" in line for line in lines)] == [
        agents_of(archive)[1][:7]
    ]
    assert sum(line.startswith("! changed what could steer its grading") for line in lines) == 1


@pytest.mark.parametrize("words", [("status",), ("tree",), ("show",), ("show", "--json")])
def test_no_screen_shows_a_hostile_path_raw(dgm: Any, archive: RunArchive, words: tuple[str, ...]) -> None:
    verb, *options = words
    agent = [agents_of(archive)[1]] if verb == "show" else []
    said = dgm(verb, "tampered", *agent, *options).out
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_tree_without_grave_signs_has_no_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_run(tmp_path / "tidy") as run:
        record(run, run.seed_agent(), replace(outcome("ant"), dropped_paths=("tests/a",)))
    assert "!" not in answered(capsys, "tree", "tidy", "--runs-dir", str(tmp_path)).out
