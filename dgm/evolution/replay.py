"""Replaying one agent on a benchmark, outside the run's own measurements. N tasks in, N results out."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

from dgm.core.actions import Evaluate
from dgm.core.errors import InfrastructureError, OutOfBudgetError, ProviderRefusedError
from dgm.core.files import FileTree
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.ports import Attempt
from dgm.core.stages import Measurement
from dgm.evolution.bench import Bench, Job
from dgm.evolution.engine import MAX_ATTEMPTS
from dgm.evolution.evaluation import evaluate


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
    futures = [executor.submit(measure, number, wanted) for number, wanted in enumerate(measurements)]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


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
