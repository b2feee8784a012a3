"""The conversation: ask the model and run the tools that it calls, until it answers without calling one."""

import tools


def run(ask, messages):
    """Go on from the given messages until the model calls no tool; return the whole conversation.

    ask: function (messages, tool schemas) -> the model's next message.
    """
    messages = list(messages)
    while True:
        reply = ask(messages, tools.SCHEMAS)
        messages.append(reply)
        calls = reply.get("tool_calls") or []
        if not calls:
            return messages
        for call in calls:
            messages.append(result_of(call))


def result_of(call):
    """Run one tool call and return the message with its result."""
    function = call["function"]
    output = tools.call(function["name"], function["arguments"])
    return {"role": "tool", "tool_call_id": call["id"], "content": output}
