"""Second attempts: what the agent starts from and is told, and that nothing of them is mixed into the first."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from dgm.archive.costs import session_cost
from dgm.archive.records import Amount
from dgm.core.errors import OutOfBudgetError, ProviderError, SandboxError
from dgm.core.files import Change, File
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.ports import Execution, Role, Sandbox
from dgm.core.tasks import Grade, KnownTask
from dgm.evolution.replay import INTERRUPTED, Replayed, Second, replay
from tests.fakes.bench import AGENT, CODE, Fakes, solving
from tests.fakes.benchmark import FakeBenchmark, solved, tiny_task
from tests.fakes.gateway import ONE_CALL, FakeModelAccess
from tests.fakes.sandbox import Call, FakeContainer, ran
from tests.unit.test_engine import InlineExecutor

OUTPUT = "AntTest::test_name: 'bee' != 'ant'"
ANT = (TaskId("ant"), 0)


def with_helpers(known: KnownTask) -> KnownTask:
    """Let a task take new files beside its solution."""
    return replace(known, task=replace(known.task, helper_paths=r"\w+\.py"))


@dataclass(slots=True)
class TalkingBenchmark(FakeBenchmark):
    """Tells what the tests said, and keeps which session it graded."""

    known: Sequence[KnownTask] = tuple(with_helpers(tiny_task(name)) for name in ("ant", "bee"))
    sessions: list[SessionId] = field(default_factory=list[SessionId])

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        self.sessions.append(session)
        found = FakeBenchmark.grade(self, task, solution, sandbox=sandbox, session=session)
        return replace(found, output="" if found.resolved else OUTPUT)


Program = Callable[[FakeContainer, Call], Execution]


def in_turn(*programs: Program) -> Program:
    """Play one program per session."""
    left = list(programs)

    def play(container: FakeContainer, call: Call) -> Execution:
        return left.pop(0)(container, call)

    return play


def wrong(container: FakeContainer, call: Call) -> Execution:
    """Leave a wrong solution with a helper, and files that are no part of it."""
    del call
    container.files |= {
        "/workspace/answer.py": solved("bee"),
        "/workspace/helper.py": File(b"HELP = 1\n"),
        "/workspace/notes.txt": File(b"I tried.\n"),
        "/workspace/HINT.txt": File(b"changed\n"),
    }
    return ran()


def idle(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran()


def hostile(container: FakeContainer, call: Call) -> Execution:
    del call
    container.hostile = "a symbolic link"
    return ran()


def fakes(*programs: Program, models: FakeModelAccess | None = None) -> Fakes:
    return Fakes(agent=in_turn(*programs), benchmark=TalkingBenchmark(), models=models or FakeModelAccess())


def results(bench: Fakes, *, attempts: int = 2) -> Iterator[Replayed]:
    with ThreadPoolExecutor(1) as executor:
        yield from replay(AGENT, CODE, [ANT], bench=bench.bench, executor=executor, attempts=attempts)


def last(bench: Fakes, *, attempts: int = 2) -> Replayed:
    return list(results(bench, attempts=attempts))[-1]


def verdicts(result: Replayed) -> tuple[Verdict | None, Verdict | None]:
    second = result.second.outcome if result.second else None
    return (result.outcome.verdict if result.outcome else None), (second.verdict if second else None)


def test_a_second_attempt_that_resolves_leaves_the_first_verdict_as_it_was() -> None:
    assert verdicts(last(fakes(wrong, solving))) == (Verdict.UNRESOLVED, Verdict.RESOLVED)


def test_without_being_asked_for_there_is_none() -> None:
    assert last(fakes(wrong), attempts=1).second is None


def test_what_is_resolved_needs_none() -> None:
    assert last(fakes(solving)).second is None


def test_a_first_attempt_that_left_no_plain_tree_gives_nothing_to_go_on_from() -> None:
    result = last(fakes(hostile))
    assert (verdicts(result), result.second) == ((Verdict.AGENT_CRASHED, None), None)


def test_it_starts_from_the_pristine_workspace_with_what_was_judged_of_the_first() -> None:
    bench = fakes(wrong, idle)
    last(bench)
    started = bench.sandbox.containers[1]
    found = {path.removeprefix("/workspace/"): file.content for path, file in started.files.items()}
    assert found["answer.py"] == solved("bee").content
    assert found["helper.py"] == b"HELP = 1\n"
    assert found["HINT.txt"] == b"The answer is in the name.\n"
    assert "notes.txt" not in found


def test_a_solution_file_that_the_first_deleted_stays_deleted() -> None:
    def deleting(container: FakeContainer, call: Call) -> Execution:
        del call
        del container.files["/workspace/answer.py"]
        return ran()

    bench = fakes(deleting, idle)
    last(bench)
    assert "/workspace/answer.py" not in bench.sandbox.containers[1].files


def test_it_is_told_the_problem_and_what_the_tests_said() -> None:
    bench = fakes(wrong, idle)
    last(bench)
    first, second = (container.files["/task/problem.md"].content.decode() for container in bench.sandbox.containers)
    assert OUTPUT not in first
    assert second.startswith(first.strip())
    assert "It does not pass the hidden tests: 0 of 1 tests passed." in second
    assert OUTPUT in second


def test_a_first_attempt_that_changed_nothing_is_followed_by_one_that_is_told_so() -> None:
    bench = fakes(idle, solving)
    assert verdicts(last(bench)) == (Verdict.EMPTY_PATCH, Verdict.RESOLVED)
    assert (
        "no solution file was changed (exit 0)"
        in bench.sandbox.containers[1].files["/task/problem.md"].content.decode()
    )


def test_leaving_what_it_found_is_an_empty_patch_and_is_not_graded_again() -> None:
    bench = fakes(wrong, idle)
    assert verdicts(last(bench)) == (Verdict.UNRESOLVED, Verdict.EMPTY_PATCH)
    assert len(bench.benchmark.graded) == 1


def test_its_patch_is_what_it_changed_of_the_first() -> None:
    result = last(fakes(wrong, solving))
    assert result.second is not None
    assert result.second.outcome is not None
    assert "-    return 'bee'\n+    return 'ant'" in result.second.outcome.patch


def test_no_two_sessions_have_one_name_and_each_tells_the_role_of_its_model() -> None:
    bench = fakes(wrong, solving)
    last(bench)
    assert isinstance(bench.benchmark, TalkingBenchmark)
    sessions = [grant.session for grant, _ in bench.models.sessions]
    assert [*sessions, *bench.benchmark.sessions] == [
        "00001.1.agent",
        "00001.1.second.agent",
        "00001.1.grading",
        "00001.1.second.grading",
    ]
    assert [session_cost(session, Amount(), {}).role for session in sessions] == [Role.AGENT, Role.AGENT]


def test_its_model_meets_other_luck_than_in_the_first_attempt() -> None:
    bench = fakes(wrong, solving)
    last(bench)
    first, second = (grant.seed for grant, _ in bench.models.sessions)
    assert first != second


def test_its_usage_is_its_own() -> None:
    bench = fakes()

    def asking(container: FakeContainer, call: Call) -> Execution:
        bench.models.sessions[-1][1].call("?")
        return wrong(container, call)

    bench.sandbox.programs = {("/usr/bin/python3",): asking}
    result = last(bench)
    assert result.outcome is not None
    assert result.second is not None
    assert result.second.outcome is not None
    assert (result.outcome.usage, result.second.outcome.usage) == (ONE_CALL, ONE_CALL)


def test_the_first_result_is_there_before_the_second_attempt_has_ended() -> None:
    found = results(fakes(wrong, solving))
    assert next(found).second == Second(None, INTERRUPTED)
    assert verdicts(next(found)) == (Verdict.UNRESOLVED, Verdict.RESOLVED)


def failing(fault: Exception) -> Program:
    def fail(container: FakeContainer, call: Call) -> Execution:
        del container, call
        raise fault

    return fail


def test_a_fault_that_passes_is_not_seen_and_its_sessions_have_names_of_their_own() -> None:
    bench = fakes(wrong, failing(SandboxError("no engine")), solving)
    assert verdicts(last(bench)) == (Verdict.UNRESOLVED, Verdict.RESOLVED)
    assert [grant.session for grant, _ in bench.models.sessions[1:]] == [
        "00001.1.second.agent",
        "00001.2.second.agent",
    ]


@pytest.mark.parametrize(
    ("fault", "times"),
    [(SandboxError("no engine"), 3), (ProviderError("it is down"), 3), (OutOfBudgetError("the cap is reached"), 1)],
)
def test_a_fault_that_stays_leaves_the_first_verdict_and_says_that_there_is_no_second(
    fault: Exception, times: int
) -> None:
    bench = fakes(wrong, *[failing(fault)] * times)
    result = last(bench)
    assert verdicts(result) == (Verdict.UNRESOLVED, None)
    assert result.second == Second(None, str(fault))


def test_what_ended_beside_a_bug_is_told_before_it() -> None:
    bench = fakes(failing(IndexError("a bug")), *[solving] * 30)
    trials = [(ANT[0], trial) for trial in range(31)]
    found = replay(AGENT, CODE, trials, bench=bench.bench, executor=InlineExecutor())
    assert sorted(next(found).number for _ in range(30)) == list(range(1, 31))
    with pytest.raises(IndexError, match="a bug"):
        next(found)


def test_the_cap_holds_over_both_attempts() -> None:
    bench = fakes(models=FakeModelAccess(max_calls=1))

    def asking(container: FakeContainer, call: Call) -> Execution:
        bench.models.sessions[-1][1].call("?")
        return wrong(container, call)

    bench.sandbox.programs = {("/usr/bin/python3",): asking}
    assert last(bench).second == Second(None, "The run's 1 calls are used up.")
