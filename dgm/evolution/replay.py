"""Replaying one agent on a benchmark, outside the run's own measurements. N tasks in, N results out."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from functools import partial

from dgm.core.actions import Evaluate
from dgm.core.errors import ArchiveError, InfrastructureError, OutOfBudgetError, ProviderRefusedError, UnknownNameError
from dgm.core.files import FileTree
from dgm.core.ids import AgentId, SessionId
from dgm.core.outcomes import Outcome
from dgm.core.ports import Attempt
from dgm.core.stages import Measurement
from dgm.evolution.bench import Bench, Job
from dgm.evolution.engine import MAX_ATTEMPTS
from dgm.evolution.evaluation import evaluate
from dgm.evolution.session import run_session

# A call that the recorded session ended without an answer to waits for one until the replayed session ends too: that is
# no provider's doing.
_session_as_then = partial(run_session, most_lost=math.inf)
_SESSION = re.compile(r"([0-9]{5}|[1-9][0-9]{5,8})\.([1-9][0-9]{0,8})\.agent", re.ASCII)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One task of a replay: measured, or not and why."""

    number: int
    """Its place in the order that was asked for, from 0."""
    measurement: Measurement
    outcome: Outcome | None
    fault: str
    """Why it could not be measured; empty otherwise. Such a task is not scored."""


def replay(
    agent: AgentId, code: FileTree, measurements: Sequence[Measurement], *, bench: Bench, executor: Executor
) -> Iterator[Replayed]:
    """Yield a result for each of `measurements`, in the order in which they end.

    With the run's own seed the model gets the same seeds as when the run measured the agent.
    """
    measure = _measure(agent, code, bench)
    yield from _results([executor.submit(measure, number, wanted) for number, wanted in enumerate(measurements)])


def replay_recorded(
    agent: AgentId, code: FileTree, outcomes: Sequence[Outcome], *, bench: Bench, executor: Executor
) -> Iterator[Replayed]:
    """Yield a result for each of an agent's recorded outcomes, in the order in which they end.

    Each session has the id that it had, so that `bench.models` can tell which recorded answers are for it; so there is
    only one attempt at each.
    """
    measure = _measure_as_then(agent, code, bench)
    yield from _results([executor.submit(measure, number, outcome) for number, outcome in enumerate(outcomes)])


def attempt_of(session: SessionId) -> Attempt | None:
    """Return the attempt that an agent's session is named after, None if it has another kind of name."""
    match = _SESSION.fullmatch(session)
    return None if match is None else Attempt(int(match[1]), int(match[2]))


def _results(futures: Sequence[Future[Replayed]]) -> Iterator[Replayed]:
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _measure_as_then(agent: AgentId, code: FileTree, bench: Bench) -> Callable[[int, Outcome], Replayed]:
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

    return measure


def _measure(agent: AgentId, code: FileTree, bench: Bench) -> Callable[[int, Measurement], Replayed]:
    def measure(number: int, measurement: Measurement) -> Replayed:
        task, trial = measurement
        action = Evaluate(agent=agent, task=task, trial=trial)
        fault = ""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                outcome = evaluate(Job(action, Attempt(number + 1, attempt), code), action, bench)
                return Replayed(number, measurement, outcome, "")
            except (OutOfBudgetError, ProviderRefusedError) as error:
                return Replayed(number, measurement, None, str(error))
            except InfrastructureError as error:
                fault = str(error)
        return Replayed(number, measurement, None, fault)

    return measure
