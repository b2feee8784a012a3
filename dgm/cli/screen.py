"""What everything is printed on, and the one style of tables."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.core.ids import AgentId

SHORT_ID_DIGITS = 7
_WIDE = 160
"""Columns where there is no terminal to ask."""


class SteadyConsole(Console):
    """A console that falls silent where nothing can be printed any more, for work that goes on without a reader.

    Whoever read may be gone (`| tee` dies of the same Ctrl-C), and the disk of a log may be full. Rich would end the
    process, and with it sessions that are paid for.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `Console` does, or nothing."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print no more, nor fail over what is still to be written out when the process ends."""
        self.quiet = True
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


def console(*, stderr: bool = False, steady: bool = False) -> Console:
    """Return a console that takes nothing in a text for markup, and does not cut lines where there is no terminal.

    Args:
        stderr: print on standard error.
        steady: fall silent instead of failing where nothing can be printed; see `SteadyConsole`.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    kind = SteadyConsole if steady else Console
    return kind(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


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
