"""Text of agents and models as prompts quote it: between tags that it cannot close, and within bounds."""

import re

from dgm.boundary.text import safe_text

_TAGS = (
    "contract",
    "agent_source",
    "task_statement",
    "transcript",
    "patch",
    "test_summary",
    "hidden_tests",
    "tried_before",
    "proposal",
    "new_proposal",
)
"""Every tag that a prompt of ours opens. One list for all: what one prompt quotes may come back in another."""
_CLOSING = re.compile(rf"<\s*/\s*({'|'.join(_TAGS)})\s*>", re.IGNORECASE)


def quoted(text: str, *, most: int) -> str:
    """Return `text` with our closing tags broken, so that what an agent or a model wrote cannot end its quotation.

    Args:
        text: any string.
        most: characters of the result; of a longer one its head and its tail are left.
    """
    # Tags are broken after what cannot be seen is gone: a tag with a control character in it would become whole by
    # that. Clipped before, since a text may have megabytes, and after, since a broken tag is longer.
    return clipped(_CLOSING.sub(r"<\\/\1>", safe_text(clipped(text, most))), most)


def clipped(text: str, most: int) -> str:
    """Return `text`, or its head and its tail, with a line between them, where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    half = max(0, most - len(_mark(len(text)))) // 2
    return f"{text[:half]}{_mark(len(text) - 2 * half)}{text[len(text) - half :]}"


def _mark(count: int) -> str:
    return f"\n[{count:,} characters left out]\n"
