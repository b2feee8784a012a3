"""How scores are shown: resolved of attempted, never without the posterior mean and the 95 % credible interval."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from dgm.archive.reader import RunReader
from dgm.core.ids import AgentId
from dgm.core.scores import Score

if TYPE_CHECKING:
    from dgm.cli.answers import Answer


@cache
def interval(score: Score) -> tuple[float, float]:
    """Return a score's credible interval, which takes a millisecond; a tree has the same few scores again and again."""
    return score.low, score.high


def score_answer(score: Score) -> "Answer":
    """Return {resolved, attempted, mean, low, high}."""
    low, high = interval(score)
    return {
        "resolved": score.resolved,
        "attempted": score.attempted,
        "mean": round(score.mean, 6),
        "low": round(low, 6),
        "high": round(high, 6),
    }


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
    shares, mean, ends = score_cells(score)
    return f"{shares} resolved, mean {mean}, 95 % {ends}"


def score_words(score: Score) -> str:
    """Return a score in few words, such as "13/28, 47 % (29-64)"."""
    if not score.attempted:
        return "not measured"
    shares, _, ends = score_cells(score)
    return f"{shares}, {100 * score.mean:.0f} % ({ends})"


def held_out_answer(run: RunReader, agents: Mapping[str, AgentId]) -> "Answer | None":
    """Return the number of tasks that selection never sees, and agents' scores on them; None where there are none.

    Args:
        run: of the agents.
        agents: by the name that their score is to have.
    """
    if not run.held_out():
        return None
    scores = run.held_out_scores()
    found = {name: scores.get(agent) for name, agent in agents.items()}
    return {"tasks": len(run.held_out())} | {name: score and score_answer(score) for name, score in found.items()}


def held_out_row(run: RunReader, agents: Mapping[str, AgentId]) -> dict[str, str]:
    """Return the same as a line that is called "held out"; none where there are no such tasks."""
    if not run.held_out():
        return {}
    scores = run.held_out_scores()
    found = [f"{name} {score_words(scores.get(agent, Score(0, 0)))}".strip() for name, agent in agents.items()]
    return {"held out": f"{'; '.join(found)}; of {len(run.held_out())} tasks that selection never sees"}
