"""What people see of a run: trees and tables. Whatever agents and models wrote is one safe line, never markup."""

import time
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.archive.records import End, StepRecord
from dgm.boundary.text import safe_line
from dgm.cli.answers import json_text, progress_answer, status_answer
from dgm.cli.chances import chances_to_be_best, paired_words, probability
from dgm.cli.costs import cost_rows, dollars, role_table, role_words, usage_words
from dgm.cli.groups import resolved_by_group
from dgm.cli.monitoring import monitored, monitoring_parts
from dgm.cli.oversight_views import approval_rows, oversight_parts, state_words
from dgm.cli.savings import savings_rows
from dgm.cli.scores import held_out_row, score_line, score_words
from dgm.cli.screen import facts_table, plain_table, short_id
from dgm.cli.searches import hidden_tests_note
from dgm.cli.standing import control_rows
from dgm.cli.steps import diagnosis_parts, diff_stat_line, rejected_table, step_rows, title_of
from dgm.cli.tampering import run_tampering_row, tampering_row
from dgm.cli.times import duration_words, iso_time
from dgm.cli.verdicts import outcome_table
from dgm.config import REHEARSAL
from dgm.core.agents import Agent, AgentTree
from dgm.core.ids import AgentId
from dgm.core.outcomes import Usage
from dgm.core.paired import Paired
from dgm.core.scores import Score, best_of
from dgm.core.tampering import tampering_of


def simulated_note() -> str:
    """Return what every screen of a rehearsal says."""
    return f"model: {REHEARSAL} (simulated; scores say nothing about real models)"


def status_json(run: RunReader, *, name: str | None = None) -> str:
    """Return the JSON of `dgm status`, under another name than the run's if one is given."""
    answer = status_answer(run, now=time.time())
    return json_text(answer | ({} if name is None else {"run": name}))


def heading(run: RunReader) -> Text:
    """Return which run this is and what its scores are worth."""
    facts = run.facts()
    return Text.assemble(
        ("run ", "dim"),
        (safe_line(facts.name), "bold"),
        ("  benchmark ", "dim"),
        safe_line(facts.benchmark),
        ("  policy ", "dim"),
        safe_line(facts.policy),
        "\n",
        (model_line(run), "yellow" if run.config().models.rehearses() else ""),
        (f"\n{note}" if (note := hidden_tests_note(run.config())) else "", "yellow"),
    )


def model_line(run: RunReader) -> str:
    """Return which models play which roles."""
    models = run.config().models
    by_role = models.by_role()
    if set(by_role.values()) == {REHEARSAL}:
        return simulated_note()
    parts = [f"model: {models.agent.model}"]
    parts += [f"{role.value}: {model}" for role, model in by_role.items() if model != models.agent.model]
    if models.rehearses():
        parts.append(f"{REHEARSAL} is simulated; scores say nothing about real models")
    return safe_line(", ".join(parts))


def status_view(run: RunReader) -> RenderableType:
    """Return how far a run is, what it cost, what was rejected, what went wrong, and how it explores and exploits."""
    with run.snapshot():
        by_role, spent, unsettled = run.usage_by_role(), run.spent(), run.unsettled()
        answer = progress_answer(run, spent, now=time.time())
        scores, rejections, faults, ends = run.scores(), run.rejections(), run.faults(), run.ends()
        best, seed = best_of(scores), next(iter(scores))
        compared = {f"seed {short_id(seed)}": seed, f"best {short_id(best)}": best}
        groups = resolved_by_group(run, compared if best != seed else {"seed agent": seed})
        overseen = oversight_parts(run)
        held_out = held_out_row(run, {"seed": seed, "best": best} if best != seed else {"seed agent": seed})
        tampering, controls = run_tampering_row(run.tampering()), control_rows(run)
        wanted, watched, savings = run.children_wanted(), monitored(run, list(scores)), savings_rows(run, scores)
    steps = answer["steps"]
    rows = {
        "state": ", ".join(filter(None, (answer["state"], state_words(run)))) + _last_end(ends),
        "children": f"{steps['accepted']} of {wanted}, from {steps['accepted'] + steps['rejected']} steps",
        "rejected": ", ".join(f"{count} {reason}" for reason, count in sorted(rejections.items())) or "none",
        "evaluations": _evaluations(answer["evaluations"], flagged=answer["flagged"]),
        **tampering,
        **controls,
        **savings,
        "best": f"{short_id(best)}: {score_line(scores[best])}",
        **held_out,
        **cost_rows(spent, unsettled, run.config().budget),
        "time": duration_words(answer["elapsed_s"]),
        "faults": f"{len(faults)}, last: {safe_line(faults[-1].message)}" if faults else "none",
    }
    parts: list[RenderableType] = [heading(run), facts_table(rows), *groups, *overseen, *monitoring_parts(watched)]
    if by_role:
        parts += [Text("\nCost by role", style="bold"), role_table(by_role, run.config().models)]
    return Group(*parts)


def show_view(run: RunReader, agent: AgentId) -> RenderableType:
    """Return one agent: where it comes from, why, what was measured, and what became of its own attempts."""
    with run.snapshot():
        tree, scores = run.agent_tree(), run.scores()
        step, rejected = run.step_of(agent), run.rejected_from(agent)
        outcomes, held_out = run.outcomes_of(agent), run.held_out_of(agent)
        groups = resolved_by_group(run, {"resolved": agent})
        rows = {**_place_rows(tree, agent), **_worth_rows(run, agent, scores), **_cost_rows_of(run, agent)}
        rows |= tampering_row(tampering_of((*outcomes, *held_out)))
    if step is not None:
        rows |= {**step_rows(step), **approval_rows(run, agent)}
    parts: list[RenderableType] = [heading(run), facts_table(rows), *diagnosis_parts(step)]
    parts += groups
    if outcomes:
        parts += [Text("\nOutcomes", style="bold"), outcome_table(outcomes)]
    if held_out:
        parts += [Text("\nHeld out from selection", style="bold"), outcome_table(held_out)]
    if rejected:
        parts += [Text("\nRejected attempts to modify its own code", style="bold"), rejected_table(rejected)]
    return Group(*parts)


def _place_rows(tree: AgentTree, agent: AgentId) -> dict[str, str]:
    member = tree[agent]
    return {
        "agent": f"{agent}, generation {member.generation}, step {member.step}, {iso_time(member.created_at)}",
        "parent": short_id(member.parent) if member.parent else "none: the seed agent",
        "children": ", ".join(short_id(child) for child in tree.children(agent)) or "none",
    }


def _worth_rows(run: RunReader, agent: AgentId, scores: Mapping[AgentId, Score]) -> dict[str, str]:
    """Return an agent's score and how likely it is better than its parent and than all others."""
    rows = {"score": score_line(scores[agent])} | held_out_row(run, {"": agent})
    if agent != next(iter(scores)):
        beside_parent = run.paired_with_parents([agent]).get(agent, Paired(0, 0, 0))
        rows["vs parent"] = paired_words(beside_parent, trials=run.config().trials)
    chance = chances_to_be_best(scores)[agent]
    return rows | {"P(best)": f"{probability(chance)}, of {len(scores):,} agents"}


def _cost_rows_of(run: RunReader, agent: AgentId) -> dict[str, str]:
    by_role = run.usage_by_role_of(agent)
    return {
        "used": usage_words(run.usage_by_agent()[agent]),
        **({"by role": role_words(by_role)} if len(by_role) > 1 else {}),
        "lineage": f"{usage_words(run.lineage_usage(agent))}, from the seed agent on",
    }


def lineage_member(agent: Agent, score: Score, step: StepRecord | None, usage: Usage) -> Text:
    """Return some lines on an agent in a lineage, with what it took to make and measure it."""
    text = Text.assemble(
        (short_id(agent.id), "bold"), f"  {score_line(score)}  step {agent.step}  {dollars(usage.cost_usd)}"
    )
    if step is None:
        return text.append("\n    seed agent")
    return text.append(f"\n    {title_of(step)}\n    ").append(diff_stat_line(step.diff_stat), style="dim")


def runs_table(answers: Iterable[Mapping[str, object]]) -> RenderableType:
    """Return a table of the answers of `dgm runs`."""
    table = plain_table()
    table.add_column("run", no_wrap=True)
    for name in ("state", "benchmark", "model"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("agents", "best", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for answer in answers:
        table.add_row(*(Text(cell) for cell in _run_cells(answer)))
    return table


def _last_end(ends: Sequence[End]) -> str:
    return f" (last end: {safe_line(ends[-1].reason)})" if ends else ""


def _evaluations(count: int, *, flagged: int) -> str:
    return f"{count:,}" + (f", {flagged:,} of them resolved but flagged: not counted as resolved" if flagged else "")


def _run_cells(answer: Mapping[str, object]) -> tuple[str, ...]:
    match answer:
        case {
            "run": str(name),
            "state": str(state),
            "benchmark": str(benchmark),
            "model": str(model),
            "agents": int(agents),
            "best": {"score": {"resolved": int(resolved), "attempted": int(attempted)}},
            "cost_usd": float(cost),
        }:
            texts = tuple(safe_line(text) for text in (name, state, benchmark, model))
            return (*texts, str(agents), score_words(Score(resolved, attempted)), f"${cost:,.2f}")
        case _:
            return (safe_line(str(answer["run"])), "unreadable", "", "", "", "", "")
