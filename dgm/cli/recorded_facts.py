"""What of a recorded run a landscape is fitted to."""

from dgm.archive.reader import RunReader
from dgm.benchmarks.catalogue import outline_of
from dgm.boundary.text import safe_line
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome
from dgm.simulation.fitting import MeasuredAgent, RunFacts
from dgm.wiring.searching import selected_stages

_USUAL_THRESHOLD = 0.4  # looked at where there are several stages, which then have their own


def facts_of(run: RunReader) -> RunFacts:
    """Return the facts of a run, as far as selection saw them."""
    stages = selected_stages(outline_of(run.config()).stages(), run.held_out())
    tasks = {task: place for place, task in enumerate(task for stage in stages for task in stage.tasks)}
    tree, outcomes, steps = run.agent_tree(), run.outcomes(), run.steps()
    places = {agent.id: place for place, agent in enumerate(tree)}
    known = [outcome for found in outcomes.values() for outcome in found if outcome.task in tasks]
    return RunFacts(
        name=safe_line(run.facts().name),
        stage_sizes=tuple(len(stage.tasks) for stage in stages),
        threshold=stages[-1].above if len(stages) > 1 else _USUAL_THRESHOLD,
        agents=tuple(
            MeasuredAgent(_place(agent.parent, places), _resolved(outcomes[agent.id], tasks)) for agent in tree
        ),
        steps_s=tuple(step.seconds for step in steps),
        steps_usd=tuple(step.usage.cost_usd for step in steps),
        evaluations_s=tuple(outcome.seconds for outcome in known),
        evaluations_usd=tuple(outcome.usage.cost_usd for outcome in known),
        faults=len(run.faults()),
    )


def _place(agent: AgentId | None, places: dict[AgentId, int]) -> int | None:
    return None if agent is None else places[agent]


def _resolved(outcomes: tuple[Outcome, ...], tasks: dict[TaskId, int]) -> tuple[tuple[int, bool], ...]:
    return tuple((tasks[found.task], found.resolved) for found in outcomes if found.task in tasks)
