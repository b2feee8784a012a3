"""How many evaluations a run saved; see `dgm.core.saving`."""

from collections.abc import Mapping
from typing import Any

from dgm.archive.processes import RunState
from dgm.archive.reader import RunReader
from dgm.config.run import Search
from dgm.core.actions import Evaluate
from dgm.core.ids import AgentId
from dgm.core.saving import Saving, saving_of
from dgm.core.scores import Score

_WITHOUT_RULE = ("auto", "hgm")
"""Policies that choose every evaluation themselves: there is nothing that they stop."""
_RULES = {"stages": "the stages", "adaptive": "adaptive stopping"}


def savings_answer(run: RunReader, scores: Mapping[AgentId, Score]) -> dict[str, Any] | None:
    """Return {by, whole, made, saved, repeated}, None where no rule stopped anything.

    The policy may choose every evaluation itself, or the seed agent's may be all that the bound on them allows.
    `by` is the rule; what a bound on evaluations left undone is among what was saved, too.
    """
    saving = _saving(run, scores)
    if saving is None:
        return None
    return {
        "by": run.config().search.stopping,
        "whole": saving.whole,
        "made": saving.made,
        "saved": saving.saved,
        "repeated": saving.repeated,
    }


def savings_rows(run: RunReader, scores: Mapping[AgentId, Score]) -> dict[str, str]:
    """Return what `dgm status` says of it, by the row's name; nothing where there is nothing to say."""
    saving = _saving(run, scores)
    if saving is None or not saving.whole:
        return {}
    words = f"{saving.saved:,} of {saving.whole:,} ({saving.share:.0%}) by {_savers(run.config().search)}"
    words += "" if run.state() is RunState.FINISHED else ", so far"
    words += f"; {saving.repeated:,} more were repeated trials of the best" if saving.repeated else ""
    return {"evaluations saved": words}


def _savers(search: Search) -> str:
    """Return what evaluations were saved by; whatever is still due when the bound on them is reached is, too."""
    rule = _RULES[search.stopping]
    return rule if search.evaluations is None else f"{rule} and the bound on evaluations"


def _saving(run: RunReader, scores: Mapping[AgentId, Score]) -> Saving | None:
    """Return what was saved on the agents that nothing is being measured of at this moment; None if no rule applied."""
    config = run.config()
    if config.policy in _WITHOUT_RULE:
        return None
    seed = next(iter(scores))
    bound = config.search.evaluations
    if bound is not None and scores[seed].attempted >= bound:
        return None
    # By every rule the seed agent is measured on everything that selection sees, unless the bound comes first.
    tasks = {outcome.task for outcome in run.outcomes_of(seed)}
    measuring = {decision.action.agent for decision in run.open_decisions() if isinstance(decision.action, Evaluate)}
    ended = [score.attempted for agent, score in scores.items() if agent not in measuring]
    return saving_of(ended, whole=len(tasks) * config.trials)
