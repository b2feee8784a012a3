"""Standing controls: before a run spends money, and every so many measurements, what has a known verdict is judged.

A base that resolves, or a reference that does not, says that the harness is broken: no score of that time is right.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from random import Random
from typing import TypeAlias, TypeVar

from dgm.core.controls import StandingControl
from dgm.core.errors import BrokenHarnessError, InfrastructureError
from dgm.core.files import FileTree
from dgm.core.ids import TaskId, session_id
from dgm.core.ports import Archive, Attempt, ControlKind
from dgm.core.tasks import Grade
from dgm.evolution.bench import Bench
from dgm.evolution.validation import probe_child

MAX_ATTEMPTS = 3
_CONTROLS_OF_A_TASK = 2  # its base and its reference
_NO_DECISION = 0
"""Controls are no policy's choice: their sessions are named after a decision that no run makes."""

_Judged = TypeVar("_Judged")

Judging: TypeAlias = Callable[[int], tuple[StandingControl, ...]]
"""Judges what has a known verdict, in a worker; the number, from 0, says which task. Raises InfrastructureError."""

log = logging.getLogger(__name__)


def control_tasks(bench: Bench, most: int) -> tuple[TaskId, ...]:
    """Return tasks of a run that tell a solution from none, drawn by its seed: at most `most` of them."""
    telling = [task.id for task in bench.benchmark.tasks() if task.has_signal]
    return tuple(Random(f"{bench.run_seed}:controls").sample(telling, min(most, len(telling))))


def judged_task(task: TaskId, number: int, bench: Bench) -> tuple[StandingControl, ...]:
    """Judge the base and the reference of a task by the path that solutions are judged by.

    Args:
        task: which.
        number: of the run's controls so far, which names the containers.
        bench: what is behind the ports.
    Raises:
        InfrastructureError: it could not be judged.
    """
    return (
        _judged(task, "base", number, bench, resolved=False),
        _judged(task, "reference", number, bench, resolved=True),
    )


def probed_seed_agent(code: FileTree, attempt: int, bench: Bench) -> StandingControl:
    """Return whether the seed agent starts, speaks the protocol, edits and ends.

    Args:
        code: the seed agent's.
        attempt: names the session, which must be a new one.
        bench: what is behind the ports.
    Raises:
        InfrastructureError: it could not be found out.
    """
    started = bench.clock.monotonic()
    rejected = probe_child(code, Attempt(_NO_DECISION, attempt), bench)
    summary = "it is an agent" if rejected is None else rejected[1]
    return StandingControl("seed agent", TaskId(""), rejected is None, summary, bench.clock.monotonic() - started)


def standing_controls(archive: Archive, bench: Bench, *, every: int) -> "StandingControls | None":
    """Return what judges one task after another during a run, in an order that hangs on its seed alone.

    None where nobody wants it (`every` is 0) or no task tells a solution from none.
    """
    tasks = control_tasks(bench, most=len(bench.benchmark.tasks()))
    if not every or not tasks:
        return None
    return StandingControls(archive, partial(_judged_in_turn, tasks=tasks, bench=bench), every=every)


def _judged_in_turn(number: int, *, tasks: Sequence[TaskId], bench: Bench) -> tuple[StandingControl, ...]:
    # Counted in controls: with an even number of tasks, `number` itself would skip every second one.
    return judged_task(tasks[number // _CONTROLS_OF_A_TASK % len(tasks)], number, bench)


def preflight(
    archive: Archive, bench: Bench, executor: Executor, *, tasks: int, start: int = 1
) -> tuple[StandingControl, ...]:
    """Judge a sample of the tasks and the seed agent, record and return what came of it: before money is spent.

    Args:
        archive: of the run.
        bench: what is behind the ports.
        executor: judges several at a time.
        tasks: how many of the run's tasks, at most; none, and no seed agent either, when 0.
        start: how often the run has started. The seed agent's session is named after it and not after the controls that
            are recorded: a process may be killed after the session's first call and before the first record.
    Raises:
        BrokenHarnessError: a verdict is not the known one.
        InfrastructureError: it could not be judged.
    """
    if not tasks:
        return ()
    number, seed_agent = archive.control_count(), archive.code(archive.agent_tree().root.id)

    def judged(task: TaskId, position: int) -> tuple[StandingControl, ...]:
        return _tried(lambda _: judged_task(task, number + _CONTROLS_OF_A_TASK * position, bench))

    def probed_once_more(tries: int) -> StandingControl:
        return probed_seed_agent(seed_agent, MAX_ATTEMPTS * (start - 1) + tries + 1, bench)

    futures = [executor.submit(judged, task, position) for position, task in enumerate(control_tasks(bench, tasks))]
    probed = executor.submit(_tried, probed_once_more)
    controls = (*(control for future in futures for control in future.result()), probed.result())
    record(controls, archive)
    return controls


def _tried(judge: Callable[[int], _Judged]) -> _Judged:
    """Return what is judged; a fault of ours that passes is no reason to give up. `judge` is told how often before."""
    for tries in range(MAX_ATTEMPTS - 1):
        try:
            return judge(tries)
        except InfrastructureError as fault:
            log.warning("a control could not be judged: %s", fault)
    return judge(MAX_ATTEMPTS - 1)


def _judged(task: TaskId, kind: ControlKind, number: int, bench: Bench, *, resolved: bool) -> StandingControl:
    started = bench.clock.monotonic()
    grade = _grade(task, kind, number, 1, bench)
    if _counts(grade) is not resolved:
        # Once more: on a busy machine a right solution's tests can run out of time, and that stops no run.
        grade = _grade(task, kind, number, 2, bench)
    passed = _counts(grade) is resolved
    verdict = "resolved" if grade.resolved else "not resolved"
    summary = "; ".join((f"{verdict}, {grade.summary}", *grade.flags))
    return StandingControl(kind, task, passed, summary, bench.clock.monotonic() - started)


def _grade(task: TaskId, kind: ControlKind, number: int, attempt: int, bench: Bench) -> Grade:
    session = session_id(_NO_DECISION, attempt, f"{number}.{kind}")
    return bench.benchmark.control(task, kind, sandbox=bench.sandbox, session=session)


def _counts(grade: Grade) -> bool:
    return grade.resolved and not grade.flags


class StandingControls:
    """The controls during a run, one at a time. Used by the engine's thread, but for what it submits."""

    def __init__(self, archive: Archive, judge: Judging, *, every: int) -> None:
        """Judge after `every` measurements, at least 1."""
        self._archive = archive
        self._judge = judge
        self._every = every
        self._faults = 0
        self.in_flight: Future[tuple[StandingControl, ...]] | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time, and none is under way."""
        return self.in_flight is None and self._archive.evaluations_since_control() >= self._every

    def start(self, executor: Executor) -> None:
        """Have the next one judged."""
        self.in_flight = executor.submit(self._judge, self._archive.control_count())

    def collect(self) -> tuple[StandingControl, ...]:
        """Record and return what was judged, if it is done; else nothing.

        Raises:
            BrokenHarnessError: a verdict is not the known one.
            InfrastructureError: it could not be judged, several times in a row.
            Exception: a worker's bug.
        """
        if self.in_flight is None or not self.in_flight.done():
            return ()
        done, self.in_flight = self.in_flight, None
        try:
            controls = done.result()
        except InfrastructureError as fault:
            self._faults += 1
            log.warning("a control could not be judged: %s", fault)
            if self._faults >= MAX_ATTEMPTS:
                raise
            return ()
        self._faults = 0
        record(controls, self._archive)
        return controls


def record(controls: Sequence[StandingControl], archive: Archive) -> None:
    """Record controls that were judged.

    Raises:
        BrokenHarnessError: a verdict is not the known one.
    """
    in_doubt = archive.evaluations_since_control()
    archive.add_controls(controls)
    failed = [control for control in controls if not control.passed]
    if failed:
        raise BrokenHarnessError(_what_broke(failed, in_doubt=in_doubt))


def _what_broke(failed: Sequence[StandingControl], *, in_doubt: int) -> str:
    said = "; ".join(
        f"the {control.of}{f' of {control.task}' if control.task else ''}: {control.summary.rstrip('.')}"
        for control in failed
    )
    doubt = f" {in_doubt} measurements since the last control that passed are in doubt." if in_doubt else ""
    return f"No score can be believed now, since a control failed: {said}.{doubt}"
