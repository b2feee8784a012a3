"""An agent on a repository that a task's own image brings along: what it sees, and what becomes of what it leaves."""

import json
from dataclasses import replace

import pytest

from dgm.config import Sessions
from dgm.core.errors import SandboxError
from dgm.core.files import Change, File, FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Execution, Sandbox
from dgm.core.tasks import Grade, KnownTask, Repository, Task
from dgm.evolution.evaluation import evaluate
from dgm.evolution.step import expand
from tests.fakes.bench import CODE, AgentProgram, Fakes, evaluate_job, expand_job
from tests.fakes.benchmark import FakeBenchmark
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, ran

REPOSITORY = Repository("/testbed", "1" * 40)
IMAGE = "some/ant:latest"
WRONG, RIGHT, TESTS = File(b"LEGS = 8\n"), File(b"LEGS = 6\n"), File(b"assert LEGS == 6\n")
PRISTINE: FileTree = {"ant.py": WRONG, "tests/test_ant.py": TESTS, "README": File(b"Ants.\n")}


def repository_task(name: str) -> KnownTask:
    """Return a task of a repository; every file may be changed but that of its tests."""
    task = Task(
        TaskId(name),
        f"An {name} has 6 legs.\n",
        workspace={},
        solution_paths=(),
        image=IMAGE,
        repository=REPOSITORY,
        test_paths=("tests/test_ant.py",),
        timeout_s=3600.0,
        group="some/ant",
    )
    return KnownTask(task, reference={"ant.py": RIGHT}, naive={}, must_see="")


class WholeChanges(FakeBenchmark):
    """Keeps what it was given to grade, the state before included."""

    changes: list[Change]

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        self.changes = [solution]
        return FakeBenchmark.grade(self, task, solution, sandbox=sandbox, session=session)


def mending(container: FakeContainer, call: Call) -> Execution:
    del call
    container.files["/testbed/ant.py"] = RIGHT
    return ran()


def idle(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran()


def fakes_of(agent: AgentProgram = mending, *, flags: tuple[str, ...] = ()) -> Fakes:
    known = [repository_task("ant"), repository_task("bee")]
    fakes = Fakes(
        agent=agent, benchmark=WholeChanges(known=known, flags=flags), models=FakeModelAccess(("a diagnosis",))
    )
    fakes.sandbox.repositories = {IMAGE: PRISTINE}
    return fakes


def outcome_of(agent: AgentProgram) -> tuple[Outcome, Fakes]:
    fakes = fakes_of(agent)
    return evaluate(*evaluate_job(), fakes.bench), fakes


def started(sandbox: FakeSandbox) -> tuple[FakeContainer, dict[str, object]]:
    """Return the first container and the settings that its agent was given."""
    container = sandbox.containers[0]
    return container, json.loads(container.files["/task/task.json"].content)


def test_the_agent_works_in_the_repository_and_finds_nothing_else() -> None:
    _, fakes = outcome_of(idle)
    container, settings = started(fakes.sandbox)
    assert (container.spec.image, container.spec.repository) == (IMAGE, REPOSITORY)
    assert (settings["workspace"], container.calls[0].directory) == ("/testbed", "/testbed")
    agent = {f"/agent/{path}" for path in CODE}
    repository = {f"/testbed/{path}" for path in PRISTINE}
    assert set(container.files) == {*agent, *repository, "/task/task.json", "/task/problem.md"}


def test_only_what_changed_is_graded_and_the_host_makes_the_patch() -> None:
    outcome, fakes = outcome_of(mending)
    assert outcome.verdict is Verdict.RESOLVED
    assert isinstance(fakes.benchmark, WholeChanges)
    assert fakes.benchmark.changes == [Change({"ant.py": WRONG}, {"ant.py": RIGHT})]
    assert outcome.patch == "--- a/ant.py\n+++ b/ant.py\n@@ -1 +1 @@\n-LEGS = 8\n+LEGS = 6\n"
    assert outcome.dropped_paths == ()


def test_every_file_may_be_added_removed_or_made_executable() -> None:
    def rearranging(container: FakeContainer, call: Call) -> Execution:
        container.files["/testbed/bin/run"] = File(b"ant\n", executable=True)
        container.files["/testbed/README"] = replace(PRISTINE["README"], executable=True)
        del container.files["/testbed/ant.py"]
        return idle(container, call)

    outcome, fakes = outcome_of(rearranging)
    assert isinstance(fakes.benchmark, WholeChanges)
    assert fakes.benchmark.changes[0].paths == ("README", "ant.py", "bin/run")
    assert (outcome.verdict, outcome.dropped_paths) == (Verdict.UNRESOLVED, ())


def test_a_mode_alone_is_a_change() -> None:
    def opening(container: FakeContainer, call: Call) -> Execution:
        container.files["/testbed/ant.py"] = replace(WRONG, executable=True)
        return idle(container, call)

    outcome, _ = outcome_of(opening)
    assert outcome.verdict is Verdict.UNRESOLVED


def test_what_it_did_to_test_files_and_links_is_dropped_and_recorded() -> None:
    def cheating(container: FakeContainer, call: Call) -> Execution:
        container.files["/testbed/tests/test_ant.py"] = File(b"\n")
        container.left_out = ("shortcut", "ant.so")
        return mending(container, call)

    outcome, fakes = outcome_of(cheating)
    assert fakes.benchmark.graded == [("ant", {"ant.py": RIGHT})]
    assert outcome.dropped_paths == ("ant.so", "shortcut", "tests/test_ant.py")
    assert "test_ant" not in outcome.patch


def test_a_change_of_test_files_alone_is_an_empty_patch() -> None:
    def cheating(container: FakeContainer, call: Call) -> Execution:
        del container.files["/testbed/tests/test_ant.py"]
        return idle(container, call)

    outcome, fakes = outcome_of(cheating)
    assert (outcome.verdict, outcome.patch) == (Verdict.EMPTY_PATCH, "")
    assert outcome.dropped_paths == ("tests/test_ant.py",)
    assert fakes.benchmark.graded == []


def test_an_untouched_repository_is_an_empty_patch_and_not_graded() -> None:
    outcome, fakes = outcome_of(idle)
    assert (outcome.verdict, outcome.patch) == (Verdict.EMPTY_PATCH, "")
    assert fakes.benchmark.graded == []


def test_a_repository_that_cannot_be_taken_is_a_crash_of_the_agent() -> None:
    def hostile(container: FakeContainer, call: Call) -> Execution:
        container.hostile = "30,000 files were changed"
        return mending(container, call)

    outcome, fakes = outcome_of(hostile)
    assert outcome.verdict is Verdict.AGENT_CRASHED
    assert outcome.summary == "nothing could be graded: 30,000 files were changed"
    assert fakes.benchmark.graded == []


def test_a_flag_stands_beside_the_verdict_and_keeps_it_from_counting() -> None:
    outcome = evaluate(*evaluate_job(), fakes_of(flags=("It ended before its tests did.",)).bench)
    assert (outcome.verdict, outcome.flags) == (Verdict.RESOLVED, ("It ended before its tests did.",))
    assert not outcome.resolved


@pytest.mark.parametrize(("configured", "timeout_s"), [(None, 3600.0), (90.0, 90.0)], ids=["the task's", "the user's"])
def test_the_task_says_how_long_it_may_take_unless_the_user_does(configured: float | None, timeout_s: float) -> None:
    fakes = fakes_of()
    evaluate(*evaluate_job(), replace(fakes.bench, limits=Sessions(task_timeout_s=configured)))
    container, settings = started(fakes.sandbox)
    assert (settings["timeout_s"], container.calls[0].timeout_s) == (timeout_s, timeout_s)
    assert container.spec.lifetime_s > timeout_s


def test_an_image_that_cannot_be_had_is_a_fault_of_ours() -> None:
    fakes = fakes_of()
    fakes.sandbox.repositories = {}
    with pytest.raises(SandboxError, match="cannot be pulled"):
        evaluate(*evaluate_job(), fakes.bench)
    assert fakes.benchmark.graded == []


def test_an_agent_changes_its_own_code_in_the_workspace_all_the_same() -> None:
    answer = json.dumps(
        {
            "log_summarization": "It failed.",
            "potential_improvements": [],
            "improvement_proposal": "Count legs.",
            "implementation_suggestion": "Count.",
            "problem_description": "It cannot count.",
        }
    )
    fakes = fakes_of(idle)
    fakes.models = FakeModelAccess((answer,))
    expand(*expand_job(), fakes.bench)
    container, settings = started(fakes.sandbox)
    assert (container.spec.image, container.spec.repository) == ("python", None)
    assert settings["workspace"] == "/workspace"
    assert container.files["/workspace/main.py"] == CODE["main.py"]
