"""The console that everything is printed on."""

import os
import sys

from rich.console import Console

_WIDE = 160
"""Columns where there is no terminal to ask."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes nothing in a text for markup, and does not cut lines where there is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)
