"""What people see of a run: trees and tables. Whatever agents and models wrote is one safe line, never markup."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.difference import DiffStat
from dgm.archive.reader import RunReader
from dgm.archive.records import StepRecord
from dgm.boundary.text import safe_line
from dgm.cli.answers import interval, iso_time, json_text, progress_answer, status_answer, title_of
from dgm.cli.costs import cost_rows, dollars, role_table, role_words, usage_words
from dgm.cli.groups import resolved_by_group
from dgm.cli.screen import plain_table
from dgm.cli.verdicts import outcome_table
from dgm.config import REHEARSAL
from dgm.core.agents import Agent, AgentTree
from dgm.core.ids import AgentId
from dgm.core.outcomes import Usage
from dgm.core.scores import Score

SHORT_ID_DIGITS = 7
_DEEPEST_GUIDES = 24
"""Columns of tree guides that are drawn; deeper ones are cut on the left, so that what stands beside them fits."""


def short_id(agent: AgentId) -> str:
    """Return the digits of an agent's id that people see."""
    return agent[:SHORT_ID_DIGITS]


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


def tree_view(run: RunReader) -> RenderableType:
    """Return the archive tree: one line per agent with its score, its step and what it meant to improve."""
    with run.snapshot():
        tree, scores, steps = run.agent_tree(), run.scores(), run.steps()
        best = run.best().agent.id
    titles = {step.child: title_of(step) for step in steps if step.child is not None}
    nodes = tree_nodes(tree)
    table = plain_table(expand=True)
    # Room for everything but the change, which is cut where the terminal is narrow.
    table.add_column("agent", min_width=max(len(node.guides) for node in nodes) + SHORT_ID_DIGITS + 1, no_wrap=True)
    for name in ("resolved", "mean", "95 %", "step"):
        table.add_column(name, justify="right", min_width=max(len(name), 5), no_wrap=True)
    table.add_column("change", no_wrap=True, overflow="ellipsis", ratio=1)
    for node in nodes:
        title = titles.get(node.agent.id, "seed agent" if node.agent.parent is None else "")
        table.add_row(
            _node_cell(node, is_best=node.agent.id == best),
            *score_cells(scores[node.agent.id]),
            str(node.agent.step),
            Text(title),
        )
    return Group(heading(run), table, Text("* best: the highest lower end of the interval", style="dim"))


def _node_cell(node: "TreeNode", *, is_best: bool) -> Text:
    name = (short_id(node.agent.id) + "*", "bold green") if is_best else short_id(node.agent.id)
    return Text.assemble((node.guides, "dim"), name)


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One line of a tree."""

    agent: Agent
    guides: str
    """Lines that lead to it, two columns for each generation."""


def tree_nodes(tree: AgentTree) -> list[TreeNode]:
    """Return all agents, children below their parent and the oldest first, with the lines that lead to them."""
    nodes: list[TreeNode] = []
    left: list[tuple[AgentId, str, str]] = [(tree.root.id, "", "")]
    while left:  # a lineage may be longer than Python's recursion limit
        agent, to_it, below_it = left.pop()
        nodes.append(TreeNode(tree[agent], _shortened(to_it)))
        children = tree.children(agent)
        for number, child in enumerate(reversed(children)):
            is_last = number == 0
            left.append((child, below_it + ("└─" if is_last else "├─"), below_it + ("  " if is_last else "│ ")))
    return nodes


def score_cells(score: Score) -> tuple[str, str, str]:
    """Return a score as resolved/attempted, mean and credible interval."""
    if not score.attempted:
        return "-", "-", "-"
    low, high = interval(score)
    return f"{score.resolved}/{score.attempted}", f"{score.mean:.0%}", f"{100 * low:.0f}-{100 * high:.0f}"


def score_line(score: Score) -> str:
    """Return a score in words."""
    if not score.attempted:
        return "not measured"
    shares, mean, interval = score_cells(score)
    return f"{shares} resolved, mean {mean}, 95 % {interval}"


def status_view(run: RunReader) -> RenderableType:
    """Return how far a run is, what it cost, what was rejected and what went wrong."""
    with run.snapshot():
        by_role, spent, unsettled = run.usage_by_role(), run.spent(), run.unsettled()
        answer = progress_answer(run, spent, now=time.time())
        best, steps, faults, ends = run.best(), run.steps(), run.faults(), run.ends()
        wanted, seed = run.children_wanted(), run.agent_tree().root.id
        compared = {f"seed {short_id(seed)}": seed} | {f"best {short_id(best.agent.id)}": best.agent.id}
        groups = resolved_by_group(run, compared if best.agent.id != seed else {"seed agent": seed})
    rows = {
        "state": answer["state"] + (f" (last end: {safe_line(ends[-1].reason)})" if ends else ""),
        "children": f"{answer['steps']['accepted']} of {wanted}, from {len(steps)} steps",
        "rejected": _rejections(steps),
        "evaluations": _evaluations(answer["evaluations"], flagged=answer["flagged"]),
        "best": f"{short_id(best.agent.id)}: {score_line(best.score)}",
        **cost_rows(spent, unsettled, run.config().budget),
        "time": _duration(answer["elapsed_s"]),
        "faults": f"{len(faults)}, last: {safe_line(faults[-1].message)}" if faults else "none",
    }
    parts: list[RenderableType] = [heading(run), _facts_table(rows), *groups]
    if by_role:
        parts += [Text("\nCost by role", style="bold"), role_table(by_role, run.config().models)]
    return Group(*parts)


def show_view(run: RunReader, agent: AgentId) -> RenderableType:
    """Return one agent: where it comes from, why, what was measured, and what became of its own attempts."""
    with run.snapshot():
        tree, score, steps = run.agent_tree(), run.scores()[agent], run.steps()
        outcomes, usage = run.outcomes_of(agent), run.usage_by_agent()[agent]
        by_role, lineage_usage = run.usage_by_role_of(agent), run.lineage_usage(agent)
        groups = resolved_by_group(run, {"resolved": agent})
    step = next((step for step in steps if step.child == agent), None)
    member = tree[agent]
    rows = {
        "agent": f"{agent}, generation {member.generation}, step {member.step}, {iso_time(member.created_at)}",
        "parent": short_id(member.parent) if member.parent else "none: the seed agent",
        "children": ", ".join(short_id(child) for child in tree.children(agent)) or "none",
        "score": score_line(score),
        "used": usage_words(usage),
        **({"by role": role_words(by_role)} if len(by_role) > 1 else {}),
        "lineage": f"{usage_words(lineage_usage)}, from the seed agent on",
    }
    if step is not None:
        rows |= {"change": diff_stat_line(step.diff_stat), "evidence": safe_line(step.evidence_task)}
    parts: list[RenderableType] = [heading(run), _facts_table(rows), *_diagnosis_parts(step)]
    parts += groups
    if outcomes:
        parts += [Text("\nOutcomes", style="bold"), outcome_table(outcomes)]
    rejected = [other for other in steps if other.parent == agent and other.rejection is not None]
    if rejected:
        parts += [Text("\nRejected attempts to modify its own code", style="bold"), _rejected_table(rejected)]
    return Group(*parts)


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


def diff_stat_line(stat: DiffStat | None) -> str:
    """Return the size of a change in words."""
    if stat is None:
        return "nothing"
    files = "1 file" if stat.files_changed == 1 else f"{stat.files_changed} files"
    return f"{files}, +{stat.insertions} -{stat.deletions}"


def _shortened(guides: str) -> str:
    return guides if len(guides) <= _DEEPEST_GUIDES else "… " + guides[2 - _DEEPEST_GUIDES :]


def _evaluations(count: int, *, flagged: int) -> str:
    return f"{count:,}" + (f", {flagged:,} of them resolved but flagged: not counted as resolved" if flagged else "")


def _rejections(steps: Iterable[StepRecord]) -> str:
    counts: dict[str, int] = {}
    for step in steps:
        if step.rejection is not None:
            counts[step.rejection.value] = counts.get(step.rejection.value, 0) + 1
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "none"


def _facts_table(rows: Mapping[str, str]) -> Table:
    table = plain_table()
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _diagnosis_parts(step: StepRecord | None) -> list[RenderableType]:
    if step is None or step.diagnosis is None:
        return []
    diagnosis = step.diagnosis
    rows = {
        "proposal": safe_line(diagnosis.improvement_proposal),
        "problem": safe_line(diagnosis.problem_description),
        "how": safe_line(diagnosis.implementation_suggestion),
        "log": safe_line(diagnosis.log_summarization),
    }
    return [Text("\nDiagnosis of its parent", style="bold"), _facts_table(rows)]


def _rejected_table(steps: Iterable[StepRecord]) -> Table:
    table = plain_table()
    table.add_column("step", justify="right")
    table.add_column("reason", no_wrap=True)
    table.add_column("what it was to improve; what went wrong", overflow="fold", ratio=1)
    for step in steps:
        what = "; ".join(part for part in (title_of(step), safe_line(step.detail)) if part)
        table.add_row(str(step.number), step.rejection.value if step.rejection else "", Text(what))
    return table


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
            return (*texts, str(agents), f"{resolved}/{attempted}", f"${cost:,.2f}")
        case _:
            return (safe_line(str(answer["run"])), "unreadable", "", "", "", "", "")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
