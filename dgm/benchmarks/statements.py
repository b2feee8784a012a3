"""What an agent is told: the exercise's own texts, and which of its files count."""

import re
from collections.abc import Sequence

from dgm.benchmarks.exercise_files import Source

INSTRUCTIONS = ".docs/instructions.md"
_TEXTS = (
    ".docs/introduction.md",
    ".docs/introduction.append.md",
    INSTRUCTIONS,
    ".docs/instructions.append.md",
)
# Marks a text as a language's own; upstream shows it without this heading, below the instructions.
_APPENDED = re.compile(r"\A\s*# Instructions[ .]append[ \t]*\n", re.IGNORECASE)


def statement(source: Source, solution: Sequence[str], *, helpers: bool, tools: str) -> str:
    """Return an exercise's statement, Markdown.

    Args:
        source: has its texts in `.docs`.
        solution: the files to change.
        helpers: whether a solution may add files.
        tools: a sentence on what hidden tests are run with; "" for none.
    Raises:
        MalformedContentError: a text is missing or not UTF-8.
    """
    source.require([INSTRUCTIONS], "file", named_in="the layout")
    texts = [_APPENDED.sub("", source.text(path)).strip() for path in _TEXTS if path in source.files]
    texts.append(_orders(solution, helpers=helpers, tools=tools))
    return "\n\n".join(texts) + "\n"


def _orders(solution: Sequence[str], *, helpers: bool, tools: str) -> str:
    names = ", ".join(f"`{path}`" for path in solution)
    if not (helpers or tools):
        return f"Change only: {names}. Hidden tests judge the result; other files are not taken."
    them = "it" if len(solution) == 1 else "them"
    taken = (
        f"Change: {names}. You may add source files beside {them}; no other change is taken."
        if helpers
        else f"Change only: {names}. Other files are not taken."
    )
    # Upstream's texts are for people who have the tests: some speak of them, and nearly all leave names to them.
    judged = (
        "Hidden tests judge the result; none of them is in the workspace, even where the text above names one. "
        "They use the names and signatures that the files have, so keep those."
    )
    return f"# What counts\n\n{taken}\n\n{judged} {tools}".rstrip()
