"""Replaying one agent on a benchmark, outside the run's own measurements. N tasks in, N results out."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from dgm.core.actions import Evaluate
from dgm.core.errors import ArchiveError, InfrastructureError, OutOfBudgetError, ProviderRefusedError, UnknownNameError
from dgm.core.files import FileTree
from dgm.core.ids import AgentId, SessionId
from dgm.core.outcomes import Outcome
from dgm.core.ports import Attempt
from dgm.core.stages import Measurement
from dgm.evolution.bench import Bench, Job
from dgm.evolution.engine import MAX_ATTEMPTS
from dgm.evolution.evaluation import evaluate, first_start, judged_attempt
from dgm.evolution.second import may_follow, second_attempt
from dgm.evolution.session import run_session

INTERRUPTED = "interrupted"

# A call that the recorded session ended without an answer to waits for one until the replayed session ends too: that is
# no provider's doing.
_session_as_then = partial(run_session, most_lost=math.inf)
_SESSION = re.compile(r"([0-9]{5}|[1-9][0-9]{5,8})\.([1-9][0-9]{0,8})\.agent", re.ASCII)


@dataclass(frozen=True, slots=True)
class Second:
    """A second attempt: judged, or not and why."""

    outcome: Outcome | None
    fault: str
    """Why it could not be judged; empty otherwise."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One task of a replay: measured, or not and why."""

    number: int
    """Its place in the order that was asked for, from 0."""
    measurement: Measurement
    outcome: Outcome | None
    fault: str
    """Why it could not be measured; empty otherwise. Such a task is not scored."""
    second: Second | None = None
    """None where there is none: not asked for, not needed, or with nothing to go on from."""


def replay(
    agent: AgentId,
    code: FileTree,
    measurements: Sequence[Measurement],
    *,
    bench: Bench,
    executor: Executor,
    attempts: int = 1,
) -> Iterator[Replayed]:
    """Yield a result for each of `measurements`, in the order in which they end.

    With the run's own seed the model gets the same seeds as when the run measured the agent.

    Where a second attempt follows, the result is yielded twice: as soon as the first has ended, with a second that was
    interrupted, and once more with what came of it. All first attempts are begun before any second one.

    Args:
        agent: whose code it is.
        code: the agent.
        measurements: N tasks and trials.
        bench: what is behind the ports.
        executor: carries them out.
        attempts: 2 for a second attempt where the first did not resolve the task; see `dgm.evolution.second`.
    """
    measure = _measure(agent, code, bench, attempts=attempts)
    yield from _results(executor, [partial(measure, number, wanted) for number, wanted in enumerate(measurements)])


def replay_recorded(
    agent: AgentId, code: FileTree, outcomes: Sequence[Outcome], *, bench: Bench, executor: Executor
) -> Iterator[Replayed]:
    """Yield a result for each of an agent's recorded outcomes, in the order in which they end.

    Each session has the id that it had, so that `bench.models` can tell which recorded answers are for it; so there is
    only one attempt at each.
    """
    measure = _measure_as_then(agent, code, bench)
    yield from _results(executor, [partial(measure, number, outcome) for number, outcome in enumerate(outcomes)])


def attempt_of(session: SessionId) -> Attempt | None:
    """Return the attempt that an agent's session is named after, None if it has another kind of name."""
    match = _SESSION.fullmatch(session)
    return None if match is None else Attempt(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class _Done:
    """A result, and what there is to do after it."""

    result: Replayed
    more: "Callable[[], _Done] | None" = None


def _results(executor: Executor, works: Sequence[Callable[[], _Done]]) -> Iterator[Replayed]:
    waiting: set[Future[_Done]] = {executor.submit(work) for work in works}
    try:
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(ended, key=lambda one: one.exception() is not None):  # what is raised ends it all
                done = future.result()
                if done.more is not None:
                    waiting.add(executor.submit(done.more))
                yield done.result
    finally:
        for future in waiting:
            future.cancel()


def _measure_as_then(agent: AgentId, code: FileTree, bench: Bench) -> Callable[[int, Outcome], _Done]:
    def measure(number: int, outcome: Outcome) -> Replayed:
        measurement = (outcome.task, outcome.trial)
        action = Evaluate(agent=agent, task=outcome.task, trial=outcome.trial)
        attempt = attempt_of(outcome.session)
        if attempt is None:
            return Replayed(number, measurement, None, "its session has no number of a decision")
        try:
            outcome = evaluate(Job(action, attempt, code), action, bench, session=_session_as_then)
            return Replayed(number, measurement, outcome, "")
        except (UnknownNameError, ArchiveError, OutOfBudgetError, InfrastructureError) as error:
            return Replayed(number, measurement, None, str(error))

    return lambda number, outcome: _Done(measure(number, outcome))


def _measure(agent: AgentId, code: FileTree, bench: Bench, *, attempts: int) -> Callable[[int, Measurement], _Done]:
    def measure(number: int, measurement: Measurement) -> _Done:
        action = Evaluate(agent, *measurement)
        first, fault = _patiently(
            number,
            lambda attempt: judged_attempt(Job(action, attempt, code), action, bench, first_start(action, bench)),
        )
        if first is None:
            return _Done(Replayed(number, measurement, None, fault))
        result = Replayed(number, measurement, first.outcome, "")
        if attempts == 1 or not may_follow(first):
            return _Done(result)

        def once_more() -> _Done:
            second = _patiently(
                number, lambda attempt: second_attempt(Job(action, attempt, code), action, first, bench)
            )
            return _Done(replace(result, second=Second(*second)))

        return _Done(replace(result, second=Second(None, INTERRUPTED)), more=once_more)

    return measure


_Result = TypeVar("_Result")


def _patiently(number: int, do: Callable[[Attempt], _Result]) -> tuple[_Result | None, str]:
    """Return what `do` returns, or None and the fault of ours that did not go away; each try is another attempt."""
    fault = ""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return do(Attempt(number + 1, attempt)), ""
        except (OutOfBudgetError, ProviderRefusedError) as error:
            return None, str(error)
        except InfrastructureError as error:
            fault = str(error)
    return None, fault
