"""What the gateway says over HTTP: bodies that are all ours."""

import json
from dataclasses import dataclass

from dgm.gateway.calls import Answer

_ERROR_TYPES = {
    402: "insufficient_quota",
    404: "not_found_error",
    405: "method_not_allowed",
    429: "rate_limit_error",
    500: "server_error",
    502: "provider_error",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON body."""

    status: int
    body: bytes


def error_reply(status: int, message: str, *, code: str | None = None) -> Reply:
    """Return an error in OpenAI's form."""
    error = {"message": message, "type": _ERROR_TYPES.get(status, "invalid_request_error")}
    return _reply(status, {"error": {**error, "code": code} if code else error})


def completion_reply(answer: Answer, *, number: int, created: int, model: str) -> Reply:
    """Return a chat completion in OpenAI's form, with what is ours to say and nothing of the provider's beside it.

    Args:
        answer: what the model said.
        number: of the answer in its session. Not the ledger's, which would tell of attempts that failed.
        created: seconds since 1970.
        model: its name for the agent.
    """
    completion = answer.completion
    message: dict[str, object] = {"role": "assistant", "content": completion.content}
    if completion.tool_calls:
        message["tool_calls"] = [call.model_dump() for call in completion.tool_calls]
    usage = {
        "prompt_tokens": answer.usage.input_tokens,
        "completion_tokens": answer.usage.output_tokens,
        "total_tokens": answer.usage.tokens,
    }
    choice = {"index": 0, "message": message, "finish_reason": completion.finish_reason}
    return _reply(
        200,
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [choice],
            "usage": usage,
        },
    )


def models_reply(model: str) -> Reply:
    """Return the list of the one model that there is."""
    return _reply(200, {"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": "dgm"}]})


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status, json.dumps(body).encode())
