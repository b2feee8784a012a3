"""What everything is printed on, and the one style of tables."""

import os
import sys
from collections.abc import Mapping

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.core.ids import AgentId

SHORT_ID_DIGITS = 7
_WIDE = 160
"""Columns where there is no terminal to ask."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes nothing in a text for markup, and does not cut lines where there is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def show(*parts: RenderableType) -> None:
    """Print an answer on standard output; without a terminal, lines end where their text ends."""
    screen = console()
    if screen.is_terminal:
        screen.print(*parts, sep="\n")
        return
    with screen.capture() as capture:
        screen.print(*parts, sep="\n")
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def plain_table(*columns: str, expand: bool = False) -> Table:
    """Return a table without lines, for more columns and rows to be added."""
    return Table(*columns, box=None, padding=(0, 1), pad_edge=False, header_style="dim", expand=expand)


def facts_table(rows: Mapping[str, str]) -> Table:
    """Return a line for each fact with its name in front, as it is: the caller makes hostile text safe."""
    table = plain_table()
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def short_id(agent: AgentId) -> str:
    """Return the digits of an agent's id that people see."""
    return agent[:SHORT_ID_DIGITS]
