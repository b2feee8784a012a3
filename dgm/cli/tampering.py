"""How signs of tampering are shown: counted by kind, and named beside the measurement that shows them; never raw."""

from collections.abc import Mapping
from typing import Any

from dgm.boundary.text import safe_line
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.tampering import Sign, SignKind, Tampering, signs

MARK = "!"
NOTE = f"{MARK} changed what could steer its grading; it was not graded, see `dgm show`"
_MOST_NAMED = 3
"""Signs of one measurement, in a table; `--json` has all."""
_SHOWN_OF_A_PATH = 120


def sign_lines(outcome: Outcome) -> list[str]:
    """Return a line for each of the first signs of a measurement beside its flags, and one that counts the rest."""
    found = [sign for sign in signs(outcome) if sign.path]
    more = len(found) - _MOST_NAMED
    lines = [f"{_shown_path(sign)}: {sign.text}" for sign in found[:_MOST_NAMED]]
    return lines + ([f"and {more:,} more like that"] if more > 0 else [])


def signs_answer(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the JSON of a measurement's signs."""
    return [
        {
            "kind": sign.kind.value,
            "grave": sign.kind.is_grave,
            "path": safe_line(sign.path) or None,
            "text": safe_line(sign.text),
        }
        for sign in signs(outcome)
    ]


def tampering_answer(found: Tampering) -> dict[str, Any]:
    """Return {measurements, with_signs, with_grave_signs, kinds}, the last by name with how many show it."""
    return {
        "measurements": found.measurements,
        "with_signs": found.with_signs,
        "with_grave_signs": found.with_grave_signs,
        "kinds": {kind.value: count for kind, count in found.kinds.items()},
    }


def run_tampering_answer(by_agent: Mapping[AgentId, Tampering]) -> dict[str, Any]:
    """Return the same for a whole run, with the number of `agents` that show signs, and grave ones."""
    return {
        "agents_with_signs": sum(found.with_signs > 0 for found in by_agent.values()),
        "agents_with_grave_signs": sum(found.with_grave_signs > 0 for found in by_agent.values()),
    } | tampering_answer(_together(by_agent))


def tampering_words(found: Tampering) -> str:
    """Return in one line what some measurements show."""
    if not found.with_signs:
        return f"no signs in {found.measurements:,} {_measurements(found.measurements)}"
    kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in found.kinds.items())
    return f"{found.with_signs:,} of {found.measurements:,} {_measurements(found.measurements)}: {kinds}"


def tampering_row(found: Tampering) -> dict[str, str]:
    """Return that as a line of facts; none where nothing was measured."""
    return {"tampering": tampering_words(found)} if found.measurements else {}


def run_tampering_row(by_agent: Mapping[AgentId, Tampering]) -> dict[str, str]:
    """Return a line of facts on a whole run; none where nothing was measured."""
    together, agents = _together(by_agent), sum(found.with_signs > 0 for found in by_agent.values())
    if not agents:
        return tampering_row(together)
    return {"tampering": f"{agents:,} {'agent' if agents == 1 else 'agents'}, {tampering_words(together)}"}


def marked(by_agent: Mapping[AgentId, Tampering]) -> frozenset[AgentId]:
    """Return the agents that show grave signs."""
    return frozenset(agent for agent, found in by_agent.items() if found.with_grave_signs)


def _together(by_agent: Mapping[AgentId, Tampering]) -> Tampering:
    return sum(by_agent.values(), Tampering())


def _measurements(count: int) -> str:
    return "measurement" if count == 1 else "measurements"


def _shown_path(sign: Sign) -> str:
    """Return a path for people; of one that hides something what is hidden too."""
    path = ascii(sign.path) if sign.kind is SignKind.HIDDEN_NAME else sign.path
    return safe_line(path, max_chars=_SHOWN_OF_A_PATH)
