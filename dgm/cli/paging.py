"""Long answers on a terminal, a screen at a time."""

import os
import shlex
import subprocess

from rich.console import Console, RenderableType

_PAGER = "less"
_PLAIN = {"LESS": "-R", "LESSSECURE": "1"}
"""Colours as they are; and a text that an agent wrote is looked at, not a place to start commands from."""


def show_paged(console: Console, *parts: RenderableType) -> None:
    """Print on a console, through the user's pager where it is a terminal that the text does not fit on."""
    if not console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as capture:
        console.print(*parts, sep="\n")
    text = capture.get()
    if text.count("\n") < console.size.height - 1 or not _paged(text):
        console.file.write(text)
        console.file.flush()


def _paged(text: str) -> bool:
    """Return whether the user's pager took the text."""
    try:
        pager = shlex.split(os.environ.get("PAGER", "")) or [_PAGER]
        # Its exit code says nothing: whoever leaves it early has seen enough.
        subprocess.run(pager, input=text.encode("utf-8", "replace"), env={**_PLAIN, **os.environ}, check=False)
    except (OSError, ValueError):  # not there, or no command line
        return False
    return True
