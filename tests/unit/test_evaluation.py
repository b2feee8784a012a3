"""What becomes of an agent's doings on a task: always a verdict, never an exception; faults of ours the other way."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import pytest

from dgm.config import Integrity
from dgm.core.errors import OutOfBudgetError, ProviderError, SandboxError
from dgm.core.files import File
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Execution
from dgm.core.tampering import signs, signs_of
from dgm.evolution.evaluation import MAX_DROPPED_PATHS, evaluate
from dgm.evolution.replay import replay_recorded
from dgm.evolution.step import expand
from tests.fakes.bench import CODE, AgentProgram, Fakes, evaluate_job, expand_job, solving
from tests.fakes.benchmark import FakeBenchmark, solved, tiny_task
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.sandbox import Call, FakeContainer, ran


def idle(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran()


def crashing(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran(exit_code=1)


def wrong(container: FakeContainer, call: Call) -> Execution:
    del call
    container.files["/workspace/answer.py"] = solved("something else")
    return ran()


def solving_then_crashing(container: FakeContainer, call: Call) -> Execution:
    solving(container, call)
    return ran(exit_code=1)


def solving_too_slowly(container: FakeContainer, call: Call) -> Execution:
    solving(container, call)
    return ran(exit_code=None, timed_out=True)


def stuck(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran(exit_code=None, timed_out=True)


def flooding(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran(exit_code=None, truncated=True)


def hostile(container: FakeContainer, call: Call) -> Execution:
    del call
    container.hostile = "a symbolic link"
    return ran()


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        (solving, Verdict.RESOLVED),
        (solving_then_crashing, Verdict.RESOLVED),
        (solving_too_slowly, Verdict.RESOLVED),
        (wrong, Verdict.UNRESOLVED),
        (idle, Verdict.EMPTY_PATCH),
        (crashing, Verdict.AGENT_CRASHED),
        (stuck, Verdict.TIMED_OUT),
        (flooding, Verdict.AGENT_CRASHED),
        (hostile, Verdict.AGENT_CRASHED),
    ],
)
def test_whatever_an_agent_does_is_a_verdict(agent: object, verdict: Verdict) -> None:
    fakes = Fakes(agent=agent)  # type: ignore[arg-type]
    assert evaluate(*evaluate_job(), fakes.bench).verdict is verdict


def test_the_agent_sees_its_code_its_orders_and_the_workspace_and_owns_the_last_alone() -> None:
    fakes = Fakes()
    evaluate(*evaluate_job(), fakes.bench)
    container = fakes.sandbox.containers[0]
    assert container.files["/agent/main.py"] == CODE["main.py"]
    assert container.owners["/agent/main.py"] == "keeper"
    assert container.owners["/task/problem.md"] == "keeper"
    assert container.owners["/workspace/answer.py"] == "agent"
    assert json.loads(container.files["/task/task.json"].content) == {
        "workspace": "/workspace",
        "socket": "/gateway/model.sock",
        "model": "fake",
        "timeout_s": 600.0,
    }


def test_only_solution_files_are_graded_and_what_else_changed_is_recorded() -> None:
    def planting(container: FakeContainer, call: Call) -> Execution:
        container.files["/workspace/conftest.py"] = File(b"print('planted')\n")
        container.files["/workspace/HINT.txt"] = File(b"changed\n")
        return solving(container, call)

    fakes = Fakes(agent=planting)
    outcome = evaluate(*evaluate_job(), fakes.bench)
    assert fakes.benchmark.graded == [("ant", {"answer.py": solved("ant")})]
    assert outcome.dropped_paths == ("HINT.txt", "conftest.py")


LEFT = (
    *(f"a/{number:04}" for number in range(400)),
    *(f"tests/{number:04}" for number in range(400)),
    *("z/conftest.py", "z/x.pth"),
)


def flooding_the_workspace(container: FakeContainer, call: Call) -> Execution:
    container.files |= {f"/workspace/{path}": File(b"") for path in LEFT}
    return solving(container, call)


def test_of_thousands_of_other_paths_some_are_recorded_and_every_kind_of_sign_among_them() -> None:
    found = evaluate(*evaluate_job(), Fakes(agent=flooding_the_workspace).bench)
    *paths, more = found.dropped_paths
    assert (len(paths), more) == (MAX_DROPPED_PATHS, "and 502 more")
    assert paths == sorted({*paths} & {*LEFT})
    assert {sign.kind for sign in signs(found)} == {sign.kind for sign in signs_of(LEFT, ())}


def test_what_is_no_sign_is_recorded_where_signs_leave_room() -> None:
    def littering(container: FakeContainer, call: Call) -> Execution:
        container.files |= {f"/workspace/{path}": File(b"") for path in LEFT if not path.startswith("tests/")}
        return solving(container, call)

    paths = evaluate(*evaluate_job(), Fakes(agent=littering).bench).dropped_paths
    assert paths == (*LEFT[: MAX_DROPPED_PATHS - 2], "z/conftest.py", "z/x.pth", "and 102 more")


def test_a_flag_counts_paths_that_are_not_recorded_too() -> None:
    def planting(container: FakeContainer, call: Call) -> Execution:
        container.files |= {f"/workspace/{number:04}/conftest.py": File(b"") for number in range(400)}
        return solving(container, call)

    found = evaluate(*evaluate_job(), Fakes(agent=planting, integrity=Integrity(on_tamper="reject")).bench)
    assert found.flags == ("tampering: settings of tests beside the solution: 0000/conftest.py and 399 more",)


def test_new_source_files_are_part_of_a_solution_where_the_task_takes_them() -> None:
    def helping(container: FakeContainer, call: Call) -> Execution:
        container.files["/workspace/helper.py"] = File(b"HELP = 1\n")
        container.files["/workspace/helper.toml"] = File(b"cheat = 1\n")
        return solving(container, call)

    ant = tiny_task("ant")
    known = replace(ant, task=replace(ant.task, helper_paths=r"[a-z]+\.py", image="polyglot-go"))
    fakes = Fakes(agent=helping, benchmark=FakeBenchmark(known=[known]))
    outcome = evaluate(*evaluate_job(), fakes.bench)
    assert fakes.benchmark.graded == [("ant", {"answer.py": solved("ant"), "helper.py": File(b"HELP = 1\n")})]
    assert outcome.dropped_paths == ("helper.toml",)
    assert "+++ b/helper.py" in outcome.patch
    assert fakes.sandbox.containers[0].spec.image == "polyglot-go"


def test_a_change_outside_the_solution_alone_is_an_empty_patch() -> None:
    def littering(container: FakeContainer, call: Call) -> Execution:
        del call
        container.files["/workspace/notes.txt"] = File(b"I tried.\n")
        return ran()

    outcome = evaluate(*evaluate_job(), Fakes(agent=littering).bench)
    assert (outcome.verdict, outcome.patch) == (Verdict.EMPTY_PATCH, "")


def test_a_deleted_solution_is_graded_as_what_it_is() -> None:
    def deleting(container: FakeContainer, call: Call) -> Execution:
        del call
        del container.files["/workspace/answer.py"]
        return ran()

    outcome = evaluate(*evaluate_job(), Fakes(agent=deleting).bench)
    assert outcome.verdict is Verdict.UNRESOLVED
    assert "+++ /dev/null" in outcome.patch


def test_the_patch_is_made_by_the_host_from_the_trees() -> None:
    outcome = evaluate(*evaluate_job(), Fakes().bench)
    assert "+    return 'ant'" in outcome.patch


def test_what_hidden_tests_said_reaches_no_outcome_no_transcript_and_no_diagnosis() -> None:
    said = "AntTest::test_name: 'something else' != 'ant'"
    fakes = Fakes(agent=wrong, benchmark=FakeBenchmark(output=said), models=FakeModelAccess(("a diagnosis",)))
    outcome = evaluate(*evaluate_job(), fakes.bench)
    step_job, step = expand_job()
    expand(replace(step_job, outcomes=(outcome,)), step, fakes.bench)
    containers = fakes.sandbox.containers
    seen = [
        repr(outcome),
        *fakes.models.prompts,
        *(fakes.models.transcript(grant.session) for grant, _ in fakes.models.sessions),
        *(file.content.decode() for container in containers for file in container.files.values()),
    ]
    assert (outcome.verdict, outcome.summary) == (Verdict.UNRESOLVED, "0 of 1 tests passed")
    assert outcome.summary in "".join(fakes.models.prompts)
    assert [text for text in seen if said in text] == []


def test_burning_the_sessions_own_limit_is_a_verdict_that_counts() -> None:
    fakes = Fakes()

    def insatiable(container: FakeContainer, call: Call) -> Execution:
        del container, call
        fakes.models.sessions[-1][1].limit_reached = True
        return ran()

    fakes.sandbox.programs = {("/usr/bin/python3",): insatiable}
    assert evaluate(*evaluate_job(), fakes.bench).verdict is Verdict.OUT_OF_BUDGET


@pytest.mark.parametrize("fault", [OutOfBudgetError("the cap"), ProviderError("the provider is down")])
def test_what_stopped_the_model_without_the_agents_doing_is_raised_not_scored(fault: Exception) -> None:
    fakes = Fakes()

    def cut_off(container: FakeContainer, call: Call) -> Execution:
        fakes.models.sessions[-1][1].fault = fault
        return solving(container, call)

    fakes.sandbox.programs = {("/usr/bin/python3",): cut_off}
    with pytest.raises(type(fault)):
        evaluate(*evaluate_job(), fakes.bench)
    assert fakes.benchmark.graded == []


def losing(fakes: Fakes, agent: AgentProgram, *, lost_s: float, fault: Exception | None = None) -> Fakes:
    """Let the provider cost an agent time, and fail once the agent has ended."""

    def lost(container: FakeContainer, call: Call) -> Execution:
        line = fakes.models.sessions[-1][1]
        line.lost_s, line.fault_at_close = lost_s, fault
        return agent(container, call)

    fakes.sandbox.programs = {("/usr/bin/python3",): lost}
    return fakes


def test_an_agent_that_lost_a_twentieth_of_its_time_to_the_provider_is_scored_for_running_out_of_it() -> None:
    fakes = losing(Fakes(), stuck, lost_s=30.0)  # of 600
    assert evaluate(*evaluate_job(), fakes.bench).verdict is Verdict.TIMED_OUT


@pytest.mark.parametrize("agent", [stuck, solving_too_slowly])
def test_an_agent_that_lost_more_and_ran_out_of_time_is_not_scored(agent: AgentProgram) -> None:
    fakes = losing(Fakes(), agent, lost_s=30.1)
    with pytest.raises(ProviderError, match=r"lost 30 of its 600 s to failures or overload of fake"):
        evaluate(*evaluate_job(), fakes.bench)
    assert fakes.benchmark.graded == []


def test_an_agent_that_ended_in_time_is_scored_however_much_it_lost() -> None:
    fakes = losing(Fakes(), solving, lost_s=590.0)
    assert evaluate(*evaluate_job(), fakes.bench).verdict is Verdict.RESOLVED


@pytest.mark.parametrize(("exit_code", "is_scored"), [(1, False), (0, True)])
def test_an_agent_that_gave_up_on_a_call_that_was_held_up_is_not_scored(exit_code: int, is_scored: bool) -> None:
    fakes = Fakes()

    def impatient(container: FakeContainer, call: Call) -> Execution:
        fakes.models.sessions[-1][1].is_held_up = True
        return replace(solving(container, call), exit_code=exit_code)

    fakes.sandbox.programs = {("/usr/bin/python3",): impatient}
    with nullcontext() if is_scored else pytest.raises(ProviderError, match="gave up while a call was held up"):
        assert evaluate(*evaluate_job(), fakes.bench).verdict is Verdict.RESOLVED
    assert len(fakes.benchmark.graded) == is_scored


def test_an_agent_that_timed_out_with_a_call_under_way_does_so_in_a_recorded_replay_too() -> None:
    fakes, (job, _, *_) = losing(Fakes(), stuck, lost_s=590.0), evaluate_job()
    recorded = Outcome(TaskId("ant"), 0, Verdict.TIMED_OUT, "", 600.0, job.session("agent"))
    with ThreadPoolExecutor(1) as executor:
        (again,) = replay_recorded(AgentId("a"), CODE, [recorded], bench=fakes.bench, executor=executor)
    assert again.outcome is not None
    assert again.outcome.verdict is Verdict.TIMED_OUT


@pytest.mark.parametrize("fault", [OutOfBudgetError("the cap"), ProviderError("the provider is down")])
def test_a_call_that_a_time_out_overtook_and_that_fails_without_the_agents_doing_is_not_scored(
    fault: Exception,
) -> None:
    fakes = losing(Fakes(), stuck, lost_s=0.0, fault=fault)
    with pytest.raises(type(fault)):
        evaluate(*evaluate_job(), fakes.bench)


def test_a_call_that_fails_after_its_agent_has_ended_by_itself_changes_nothing() -> None:
    fakes = losing(Fakes(), solving, lost_s=0.0, fault=ProviderError("the provider is down"))
    assert evaluate(*evaluate_job(), fakes.bench).verdict is Verdict.RESOLVED


def test_a_fault_of_the_engine_is_raised_and_leaves_no_container() -> None:
    fakes = Fakes()
    fakes.sandbox.faults = [SandboxError("no engine")]
    with pytest.raises(SandboxError):
        evaluate(*evaluate_job(), fakes.bench)
    assert fakes.sandbox.live == []


def test_a_fault_of_grading_is_raised_not_scored() -> None:
    fakes = Fakes()
    fakes.benchmark.faults = [SandboxError("pytest is missing")]
    with pytest.raises(SandboxError):
        evaluate(*evaluate_job(), fakes.bench)


def test_the_models_seed_hangs_on_task_and_trial_and_not_on_the_agent() -> None:
    fakes = Fakes()
    for task, trial in (("ant", 0), ("ant", 0), ("ant", 1), ("bee", 0)):
        evaluate(*evaluate_job(task, trial), fakes.bench)
    seeds = [grant.seed for grant, _ in fakes.models.sessions]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
