"""Tool calls and sampling as all vendors see them; models' and agents' slips there must not spoil a conversation."""

import re

from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, Message
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import KeptTurns

_LONGEST_NAME = 64


def name_to_tell(name: str) -> str:
    """Return the name of a called function for the agent, in place of one that is too long one that no tool has."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "~"


def name_to_send(name: str) -> str:
    """Return the name of a called function as vendors take it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_NAME] or "_"


def kept_turn(message: Message, kept: KeptTurns) -> JsonValue:
    """Return what was kept of the turn that an assistant's message repeats, None if nothing was."""
    return next((kept[call.id] for call in message.tool_calls or () if call.id in kept), None)


def sampling(request: ChatRequest, parameters: ModelParameters) -> dict[str, float]:
    """Return temperature and top_p, as far as the model takes them."""
    chosen: dict[str, float] = {}
    if parameters.temperature and request.temperature is not None:
        chosen["temperature"] = request.temperature
    if parameters.top_p and request.top_p is not None and (parameters.temperature_with_top_p or not chosen):
        chosen["top_p"] = request.top_p
    return chosen
