"""Agents: one tree, each with the code that was recorded, in a commit whose parents are its parents'."""

from collections.abc import Iterator
from graphlib import TopologicalSorter

from dgm.archive.checks import Invariant, Subject
from dgm.archive.codestore import CommitId, held_ref
from dgm.archive.records import commit_from
from dgm.core.agents import Agent
from dgm.core.errors import CorruptArchiveError
from dgm.core.ids import AgentId, agent_id

_AGENTS, _HELD = "agents/", "held/"
_SEED_REF = "heads/seed"


def _tree(run: Subject) -> Iterator[str]:
    older = dict[AgentId, Agent]()
    for agent in run.agents.values():
        yield from _misplaced(agent, older)
        older[agent.id] = agent
    if not older:
        yield "There is no agent."
    for agent, position in run.rows("SELECT agent, max(position) FROM parents GROUP BY agent"):
        if position != len(run.agents[AgentId(agent)].parents) - 1:
            yield f"The parents of agent {agent} are not numbered one after another."


def _misplaced(agent: Agent, older: dict[AgentId, Agent]) -> Iterator[str]:
    """Yield why an agent cannot stand after all that are older."""
    if not older:
        if agent.parents or agent.generation or agent.step:
            yield f"Agent {agent.id} is the oldest and no root."
        return
    if agent.parent is None:
        yield f"Agent {agent.id} is a second root."
        return
    if missing := [parent for parent in agent.parents if parent not in older]:
        yield f"Agent {agent.id} is older than its parent {missing[0]}."
    elif agent.generation != older[agent.parent].generation + 1:
        yield f"Agent {agent.id} is of generation {agent.generation}, its parent {agent.parent} of another than before."
    if agent.step <= 0:
        yield f"Agent {agent.id} was made by step {agent.step}."


def _names(run: Subject) -> Iterator[str]:
    seed = run.reader.facts().seed
    for agent in run.agents.values():
        code_hash = run.commits[agent.id][1]
        if agent.id != agent_id(run_seed=seed, step=agent.step, parent=agent.parent, code_hash=code_hash):
            yield f"Agent {agent.id} is not called by its seed, step, parent and code."


def _code(run: Subject) -> Iterator[str]:
    for agent, (commit, code_hash) in run.commits.items():
        if problem := run.store.problem_of(commit_from(commit), code_hash):
            yield f"Agent {agent}: {problem}"


def _commits(run: Subject) -> Iterator[str]:
    for agent in run.agents.values():
        expected = tuple(run.commits[parent][0] for parent in agent.parents if parent in run.commits)
        try:
            parents = run.store.parents(commit_from(run.commits[agent.id][0]))
        except CorruptArchiveError:
            continue  # the code's invariant tells
        if parents != expected:
            yield f"The commit of agent {agent.id} does not have the commits of its parents as parents."


def _refs(run: Subject) -> Iterator[str]:
    refs = run.refs
    for agent, (commit, _) in run.commits.items():
        yield from _misled(refs, f"{_AGENTS}{agent}", commit, whose=f"agent {agent}")
    for agent in list(run.commits)[:1]:
        yield from _misled(refs, _SEED_REF, run.commits[agent][0], whose="the seed agent")
    for decision, commit in run.rows("SELECT decision, commit_id FROM held ORDER BY decision"):
        yield from _misled(refs, held_ref(decision), commit, whose=f"decision {decision}")
    left = _left(run)
    yield from (f"refs/{name} points at what dgm never makes." for name in _unknown(run) if name not in left)


def _misled(refs: dict[str, str], name: str, commit: str, *, whose: str) -> Iterator[str]:
    if name not in refs:
        yield f"refs/{name} of {whose} is missing."
    elif refs[name] != commit:
        yield f"refs/{name} does not point at the commit of {whose}."


def _left_refs(run: Subject) -> Iterator[str]:
    yield from (f"refs/{name}" for name in sorted(_left(run)))
    yield from run.store.unfinished()


def _unknown(run: Subject) -> list[str]:
    """Return the refs that no fact asks for."""
    held = {held_ref(decision) for (decision,) in run.rows("SELECT decision FROM held")}
    return sorted(run.refs.keys() - {f"{_AGENTS}{agent}" for agent in run.commits} - held - {_SEED_REF})


def _left(run: Subject) -> set[str]:
    """Return the refs without a fact that a writer makes before it records the fact, perhaps never.

    That is code of children, whose commits stand on the commits of agents, or, where a run lives, on those of other
    children that came after the facts were read.
    """
    children = {name: run.refs[name] for name in _unknown(run) if name.startswith((_AGENTS, _HELD))}
    parents = {commit: _parents_or_none(run, commit) or () for commit in children.values()}
    known = set(run.commit_ids)
    for commit in TopologicalSorter(parents).static_order():  # no circles: a commit's name is the hash of its parents'
        if parents.get(commit) and known.issuperset(parents[commit]):
            known.add(commit)
    return {name for name, commit in children.items() if parents[commit] and known.issuperset(parents[commit])}


def held_code(run: Subject) -> Iterator[str]:
    """Yield the steps that were held and whose code is not what was recorded."""
    for decision, commit, code_hash in run.rows("SELECT decision, commit_id, code_hash FROM held ORDER BY decision"):
        if problem := run.store.problem_of(commit_from(commit), code_hash):
            yield f"What decision {decision} made and is held: {problem}"
    parents = """
        SELECT held.decision, held.commit_id, agent, partner
        FROM held JOIN decisions ON decisions.number = held.decision LEFT JOIN partners USING (decision)
        ORDER BY held.decision"""
    for decision, commit, *others in run.rows(parents):
        expected = tuple(run.commits[AgentId(agent)][0] for agent in others if agent is not None)
        if _parents_or_none(run, commit) not in {None, expected}:
            yield f"The commit that is held of decision {decision} does not have the commits of its parents as parents."


def _parents_or_none(run: Subject, commit: str) -> tuple[CommitId, ...] | None:
    try:
        return run.store.parents(commit_from(commit))
    except (CorruptArchiveError, ValueError):
        return None


TREE = (
    Invariant("tree", "one root, parents before children, generations in step", ("agents", "parents"), _tree),
    Invariant("names", "each agent is called by what it comes from", ("agents",), _names),
    Invariant("code", "each agent's code is whole and as recorded", ("agents",), _code),
    Invariant("commits", "parents of commits are those of agents", ("agents",), _commits),
    Invariant(
        "refs", "each agent's ref points at its commit, no other is there", ("agents", "held"), _refs, _left_refs
    ),
    Invariant("held code", "what waits for a person has its code", ("held",), held_code),
)
