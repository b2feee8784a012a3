"""What the reading verbs answer with --json, as plain values. Texts of agents and models are made safe here."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from dgm.archive.difference import DiffStat
from dgm.archive.reader import RunReader
from dgm.archive.records import StepRecord
from dgm.boundary.text import safe_line, safe_text
from dgm.cli.costs import cached_share, model_of
from dgm.cli.groups import group_answer
from dgm.cli.verdicts import safe_flags
from dgm.config import Budget
from dgm.core.actions import Diagnosis
from dgm.core.agents import Agent, AgentTree
from dgm.core.errors import ArchiveError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome, Usage
from dgm.core.ports import Role
from dgm.core.scores import Score

Answer: TypeAlias = dict[str, Any]


def json_text(answer: Answer) -> str:
    """Return an answer as ASCII JSON, which no terminal can take for a command."""
    return json.dumps(answer, indent=2)


def tree_answer(run: RunReader) -> Answer:
    """Return {run, model, benchmark, agents}."""
    with run.snapshot():
        tree, scores = run.agent_tree(), run.scores()
        return _heading(run) | {"agents": [_agent(agent, tree, scores) for agent in tree]}


def status_answer(run: RunReader, *, now: float) -> Answer:
    """Return `progress_answer` with what the cost is made of and what is left of the run's budget.

    `by_language` or `by_repository` has the seed agent's and the best agent's results, where tasks are told apart so.
    """
    with run.snapshot():
        spent = run.spent()
        return (
            progress_answer(run, spent, now=now)
            | {
                "usage": _usage(spent),
                "cached_share": _cached_share(spent),
                "unsettled": _usage(run.unsettled()),
                "by_role": _by_role(run, run.usage_by_role()),
                "budget": _budget(run.config().budget, spent),
            }
            | _groups_of_run(run)
        )


def progress_answer(run: RunReader, spent: Usage, *, now: float) -> Answer:
    """Return {run, state, agents, steps, evaluations, flagged, cost_usd, tokens, elapsed_s} of a run that `spent` that.

    Of the evaluations, `flagged` ones are resolved by their verdict and not counted as resolved.
    """
    agents = len(run.agent_tree())
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
        tree, step = run.agent_tree(), run.step_of(agent)
        usage = run.usage_by_agent()[agent]
        return (
            _heading(run)
            | _agent(tree[agent], tree, run.scores())
            | {
                "diff_stat": _diff_stat(step.diff_stat if step else None),
                "diagnosis": _diagnosis(step.diagnosis if step else None),
                "evidence_task": step.evidence_task if step else None,
                "outcomes": [_outcome(outcome) for outcome in run.outcomes_of(agent)],
                "rejected_steps": [_rejected(other) for other in run.steps() if _rejected_by(other, agent)],
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
        tree, scores = run.agent_tree(), run.scores()
        steps = {step.child: step for step in run.steps()}
        usages, usage = run.lineage_usages(agent), run.lineage_usage(agent)
    entries: list[Answer] = []
    for member in tree.lineage(agent):
        step = steps.get(member.id)
        entry = _agent(member, tree, scores) | {
            "title": title_of(step) if step else "",
            "diff_stat": _diff_stat(step.diff_stat if step else None),
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
        "diff_stat": _diff_stat(run.diff_stat(before, after)),
        "diff": safe_text(run.diff(before, after)),
    }


def run_answer(run: RunReader, *, now: float) -> Answer:
    """Return what `dgm runs` says of one run."""
    with run.snapshot():
        best = run.best()
        return progress_answer(run, run.spent(), now=now) | {
            "path": str(run.directory),
            "model": run.facts().model,
            "benchmark": run.facts().benchmark,
            "policy": run.facts().policy,
            "created_at": iso_time(run.facts().created_at),
            "best": {"id": best.agent.id, "score": _score(best.score)},
        }


def unreadable_answer(directory: Path, error: ArchiveError) -> Answer:
    """Return what `dgm runs` says of a run that cannot be opened."""
    return {"run": directory.name, "path": str(directory), "error": safe_line(str(error))}


def title_of(step: StepRecord) -> str:
    """Return in a few words what a step meant to improve, "" where nothing was proposed.

    The heading of the problem that the parent was given, if it has one; else the first line of the proposal.
    """
    if step.diagnosis is None:
        return ""
    return _first_heading(step.diagnosis.problem_description) or _first_line(step.diagnosis.improvement_proposal)


def _first_heading(text: str) -> str:
    line = _first_line(text)
    return line.lstrip("#").strip() if line.startswith("#") else ""


def _first_line(text: str) -> str:
    lines = safe_text(text).strip().splitlines()
    return safe_line(lines[0]) if lines else ""


def iso_time(seconds: float) -> str:
    """Return a time since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


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


def _groups_of_run(run: RunReader) -> Answer:
    agents = dict.fromkeys((run.agent_tree().root.id, run.best().agent.id))
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


def _agent(agent: Agent, tree: AgentTree, scores: Mapping[AgentId, Score]) -> Answer:
    return {
        "id": agent.id,
        "parent": agent.parent,
        "generation": agent.generation,
        "step": agent.step,
        "score": _score(scores[agent.id]),
        "children": len(tree.children(agent.id)),
        "created_at": iso_time(agent.created_at),
    }


@cache
def interval(score: Score) -> tuple[float, float]:
    """Return a score's credible interval, which takes a millisecond; a tree has the same few scores again and again."""
    return score.low, score.high


def _score(score: Score) -> Answer:
    low, high = interval(score)
    return {
        "resolved": score.resolved,
        "attempted": score.attempted,
        "mean": round(score.mean, 6),
        "low": round(low, 6),
        "high": round(high, 6),
    }


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
    }


def _rejected_by(step: StepRecord, parent: AgentId) -> bool:
    return step.parent == parent and step.rejection is not None


def _rejected(step: StepRecord) -> Answer:
    return {
        "step": step.number,
        "rejection": step.rejection.value if step.rejection else None,
        "detail": safe_line(step.detail),
        "title": title_of(step),
        "evidence_task": step.evidence_task,
    }


def _diff_stat(stat: DiffStat | None) -> Answer | None:
    return None if stat is None else asdict(stat)


def _diagnosis(diagnosis: Diagnosis | None) -> Answer | None:
    if diagnosis is None:
        return None
    return {
        "log_summarization": safe_text(diagnosis.log_summarization),
        "potential_improvements": [safe_text(idea) for idea in diagnosis.potential_improvements],
        "improvement_proposal": safe_text(diagnosis.improvement_proposal),
        "implementation_suggestion": safe_text(diagnosis.implementation_suggestion),
        "problem_description": safe_text(diagnosis.problem_description),
    }
