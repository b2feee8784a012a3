"""Queries over the results of all agents at once, of which there may be a million: none reads what agents wrote."""

from collections.abc import Collection
from operator import itemgetter

from dgm.archive.facts import Facts
from dgm.archive.statements import json_list
from dgm.core.ids import AgentId, TaskId
from dgm.core.monitoring import Event
from dgm.core.outcomes import Verdict
from dgm.core.paired import Paired

_RESOLVED = "{0}.verdict = ?1 AND NOT EXISTS (SELECT 1 FROM flags WHERE evaluation = {0}.number)"

_PAIRED = f"""
    SELECT agent, count(*), sum(here AND NOT there), sum(there AND NOT here) FROM (
        SELECT child.agent AS agent, {_RESOLVED.format("child")} AS here, {_RESOLVED.format("parent")} AS there
        FROM parents
        CROSS JOIN evaluations child ON child.agent = parents.agent
        CROSS JOIN evaluations parent
            ON parent.agent = parents.parent AND parent.task = child.task AND parent.trial = child.trial
        WHERE parents.position = 0 AND child.task NOT IN (SELECT task FROM held_out)
            AND (?2 IS NULL OR parents.agent IN (SELECT value FROM json_each(?2))))
    GROUP BY agent"""  # noqa: S608

_MEASURED = f"""
    SELECT at, agent, task, trial, {_RESOLVED.format("evaluations")}, nanos, input_tokens + output_tokens
    FROM evaluations WHERE task NOT IN (SELECT task FROM held_out) ORDER BY number"""  # noqa: S608

_STEPS = "SELECT at, parent, nanos, input_tokens + output_tokens FROM steps ORDER BY at"


def paired_with_parents(facts: Facts, agents: Collection[AgentId] | None) -> dict[AgentId, Paired]:
    """Return how agents stand beside their parents, of those with anything measured in common with theirs.

    Args:
        facts: of the run.
        agents: which to look at; all unless given.
    """
    names = None if agents is None else json_list(agents)
    with facts.sound():
        rows = facts.rows(_PAIRED, (Verdict.RESOLVED, names))
        return {AgentId(agent): Paired(*counts) for agent, *counts in rows}


def events(facts: Facts) -> list[Event]:
    """Return the steps that ended and what selection saw of measurements, in the order of their recording."""
    with facts.sound():
        found = [
            (at, Event(AgentId(agent), (TaskId(task), trial), bool(resolved), nanos, tokens))
            for at, agent, task, trial, resolved, nanos, tokens in facts.rows(_MEASURED, (Verdict.RESOLVED,))
        ]
        found += [(at, Event(AgentId(parent), None, False, *used)) for at, parent, *used in facts.rows(_STEPS)]
    found.sort(key=itemgetter(0))  # both are in order already, so that this is one pass
    return [event for _, event in found]
