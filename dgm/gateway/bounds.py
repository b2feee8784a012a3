"""How much of what models say is kept: of one answer, and of all answers of one session.

An agent can have a model write a lot, and a server can say more than any model would. Neither may fill the memory, or
make a transcript that its reader refuses. Too much is never a provider's fault, with which an agent could stop a run:
long texts are cut as at the output limit, and a session that has heard too much has reached a limit of its own.
"""

import json
import threading
from dataclasses import replace

from pydantic_core import to_json

from dgm.boundary.chat import MAX_TOOL_CALLS, ToolCall
from dgm.gateway.money import SessionLimitError
from dgm.gateway.provider import Completion

MAX_TEXT_CHARS = 10**6
"""Of an answer's text, of its thinking, and of all its calls' arguments; the longest answers that are sold have some
600,000. In JSON each takes twelve bytes at most (two escapes, beyond the basic plane), so that a record stays below
`dgm.gateway.records.MAX_RECORD_BYTES`."""
MAX_HEARD_BYTES = 24 * 2**20
"""In the transcript of one session, from which on no more is asked. With the last answer and all requests it stays
below `dgm.gateway.records.MAX_TRANSCRIPT_BYTES`."""
MAX_KEPT_BYTES = 64 * 2**20
"""In memory for one session, to be put back: `dgm.gateway.provider.Completion.kept`."""


def bounded(completion: Completion) -> Completion:
    """Return an answer with its texts cut to what is kept of them."""
    content, calls = (completion.content or "")[:MAX_TEXT_CHARS], _bounded_calls(completion.tool_calls)
    is_cut = content != (completion.content or "") or calls != completion.tool_calls
    if not is_cut and len(completion.thinking) <= MAX_TEXT_CHARS:
        return completion
    return replace(
        completion,
        content=content if completion.content is not None else None,
        tool_calls=calls,
        thinking=completion.thinking[:MAX_TEXT_CHARS],
        finish_reason="length" if is_cut else completion.finish_reason,
    )


def _bounded_calls(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    left, bounded_calls = MAX_TEXT_CHARS, list[ToolCall]()
    for call in calls[:MAX_TOOL_CALLS]:
        arguments = call.function.arguments[:left]
        left -= len(arguments)
        function = call.function.model_copy(update={"arguments": arguments})
        bounded_calls.append(call.model_copy(update={"function": function}))
    return tuple(bounded_calls)


class Heard:
    """How much one session's model has said. Used from many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard_bytes = 0
        self._kept_bytes = 0

    def add(self, completion: Completion) -> None:
        """Count an answer."""
        texts = [completion.content, completion.thinking, *(call.function.arguments for call in completion.tool_calls)]
        heard = len(json.dumps(texts))
        kept = 0 if completion.kept is None else len(to_json(completion.kept))
        with self._lock:
            self._heard_bytes += heard
            self._kept_bytes += kept

    def require_room(self) -> None:
        """Return if there is room for another answer.

        Raises:
            SessionLimitError: there is none.
        """
        with self._lock:
            if self._heard_bytes > MAX_HEARD_BYTES or self._kept_bytes > MAX_KEPT_BYTES:
                raise SessionLimitError("The model has said as much as a session may hear.")
