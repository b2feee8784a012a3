"""Queries over the results of all agents at once, of which there may be a million: none reads patches."""

from collections import defaultdict
from collections.abc import Collection
from functools import cache
from operator import itemgetter

from dgm.archive.facts import Facts
from dgm.archive.records import paths_from
from dgm.archive.statements import json_list
from dgm.core.ids import AgentId, TaskId
from dgm.core.monitoring import Event
from dgm.core.outcomes import Verdict
from dgm.core.paired import Paired
from dgm.core.tampering import SignKind, Tampering, signs_of, tampering

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

_ALL, _SOME = "?1 IS NULL", "agent IN (SELECT value FROM json_each(?1))"
_COUNTS = "SELECT agent, count(*) FROM evaluations WHERE {among} GROUP BY agent"
# In the words of the index `left_aside`, so that no patch is read.
_LEFT_ASIDE = """
    SELECT agent, number, dropped_paths, summary FROM evaluations
    WHERE (dropped_paths <> '[]' OR substr(summary, 1, 24) = 'nothing could be graded:') AND {among}"""
_FLAGGED = """
    SELECT agent, evaluation, flag FROM flags JOIN evaluations ON evaluations.number = evaluation WHERE {among}"""

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


def tampering_by_agent(facts: Facts, agents: Collection[AgentId] | None) -> dict[AgentId, Tampering]:
    """Return what the measurements of agents show, of those that were measured; what is held out too.

    Args:
        facts: of the run.
        agents: which to look at; all unless given.
    """
    among, names = (_ALL, (None,)) if agents is None else (_SOME, (json_list(agents),))
    kinds = cache(_kinds)  # most of what is recorded is recorded again and again
    shown: dict[str, dict[int, set[SignKind]]] = defaultdict(lambda: defaultdict(set))
    with facts.sound():
        for agent, number, flag in facts.rows(_FLAGGED.format(among=among), names):
            shown[agent][number] |= kinds("[]", flag, "")
        for agent, number, dropped_paths, summary in facts.rows(_LEFT_ASIDE.format(among=among), names):
            shown[agent][number] |= kinds(dropped_paths, None, summary)
        counts = facts.rows(_COUNTS.format(among=among), names)  # asked last, so that no measurement above is missing
    return {AgentId(agent): tampering(count, shown[agent].values()) for agent, count in counts}


def _kinds(dropped_paths: str, flag: str | None, summary: str) -> frozenset[SignKind]:
    """Return the kinds of the signs in what is recorded."""
    flags = () if flag is None else (flag,)
    return frozenset(sign.kind for sign in signs_of(paths_from(dropped_paths), flags, summary))
