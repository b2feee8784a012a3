"""The tools that the model may call.

A tool is a module with SCHEMA, what the model is told of it, and run(**arguments), which returns text.
"""

import json

from tools import bash, editor

TOOLS = {
    "bash": bash,
    "editor": editor,
}
SCHEMAS = [{"type": "function", "function": tool.SCHEMA} for tool in TOOLS.values()]
OUTPUT_LIMIT = 10000


def call(name, arguments):
    """Run a tool and return its output; whatever goes wrong is told to the model as text.

    arguments: JSON text as the model wrote it.
    """
    if name not in TOOLS:
        return "Error: there is no tool %r, only %s." % (name, ", ".join(sorted(TOOLS)))
    try:
        output = TOOLS[name].run(**json.loads(arguments))
    except Exception as error:  # the model can mend its call, so the agent goes on
        output = "Error: %s: %s" % (type(error).__name__, error)
    return clip(output)


def clip(text):
    """Return the text, shortened to OUTPUT_LIMIT characters if it is longer."""
    if len(text) <= OUTPUT_LIMIT:
        return text
    note = "[clipped: %d of %d characters shown]" % (OUTPUT_LIMIT, len(text))
    return text[:OUTPUT_LIMIT] + "\n" + note
