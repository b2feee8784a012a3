"""The memory as a diagnosis is told of it: what was tried before around an agent, and what came of it."""

from collections.abc import Sequence

from dgm.boundary.text import safe_line
from dgm.core.memory import Modification, Relation
from dgm.evolution.prompts import prompt
from dgm.evolution.quoting import quoted

MAX_MEMORY_CHARS = 40_000
_PROPOSAL_CHARS = 600
_DETAIL_CHARS = 300
_MOST_READ = 10_000  # characters: a stranger's archive may hold more than our parsers take
_RELATIONS = {
    Relation.LINEAGE: "made this agent or one that it comes from",
    Relation.SIBLING: "tried on this very agent",
}


def tried_before(memory: Sequence[Modification], *, most: int = MAX_MEMORY_CHARS) -> str:
    """Return the prompt's section on what was tried before, as Markdown; "" where nothing was.

    Args:
        memory: oldest first.
        most: characters of what is quoted.
    """
    if not memory:
        return ""
    entries = "\n".join(map(_entry, memory))
    return prompt("tried_before", modifications=quoted(entries, most=most))


def _entry(modification: Modification) -> str:
    # What a model or a child wrote stays within a line of ours, so that it cannot pass for another entry.
    proposal = safe_line(modification.proposal[:_MOST_READ], max_chars=_PROPOSAL_CHARS)
    return (
        f"Step {modification.step}, {_RELATIONS[modification.relation]}; {_fate(modification)}\n"
        f"  Proposal: {proposal or '(none: the code of two agents was merged)'}"
    )


def _fate(modification: Modification) -> str:
    if modification.rejection is not None:
        detail = safe_line(modification.detail[:_MOST_READ], max_chars=_DETAIL_CHARS)
        return f"rejected ({modification.rejection}): {detail or 'no more is known.'}"
    if not modification.common:
        return "accepted: what came of it is not measured yet."
    return (
        f"accepted: of the results that agent and child have in common ({modification.common}), resolved before: "
        f"{modification.before}, after: {modification.after}."
    )
