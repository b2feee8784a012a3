"""The archive tree on a screen."""

from rich.console import Group, RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.cli.chances import better_cell
from dgm.cli.folding import LeftOut, TreeLine, tree_lines
from dgm.cli.render import heading
from dgm.cli.scores import score_cells
from dgm.cli.screen import SHORT_ID_DIGITS, plain_table, short_id
from dgm.cli.steps import title_of
from dgm.cli.tampering import MARK, NOTE, marked
from dgm.core.agents import Agent
from dgm.core.scores import best_of

MOST_LINES = 60
"""Of a tree that is not asked for as a whole."""
_BEST_NOTE = "* best: the highest lower end of the interval"
_FOLDED_NOTE = "… agents left out, ┄ in between too; `dgm tree --all` shows every agent"
_NUMBERS = ("resolved", "mean", "95 %", "P(better)", "step")


def tree_view(run: RunReader, *, most: int | None = MOST_LINES) -> RenderableType:
    """Return the archive tree: one line per agent with its score, its step and what it meant to improve.

    Args:
        run: that grew it.
        most: how many lines the tree may have, >= 2; a line for every agent if None.
    """
    with run.snapshot():
        tree, scores = run.agent_tree(), run.scores()
    best = best_of(scores)
    lines = tree_lines(tree, scores, most=most)
    shown = [line.content for line in lines if not isinstance(line.content, LeftOut)]
    agents = [agent.id for agent in shown]
    # Not from the same moment, so that a run that goes on does not wait for this: no fact that is shown changes.
    titles = {agent: title_of(step) for agent, step in run.steps_to(agents).items()}
    paired, tampered = run.paired_with_parents(agents), marked(run.tampering(agents))
    table = plain_table(expand=True)
    # Room for everything but the change, which is cut where the terminal is narrow.
    name_width = max(len(line.guides) for line in lines) + SHORT_ID_DIGITS + 1 + bool(tampered)
    table.add_column("agent", min_width=name_width, no_wrap=True)
    for name in _NUMBERS:
        table.add_column(name, justify="right", min_width=max(len(name), 5), no_wrap=True)
    table.add_column("change", no_wrap=True, overflow="ellipsis", ratio=1)
    for line in lines:
        match line.content:
            case LeftOut(count=count, best=score):
                said = f"best {score_cells(score)[0]}" if score.attempted else "none of them measured"
                cell = Text.assemble((line.guides, "dim"), f"… {count:,}")
                table.add_row(cell, *[""] * len(_NUMBERS), Text(f"agents more below, {said}", style="dim"))
            case agent:
                title = titles.get(agent.id, "seed agent" if agent.parent is None else "")
                table.add_row(
                    _agent_cell(line, agent, is_best=agent.id == best, is_marked=agent.id in tampered),
                    *score_cells(scores[agent.id]),
                    better_cell(paired.get(agent.id)),
                    str(agent.step),
                    Text(title),
                )
    notes = [_BEST_NOTE, *([NOTE] if tampered else []), *([_FOLDED_NOTE] if len(shown) < len(tree) else [])]
    return Group(heading(run), table, Text("\n".join(notes), style="dim"))


def _agent_cell(line: TreeLine, agent: Agent, *, is_best: bool, is_marked: bool) -> Text:
    name = (short_id(agent.id) + "*", "bold green") if is_best else short_id(agent.id)
    return Text.assemble((line.guides, "dim"), name, (MARK if is_marked else "", "red"))
