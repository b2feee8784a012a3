"""A stand-in for the model, for tests."""

MOST_CALLS = 20


class ScriptedModel:
    """Answers with the given messages in turn, the last one again and again; keeps what it was sent."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.requests = []

    def __call__(self, messages, tools):
        self.requests.append([dict(message) for message in messages])
        if len(self.requests) > MOST_CALLS:
            raise AssertionError("the model was asked more than %d times" % MOST_CALLS)
        return self.replies[min(len(self.requests), len(self.replies)) - 1]


def says(text):
    """Return a message without a tool call."""
    return {"role": "assistant", "content": text}


def calls(name, arguments, identity="call-1"):
    """Return a message that calls one tool; arguments is JSON text."""
    function = {"name": name, "arguments": arguments}
    call = {"id": identity, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}
