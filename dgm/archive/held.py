"""How a step that waits for a person lies in a row: JSON of all that is known of it; its child's code lies in git."""

import json
from dataclasses import asdict, replace

from pydantic import TypeAdapter

from dgm.archive.records import storable
from dgm.core.actions import Step

_STEPS = TypeAdapter(Step)


def held_json(step: Step) -> str:
    """Return a step without its child's code as JSON."""
    return storable(json.dumps(asdict(replace(step, child=None)), ensure_ascii=False))


def step_from_held(text: str) -> Step:
    """Return the step in such JSON.

    Raises:
        ValueError: it holds no step; the run may come from somebody else.
    """
    return _STEPS.validate_json(text)
