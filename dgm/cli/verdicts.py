"""How a verdict is told together with what is flagged of it: the tests' own word, and whether it counts."""

import re
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from dgm.boundary.text import safe_line
from dgm.cli.screen import plain_table
from dgm.cli.tampering import sign_lines
from dgm.core.outcomes import Outcome

_MORE = re.compile(r"and [0-9,]+ more")
"""What stands behind the paths that are recorded where there were more."""


def verdict_words(outcome: Outcome) -> str:
    """Return a verdict, and that it is flagged if it is: it does not count as resolved then."""
    return outcome.verdict.value + (", flagged" if outcome.flags else "")


def flag_lines(outcome: Outcome) -> list[str]:
    """Return what is flagged of an outcome, safe to show."""
    return [f"flagged: {line}" for line in safe_flags(outcome)]


def safe_flags(outcome: Outcome) -> list[str]:
    """Return the flags, which may quote names that an agent chose."""
    return [safe_line(flag) for flag in outcome.flags]


def counts_alike(one: Outcome, other: Outcome) -> bool:
    """Return whether two measurements say the same: the verdict, and whether it is flagged."""
    return (one.verdict, bool(one.flags)) == (other.verdict, bool(other.flags))


def outcome_table(outcomes: Iterable[Outcome]) -> Table:
    """Return what was measured of an agent, a row for each measurement."""
    table = plain_table()
    table.add_column("task", overflow="fold")
    for name in ("trial", "verdict", "s", "$"):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    table.add_column("summary", overflow="fold", ratio=1)
    for outcome in outcomes:
        table.add_row(
            Text(safe_line(outcome.task)),
            str(outcome.trial),
            Text(verdict_words(outcome), style="green" if outcome.resolved else "red" if outcome.flags else ""),
            f"{outcome.seconds:.1f}",
            f"{outcome.usage.cost_usd:.3f}",
            Text(
                "\n".join(
                    [
                        safe_line(outcome.summary) + _dropped(outcome.dropped_paths),
                        *flag_lines(outcome),
                        *sign_lines(outcome),
                    ]
                )
            ),
        )
    return table


def _dropped(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    *shown, last = paths
    which = f"{len(shown)} other paths {last}" if _MORE.fullmatch(last) else f"{len(paths)} other paths"
    return f" ({which} not graded)"
