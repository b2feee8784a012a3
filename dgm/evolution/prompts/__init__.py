"""The texts that models are given, one Markdown file each, with `{{fields}}` to fill in."""

import re
from pathlib import Path

_DIRECTORY = Path(__file__).parent
_FIELD = re.compile(r"\{\{(\w+)\}\}")


def prompt(name: str, **fields: str) -> str:
    """Return the prompt `name` with its fields filled in, each once: a value cannot smuggle in another field."""
    template = (_DIRECTORY / f"{name}.md").read_text("utf-8")
    return _FIELD.sub(lambda match: fields[match.group(1)], template)
