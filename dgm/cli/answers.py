"""What the reading verbs answer with --json, as plain values. Texts of agents and models are made safe here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dgm.archive.reader import RunReader
from dgm.boundary.text import safe_line, safe_text
from dgm.cli.chances import chances_to_be_best, paired_answer
from dgm.cli.costs import cached_share, model_of
from dgm.cli.groups import group_answer
from dgm.cli.monitoring import monitored, monitoring_answer
from dgm.cli.oversight_views import oversight_answer, review_answer, review_of
from dgm.cli.savings import savings_answer
from dgm.cli.scores import held_out_answer, score_answer
from dgm.cli.standing import controls_answer
from dgm.cli.steps import diff_stat_answer, rejected_answer, step_answer, title_of
from dgm.cli.tampering import run_tampering_answer, signs_answer, tampering_answer
from dgm.cli.times import iso_time
from dgm.cli.verdicts import safe_flags
from dgm.config import Budget
from dgm.core.agents import Agent, AgentTree
from dgm.core.errors import ArchiveError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome, Usage
from dgm.core.paired import Paired
from dgm.core.ports import Role
from dgm.core.scores import Score, best_of
from dgm.core.tampering import Tampering

Answer: TypeAlias = dict[str, Any]


def json_text(answer: Answer) -> str:
    """Return an answer as ASCII JSON, which no terminal can take for a command.

    Raises:
        ValueError: a number in it is infinite or none, which JSON has not.
    """
    return json.dumps(answer, indent=2, allow_nan=False)


def tree_answer(run: RunReader) -> Answer:
    """Return {run, model, benchmark, agents}, each agent with its chance to be the best of all."""
    with run.snapshot():
        standing = _standing(run)
    chances = chances_to_be_best(standing.scores)
    agents = [_agent(agent, standing) | _chance_best(chances[agent.id]) for agent in standing.tree]
    return _heading(run) | {"agents": agents}


def status_answer(run: RunReader, *, now: float) -> Answer:
    """Return `progress_answer` with the best agent, what the cost is made of and what is left of the run's budget.

    `held_out` has what the seed agent and the best one resolve of what selection never sees, None where there is no
    such thing; `savings` what stopping early saved; `tampering` how many agents and measurements show signs of it;
    `controls` what became of the standing controls; `oversight` what persons did; `monitoring` how the run explores and
    exploits. `by_language` or `by_repository` has both agents' results, where tasks are told apart so.
    """
    with run.snapshot():
        spent, scores = run.spent(), run.scores()
        best = best_of(scores)
        return (
            progress_answer(run, spent, now=now)
            | {
                "best": {"id": best, "score": score_answer(scores[best])},
                "held_out": held_out_answer(run, {"seed": next(iter(scores)), "best": best}),
                "savings": savings_answer(run, scores),
                "tampering": run_tampering_answer(run.tampering()),
                "controls": controls_answer(run),
                "oversight": oversight_answer(run),
                "monitoring": monitoring_answer(monitored(run, list(scores))),
                "usage": _usage(spent),
                "cached_share": _cached_share(spent),
                "unsettled": _usage(run.unsettled()),
                "by_role": _by_role(run, run.usage_by_role()),
                "budget": _budget(run.config().budget, spent),
            }
            | _groups_of_run(run, best)
        )


def progress_answer(run: RunReader, spent: Usage, *, now: float) -> Answer:
    """Return {run, state, agents, steps, evaluations, flagged, cost_usd, tokens, elapsed_s} of a run that `spent` that.

    Of the evaluations, `flagged` ones are resolved by their verdict and not counted as resolved.
    """
    agents = run.agent_count()
    return {
        "run": run.facts().name,
        "state": run.state().value,
        "agents": agents,
        "steps": {"accepted": agents - 1, "rejected": run.steps_done() - (agents - 1)},
        "evaluations": run.evaluation_count(),
        "flagged": run.flagged_count(),
        "cost_usd": spent.cost_usd,
        "tokens": spent.tokens,
        "elapsed_s": round(run.elapsed_seconds(now=now), 3),
    }


def show_answer(run: RunReader, agent: AgentId) -> Answer:
    """Return the agent's entry of `tree_answer` with how it came to be and what was measured of it."""
    with run.snapshot():
        standing, step = _standing(run, [agent]), run.step_of(agent)
        usage = run.usage_by_agent()[agent]
        return (
            _heading(run)
            | _agent(standing.tree[agent], standing)
            | _chance_best(chances_to_be_best(standing.scores)[agent])
            | {
                "held_out": held_out_answer(run, {"score": agent}),
                **step_answer(step),
                "review": review_answer(review_of(run, agent)),
                "outcomes": [_outcome(outcome) for outcome in run.outcomes_of(agent)],
                "held_out_outcomes": [_outcome(outcome) for outcome in run.held_out_of(agent)],
                "rejected_steps": [rejected_answer(other) for other in run.rejected_from(agent)],
                "usage": _usage(usage),
                "cached_share": _cached_share(usage),
                "by_role": _by_role(run, run.usage_by_role_of(agent)),
                "lineage_usage": _usage(run.lineage_usage(agent)),
            }
            | group_answer(run.outcomes_of(agent), run.facts().benchmark)
        )


def lineage_answer(run: RunReader, agent: AgentId, diffs: Mapping[AgentId, str] | None) -> Answer:
    """Return the agents from the seed agent to `agent`, each with its change; its diff too where `diffs` are given."""
    with run.snapshot():
        members = [member.id for member in run.agent_tree().lineage(agent)]
        standing, steps = _standing(run, members), run.steps_to(members)
        usages, usage = run.lineage_usages(agent), run.lineage_usage(agent)
    entries: list[Answer] = []
    for member in standing.tree.lineage(agent):
        step = steps.get(member.id)
        entry = _agent(member, standing) | {
            "title": title_of(step) if step else "",
            "diff_stat": diff_stat_answer(step.diff_stat if step else None),
            "usage": _usage(usages[member.id]),
        }
        entries.append(entry if diffs is None else entry | {"diff": diffs.get(member.id, "")})
    return _heading(run) | {"agents": entries, "lineage_usage": _usage(usage)}


def diff_answer(run: RunReader, before: AgentId, after: AgentId) -> Answer:
    """Return what differs between two agents' code."""
    return {
        "run": run.facts().name,
        "before": before,
        "after": after,
        "diff_stat": diff_stat_answer(run.diff_stat(before, after)),
        "diff": safe_text(run.diff(before, after)),
    }


def run_answer(run: RunReader, *, now: float) -> Answer:
    """Return what `dgm runs` says of one run."""
    with run.snapshot():
        scores = run.scores()
        best = best_of(scores)
        return progress_answer(run, run.spent(), now=now) | {
            "path": str(run.directory),
            "model": run.facts().model,
            "benchmark": run.facts().benchmark,
            "policy": run.facts().policy,
            "created_at": iso_time(run.facts().created_at),
            "best": {"id": best, "score": score_answer(scores[best])},
        }


def unreadable_answer(directory: Path, error: ArchiveError) -> Answer:
    """Return what `dgm runs` says of a run that cannot be opened."""
    return {"run": directory.name, "path": str(directory), "error": safe_line(str(error))}


def _usage(usage: Usage) -> Answer:
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
    }


def _cached_share(usage: Usage) -> float | None:
    share = cached_share(usage)
    return None if share is None else round(share, 6)


def _by_role(run: RunReader, usages: Mapping[Role, Usage]) -> Answer:
    models = run.config().models
    return {role.value: {"model": model_of(role, models), **_usage(usage)} for role, usage in usages.items()}


def _groups_of_run(run: RunReader, best: AgentId) -> Answer:
    agents = dict.fromkeys((run.seed_agent(), best))
    rows: Answer = {}
    for agent in agents:
        for kind, counts in group_answer(run.outcomes_of(agent), run.facts().benchmark).items():
            rows.setdefault(kind, []).append({"agent": agent} | counts)
    return rows


def _budget(budget: Budget, spent: Usage) -> Answer:
    cost_usd, tokens, calls = budget.max_cost_usd, budget.max_tokens, budget.max_calls
    return {
        "max_cost_usd": cost_usd,
        "max_tokens": tokens,
        "max_calls": calls,
        "left": {
            "cost_usd": None if cost_usd is None else max(0.0, round(cost_usd - spent.cost_usd, 9)),
            "tokens": None if tokens is None else max(0, tokens - spent.tokens),
            "calls": None if calls is None else max(0, calls - spent.calls),
        },
    }


def _heading(run: RunReader) -> Answer:
    facts = run.facts()
    return {"run": facts.name, "model": facts.model, "benchmark": facts.benchmark}


@dataclass(frozen=True, slots=True)
class _Standing:
    """The agents and how good they are."""

    tree: AgentTree
    scores: Mapping[AgentId, Score]
    beside_parents: Mapping[AgentId, Paired]
    """Of the agents that are shown, those with anything measured in common with their parents."""
    tampering: Mapping[AgentId, Tampering]
    """Of the agents that are shown, those that were measured."""


def _standing(run: RunReader, shown: Sequence[AgentId] | None = None) -> _Standing:
    """Return how good agents are; how they stand beside their parents of those alone that are shown, if these are."""
    return _Standing(run.agent_tree(), run.scores(), run.paired_with_parents(shown), run.tampering(shown))


def _agent(agent: Agent, standing: _Standing) -> Answer:
    beside_parent = standing.beside_parents.get(agent.id, Paired(0, 0, 0))
    return {
        "id": agent.id,
        "parent": agent.parent,
        "generation": agent.generation,
        "step": agent.step,
        "score": score_answer(standing.scores[agent.id]),
        "better_than_parent": paired_answer(beside_parent) if agent.parent else None,
        "tampering": tampering_answer(standing.tampering.get(agent.id, Tampering())),
        "children": len(standing.tree.children(agent.id)),
        "created_at": iso_time(agent.created_at),
    }


def _chance_best(chance: float) -> Answer:
    return {"chance_best": round(chance, 6)}


def _outcome(outcome: Outcome) -> Answer:
    return {
        "task": outcome.task,
        "trial": outcome.trial,
        "verdict": outcome.verdict.value,
        "flags": safe_flags(outcome),
        "seconds": outcome.seconds,
        "cost_usd": outcome.usage.cost_usd,
        "tokens": outcome.usage.tokens,
        "calls": outcome.usage.calls,
        "summary": safe_line(outcome.summary),
        "session": outcome.session,
        "dropped_paths": [safe_line(path) for path in outcome.dropped_paths],
        "signs": signs_answer(outcome),
    }
