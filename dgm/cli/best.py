"""What `dgm best` says: which agent to take, how sure that is, and what of its score is luck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.cli.answers import Answer
from dgm.cli.chances import better_cell, paired_answer, paired_words, probability, signed
from dgm.cli.render import heading
from dgm.cli.scores import held_out_answer, held_out_row, score_answer, score_cells, score_line, score_words
from dgm.cli.screen import facts_table, plain_table, short_id
from dgm.core.agents import AgentTree
from dgm.core.errors import UsageError
from dgm.core.ids import AgentId
from dgm.core.paired import Paired, paired_outcomes
from dgm.core.posterior import chances_to_be_best, leading
from dgm.core.scores import Score

DEFAULT_PERCENTILE = 2.5
"""The lower end of the credible interval, by which the best agent is chosen everywhere."""
_HIGHEST_PERCENTILE = 50.0
_LEADERS = 5
_NOTHING = Paired(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pick:
    """Which agent to take of a run, and what is known of it."""

    percentile: float
    tree: AgentTree
    scores: Mapping[AgentId, Score]
    chances: Mapping[AgentId, float]
    """To be the best of all."""
    leaders: Sequence[AgentId]
    """The agent to take, and the next ones; none where nothing was measured."""
    beside_parents: Mapping[AgentId, Paired]
    """The leaders beside their parents, where anything tells."""
    beside_seed: Paired
    """The agent to take beside the seed agent, on what selection saw."""
    held_out_beside_seed: Paired
    """The same on what it never saw."""
    holds_out: int
    """Number of tasks that selection never saw."""
    trials: int

    @property
    def best(self) -> AgentId:
        """The agent to take; the seed agent where nothing was measured."""
        return self.leaders[0] if self.leaders else self.seed

    @property
    def seed(self) -> AgentId:
        """The seed agent."""
        return self.tree.root.id

    @property
    def optimism(self) -> float | None:
        """How much more the agent gained on the seed agent where selection saw it than where it did not, a share.

        Shares of measurements that both have, so that easier tasks on one side do not look like luck. None where the
        agent is the seed agent, or where one of both sides has nothing to tell.
        """
        sides = (self.beside_seed, self.held_out_beside_seed)
        if self.best == self.seed or not all(side.common for side in sides):
            return None
        seen, unseen = (gain(side) for side in sides)
        return seen - unseen


def gain(paired: Paired) -> float:
    """Return by how much larger a share of common measurements the one resolves than the other, in [-1, 1]."""
    return (paired.better - paired.worse) / paired.common if paired.common else 0.0


def pick(run: RunReader, *, percentile: float = DEFAULT_PERCENTILE) -> Pick:
    """Return which agent to take.

    Args:
        run: of the agents.
        percentile: the agent is taken of which this lower percentile of the posterior is highest.
    Raises:
        UsageError: it is not above 0 and up to 50.
    """
    if not 0 < percentile <= _HIGHEST_PERCENTILE:
        raise UsageError(f"A lower percentile is above 0 and up to {_HIGHEST_PERCENTILE:g}, not {percentile:g}.")
    with run.snapshot():
        tree, scores = run.agent_tree(), run.scores()
        found = leading(scores, percentile=percentile, count=_LEADERS)
        leaders = [agent for agent in found if scores[agent].attempted]
        seed = tree.root.id
        best = leaders[0] if leaders else seed
        return Pick(
            percentile=percentile,
            tree=tree,
            scores=scores,
            chances=chances_to_be_best(scores),
            leaders=leaders,
            beside_parents=run.paired_with_parents(leaders),
            beside_seed=paired_outcomes(run.outcomes_of(best), run.outcomes_of(seed)),
            held_out_beside_seed=paired_outcomes(run.held_out_of(best), run.held_out_of(seed)),
            holds_out=len(run.held_out()),
            trials=run.config().trials,
        )


def best_answer(run: RunReader, *, percentile: float) -> Answer:
    """Return {run, model, benchmark, percentile, agents, best, next, held_out, optimism}.

    `best` is None where nothing was measured. `optimism` is the share by which the best agent's gain on the seed agent
    is larger where selection saw it than where it did not, None where that cannot be told.
    """
    found, facts = pick(run, percentile=percentile), run.facts()
    answers = [_leader_answer(found, agent) for agent in found.leaders]
    return {
        "run": facts.name,
        "model": facts.model,
        "benchmark": facts.benchmark,
        "percentile": percentile,
        "agents": len(found.scores),
        "best": answers[0] | _beside_seed(found) if answers else None,
        "next": answers[1:],
        "held_out": held_out_answer(run, {"seed": found.seed, "best": found.best}),
        "optimism": None if found.optimism is None else round(found.optimism, 6),
    }


def _leader_answer(found: Pick, agent: AgentId) -> Answer:
    beside_parent = found.beside_parents.get(agent, _NOTHING)
    return {
        "id": agent,
        "parent": found.tree[agent].parent,
        "score": score_answer(found.scores[agent]),
        "percentile_end": round(_end(found, agent), 6),
        "chance_best": round(found.chances[agent], 6),
        "better_than_parent": paired_answer(beside_parent) if agent != found.seed else None,
    }


def _beside_seed(found: Pick) -> Answer:
    return {"better_than_seed": paired_answer(found.beside_seed) if found.best != found.seed else None}


def _end(found: Pick, agent: AgentId) -> float:
    return found.scores[agent].quantile(found.percentile / 100)


def best_view(run: RunReader, *, percentile: float) -> RenderableType:
    """Return which agent to take, how sure that is, what of it is luck, and the next best ones."""
    found = pick(run, percentile=percentile)
    if not found.leaders:
        return Group(heading(run), Text("Nothing was measured yet, so no agent is known to be the best."))
    names = {"seed": found.seed, "best": found.best} if found.best != found.seed else {"seed agent": found.seed}
    parts: list[RenderableType] = [heading(run), facts_table(_rows(found) | held_out_row(run, names))]
    parts.append(Text("\n" + _optimism_words(found)))
    if len(found.leaders) > 1:
        parts += [Text("\nThe best and the next", style="bold"), _leaders_table(found)]
    return Group(*parts)


def _rows(found: Pick) -> dict[str, str]:
    best = found.best
    place = "the seed agent" if best == found.seed else f"child of {short_id(found.tree[best].parent or best)}"
    rows = {
        "best": f"{best}, {place}: the highest lower end ({found.percentile:g} %), {_end(found, best):.1%}",
        "score": score_line(found.scores[best]),
        "P(best)": _chance_words(found),
    }
    if best == found.seed:
        return rows
    beside_parent = found.beside_parents.get(best, _NOTHING)
    return rows | {
        "vs parent": paired_words(beside_parent, trials=found.trials),
        "vs seed": paired_words(found.beside_seed, trials=found.trials),
    }


def _chance_words(found: Pick) -> str:
    words = [f"{probability(found.chances[found.best])}, of {_agents(len(found.scores))}"]
    measured = [agent for agent, score in found.scores.items() if score.attempted]
    likeliest = max(measured, key=lambda agent: (found.chances[agent], agent == found.best))
    if likeliest != found.best:
        chance = probability(found.chances[likeliest])
        words.append(
            f"{short_id(likeliest)} has {chance}, for being less known ({score_words(found.scores[likeliest])})"
        )
    if unmeasured := len(found.scores) - len(measured):
        words.append(f"{unmeasured:,} not measured, which can be anything")
    return "; ".join(words)


def _agents(count: int) -> str:
    return "1 agent" if count == 1 else f"{count:,} agents"


def _optimism_words(found: Pick) -> str:
    """Return what of the best agent's score is luck, as far as that can be told."""
    if found.best == found.seed:
        return "No agent is surely better than the seed agent so far."
    curse = "What selection saw flatters: the best of many is also the luckiest of them (winner's curse)."
    if not found.holds_out:
        return f"{curse} By how much cannot be told, as no tasks are held out; `dgm run --holdout 0.3` holds some out."
    if found.optimism is None:
        return f"{curse} By how much is told once both agents are measured on the {found.holds_out} held-out tasks."
    seen, unseen = gain(found.beside_seed), gain(found.held_out_beside_seed)
    count = found.held_out_beside_seed.common
    by = f"Here by {_points(found.optimism)} points" if found.optimism > 0 else "Here nothing of that shows"
    return (
        f"{curse} {by}, as far as {count} held-out {'result' if count == 1 else 'results'} can tell: it gained "
        f"{_points(seen)} points on the seed agent where selection saw it, and {_points(unseen)} where it did not."
    )


def _points(share: float) -> str:
    return signed(100 * share, decimals=0)


def _leaders_table(found: Pick) -> Table:
    table = plain_table("agent")
    ends = [] if found.percentile == DEFAULT_PERCENTILE else [f"{found.percentile:g} % end"]
    for name in ("resolved", "mean", "95 %", *ends, "P(best)", "P(better than parent)"):
        table.add_column(name, justify="right", no_wrap=True)
    for agent in found.leaders:
        table.add_row(
            short_id(agent),
            *score_cells(found.scores[agent]),
            *(f"{_end(found, agent):.1%}" for _ in ends),
            probability(found.chances[agent]),
            better_cell(found.beside_parents.get(agent)),
        )
    return table
