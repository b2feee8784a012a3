"""Standing controls: what they judge, what they say when the harness is broken, and when they are due."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from dgm.core.controls import StandingControl
from dgm.core.errors import BrokenHarnessError, SandboxError
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import ControlKind, Execution, Sandbox
from dgm.core.tasks import Grade
from dgm.evolution.bench import Bench
from dgm.evolution.controls import StandingControls, control_tasks, judged_task, preflight, standing_controls
from dgm.evolution.engine import Engine
from dgm.evolution.plan import Ending
from tests.fakes.archive import MemoryArchive
from tests.fakes.bench import CODE, Fakes
from tests.fakes.benchmark import TINY_TASKS, FakeBenchmark
from tests.fakes.sandbox import Call, FakeContainer, ran
from tests.unit.test_engine import InlineExecutor, Recorder, new_archive, perform, plan
from tests.unit.test_step import fakes_with

ANT = TaskId("ant")


@dataclass(slots=True)
class NotingBenchmark(FakeBenchmark):
    """Notes what it is asked to judge, and under which session's name."""

    judged: list[TaskId] = field(default_factory=list[TaskId])
    sessions: list[SessionId] = field(default_factory=list[SessionId])

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        self.judged.append(task)
        self.sessions.append(session)
        return FakeBenchmark.control(self, task, kind, sandbox=sandbox, session=session)


@dataclass(slots=True)
class OddBenchmark(FakeBenchmark):
    """Grades what a test says instead, by kind; the last one again and again."""

    instead: dict[str, list[Grade]] = field(default_factory=dict[str, list[Grade]])

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        grades = self.instead.get(kind)
        if not grades:
            return FakeBenchmark.control(self, task, kind, sandbox=sandbox, session=session)
        return grades.pop(0) if len(grades) > 1 else grades[0]


def bench(**instead: list[Grade]) -> Bench:
    return Fakes(benchmark=OddBenchmark(instead=instead)).bench


def seeded() -> MemoryArchive:
    archive = MemoryArchive()
    archive.add_seed_agent(CODE)
    return archive


def verdicts(controls: tuple[StandingControl, ...]) -> list[tuple[str, bool]]:
    return [(control.of, control.passed) for control in controls]


def test_a_sound_task_passes_both_ways() -> None:
    assert verdicts(judged_task(ANT, 0, bench())) == [("base", True), ("reference", True)]


def test_a_base_that_resolves_fails() -> None:
    found = judged_task(ANT, 0, bench(base=[Grade(resolved=True, summary="all passed")]))
    assert verdicts(found) == [("base", False), ("reference", True)]
    assert found[0].summary == "resolved, all passed"


def test_a_reference_that_is_flagged_fails() -> None:
    flagged = Grade(resolved=True, summary="all passed", flags=("Two tests did not run.",))
    found = judged_task(ANT, 0, bench(reference=[flagged]))
    assert (found[1].passed, found[1].summary) == (False, "resolved, all passed; Two tests did not run.")


def test_a_reference_that_ran_out_of_time_once_is_judged_again() -> None:
    late, right = Grade(resolved=False, summary="the tests timed out"), Grade(resolved=True, summary="3 of 3")
    assert verdicts(judged_task(ANT, 0, bench(reference=[late, right]))) == [("base", True), ("reference", True)]


def test_tasks_without_a_signal_are_no_controls() -> None:
    tasks = (replace(TINY_TASKS[0], task=replace(TINY_TASKS[0].task, has_signal=False)), TINY_TASKS[1])
    assert control_tasks(Fakes(benchmark=FakeBenchmark(known=tasks)).bench, most=9) == ("bee",)


def test_the_sample_hangs_on_the_runs_seed() -> None:
    samples = {control_tasks(Fakes(run_seed=seed).bench, most=2) for seed in range(20)}
    assert len(samples) > 5
    assert control_tasks(Fakes(run_seed=3).bench, most=2) == control_tasks(Fakes(run_seed=3).bench, most=2)


def test_a_run_on_a_broken_harness_is_told_what_broke_and_it_is_recorded() -> None:
    archive = seeded()
    broken = bench(reference=[Grade(resolved=False, summary="jest could not start.")])
    with ThreadPoolExecutor(2) as executor, pytest.raises(BrokenHarnessError) as raised:
        preflight(archive, broken, executor, tasks=1)
    task = control_tasks(broken, most=1)[0]
    assert f"the reference of {task}: not resolved, jest could not start;" in str(raised.value)
    assert {(control.of, control.passed) for control in archive.controls} >= {("base", True), ("reference", False)}


def ending_at_once(container: FakeContainer, call: Call) -> Execution:
    del container, call
    return ran()


def test_a_seed_agent_that_is_none_starts_no_run() -> None:
    silent = Fakes(agent=ending_at_once)
    with ThreadPoolExecutor(2) as executor, pytest.raises(BrokenHarnessError, match="the seed agent: it never called"):
        preflight(seeded(), silent.bench, executor, tasks=1)


def test_a_probe_that_a_killed_process_began_is_done_again_under_another_name() -> None:
    fakes = Fakes(agent=ending_at_once)
    for start in (1, 2):
        with ThreadPoolExecutor(2) as executor, pytest.raises(BrokenHarnessError):
            preflight(seeded(), fakes.bench, executor, tasks=1, start=start)
    assert [grant.session for grant, _ in fakes.models.sessions] == ["00000.1.probe", "00000.4.probe"]


def test_nothing_is_judged_where_nobody_wants_it() -> None:
    archive = seeded()
    with ThreadPoolExecutor(2) as executor:
        assert preflight(archive, bench(), executor, tasks=0) == ()
    assert archive.controls == []
    assert standing_controls(archive, bench(), every=0) is None


def test_a_fault_of_ours_that_passes_stops_no_run() -> None:
    fakes = fakes_with()
    fakes.benchmark.faults += [SandboxError("no engine"), SandboxError("no engine")]
    with ThreadPoolExecutor(1) as executor:
        controls = preflight(seeded(), fakes.bench, executor, tasks=1)
    assert verdicts(controls) == [("base", True), ("reference", True), ("seed agent", True)]


def test_a_fault_of_ours_is_no_verdict() -> None:
    faulty = Fakes(benchmark=FakeBenchmark(faults=[SandboxError("no engine")] * 3)).bench
    archive = seeded()
    with ThreadPoolExecutor(1) as executor, pytest.raises(SandboxError):
        preflight(archive, faulty, executor, tasks=1)
    assert archive.controls == []


# --- during a run ------------------------------------------------------------------------------------------------


PASSED = (StandingControl("base", ANT, True, "", 1.0), StandingControl("reference", ANT, True, "", 1.0))
FAILED = (PASSED[0], replace(PASSED[1], passed=False, summary="not resolved, 0 of 3 tests passed"))


def passing(_: int) -> tuple[StandingControl, ...]:
    return PASSED


def failing(_: int) -> tuple[StandingControl, ...]:
    return FAILED


def run_with(
    archive: MemoryArchive, judge: Callable[[int], tuple[StandingControl, ...]], *, every: int, children: int = 3
) -> tuple[Ending, Recorder]:
    watcher = Recorder()
    controls = StandingControls(archive, judge, every=every)
    engine = Engine(
        archive,
        plan(children=children),
        executor=InlineExecutor(),
        perform=perform,
        watcher=watcher,
        controls=controls,
    )
    return engine.run(), watcher


def test_controls_come_after_every_so_many_measurements() -> None:
    archive, numbers = new_archive(), list[int]()

    def judge(number: int) -> tuple[StandingControl, ...]:
        numbers.append(number)
        return PASSED

    ending, watcher = run_with(archive, judge, every=4)
    assert ending is Ending.FINISHED
    assert sum(map(len, archive.outcomes().values())) == 12
    assert (numbers, watcher.events.count("controlled 2")) == ([0, 2, 4], 3)


def test_a_control_that_fails_ends_the_run_and_says_how_many_measurements_are_in_doubt() -> None:
    archive = new_archive()
    with pytest.raises(BrokenHarnessError, match="4 measurements since the last control that passed are in doubt"):
        run_with(archive, failing, every=4)
    assert sum(map(len, archive.outcomes().values())) == 4
    assert archive.evaluations_since_control() == 4


def test_a_mended_harness_that_is_judged_again_before_anything_is_measured_lets_the_run_go_on() -> None:
    archive = new_archive()
    with pytest.raises(BrokenHarnessError):
        run_with(archive, failing, every=4)
    assert run_with(archive, passing, every=4)[0] is Ending.FINISHED
    assert [control.passed for control in archive.controls].count(False) == 1
    assert len(archive.controls) == 2 * 4


def test_every_task_has_its_turn() -> None:
    benchmark = NotingBenchmark()
    controls = standing_controls(seeded(), Fakes(benchmark=benchmark).bench, every=1)
    assert controls is not None
    tasks = {known.task.id for known in benchmark.known}
    with InlineExecutor() as executor:
        for _ in tasks:
            controls.start(executor)
            controls.collect()
    assert (len(tasks) % 2, set(benchmark.judged)) == (0, tasks)


def test_what_is_kept_of_a_grading_is_named_after_it_alone() -> None:
    archive, fakes, benchmark = seeded(), fakes_with(), NotingBenchmark()
    fakes.benchmark = benchmark
    with ThreadPoolExecutor(1) as executor:
        preflight(archive, fakes.bench, executor, tasks=3)
    controls = standing_controls(archive, fakes.bench, every=1)
    assert controls is not None
    with InlineExecutor() as executor:
        controls.start(executor)
    assert len(set(benchmark.sessions)) == 2 * 3 + 2


def test_controls_change_no_choice() -> None:
    with_controls, without = new_archive(), new_archive()
    run_with(with_controls, passing, every=2)
    Engine(without, plan(), executor=InlineExecutor(), perform=perform, watcher=Recorder()).run()
    assert with_controls.decisions == without.decisions


def test_a_control_that_cannot_be_judged_is_tried_again_and_then_ends_the_run() -> None:
    archive, tries = new_archive(), list[int]()

    def judge(number: int) -> tuple[StandingControl, ...]:
        tries.append(number)
        raise SandboxError("no engine")

    with pytest.raises(SandboxError):
        run_with(archive, judge, every=1)
    assert (len(tries), archive.controls) == (3, [])


def test_a_bug_in_a_control_ends_the_run_once_all_else_is_recorded() -> None:
    archive = new_archive()

    def broken(_: int) -> tuple[StandingControl, ...]:
        raise RuntimeError("a bug")

    with ThreadPoolExecutor(2) as executor:
        controls = StandingControls(archive, broken, every=1)
        engine = Engine(
            archive, plan(workers=2), executor=executor, perform=perform, watcher=Recorder(), controls=controls
        )
        with pytest.raises(RuntimeError, match="a bug"):
            engine.run()
    assert archive.open_decisions() == ()
