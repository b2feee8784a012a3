"""How costs are shown: in words, and as a table by role. Simulated models cost nothing and say so in few words."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from dgm.boundary.text import safe_line
from dgm.cli.screen import plain_table
from dgm.config import Budget, Models
from dgm.core.outcomes import Usage
from dgm.core.ports import Role

_CENTS = 2
_CENTS_ENOUGH_USD = 0.1
"""Below that, amounts are shown to a hundredth of a cent."""
_LEFT_DECIMALS = 6
"""Less than that over the cap is a sum of roundings."""


def dollars(usd: float, *, decimals: int | None = None) -> str:
    """Return an amount with as many decimals as its size asks for; what was spent never looks like nothing."""
    decimals = _decimals(usd) if decimals is None else decimals
    smallest = 10**-decimals
    return f"<${smallest:.{decimals}f}" if 0 < usd < smallest else f"${usd:,.{decimals}f}"


def model_of(role: Role, models: Models) -> str:
    """Return the name of the model that plays a role; the probe's script has its role's."""
    return models.by_role().get(role, role.value)


def cached_share(usage: Usage) -> float | None:
    """Return which share of the input was read from a cache, None where there was no input."""
    return usage.cache_read_tokens / usage.input_tokens if usage.input_tokens else None


def usage_words(usage: Usage) -> str:
    """Return what was used, with the cached share where anything was cached."""
    words = f"{dollars(usage.cost_usd)}, {usage.tokens:,} tokens in {_calls(usage)}"
    return f"{words}, {_share(usage)} of the input from cache" if usage.cache_read_tokens else words


def role_words(by_role: Mapping[Role, Usage]) -> str:
    """Return what each role used, in one line."""
    return ", ".join(f"{role.value} {dollars(usage.cost_usd)} in {_calls(usage)}" for role, usage in by_role.items())


def cost_rows(spent: Usage, unsettled: Usage, budget: Budget) -> dict[str, str]:
    """Return what a run spent, what of it is set aside for calls without an end, and its caps, as far as there are."""
    rows = {"cost": usage_words(spent)}
    if unsettled.cost_usd:
        rows["not settled"] = f"{dollars(unsettled.cost_usd)} reserved for {_calls(unsettled)}, counted as spent"
    cap = cap_words(budget, spent)
    return rows | ({"cap": cap} if cap else {})


def lineage_cost(usage: Usage) -> Text:
    """Return what it took to arrive at the last agent of a lineage."""
    return Text(f"lineage: {usage_words(usage)}", style="dim")


def cap_words(budget: Budget, spent: Usage) -> str:
    """Return the run's caps and what is left of each, "" where there is none."""
    parts: list[str] = []
    if budget.max_cost_usd is not None:
        cap, left = budget.max_cost_usd, round(budget.max_cost_usd - spent.cost_usd, _LEFT_DECIMALS)
        rest = f"{dollars(max(0.0, left))} left" if left >= 0 else f"exceeded by {dollars(-left)}"
        parts.append(f"{dollars(cap)}, {rest}")
    if budget.max_tokens is not None:
        parts.append(f"{budget.max_tokens:,} tokens, {max(0, budget.max_tokens - spent.tokens):,} left")
    if budget.max_calls is not None:
        parts.append(f"{budget.max_calls:,} calls, {max(0, budget.max_calls - spent.calls):,} left")
    return "; ".join(parts)


def role_table(by_role: Mapping[Role, Usage], models: Models) -> Table:
    """Return a row for each role that called a model and, where that is more than one, their sum.

    Calls without an end are in it at their worst case, and lower the cached share.
    """
    total = sum(by_role.values(), Usage())
    decimals = _decimals(total.cost_usd)
    rows = [(role.value, model_of(role, models), *_cells(usage, decimals)) for role, usage in by_role.items()]
    if len(rows) > 1:
        rows.append(("all", "", *_cells(total, decimals)))
    table = plain_table()
    table.add_column("role", no_wrap=True)
    table.add_column("model", overflow="ellipsis")  # may wrap, so that it is what gives way on a narrow terminal
    for name in ("calls", "input", "cached", "output", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(safe_line(cell)) for cell in row))
    return table


def _cells(usage: Usage, decimals: int) -> tuple[str, ...]:
    return (
        f"{usage.calls:,}",
        f"{usage.input_tokens:,}",
        _share(usage),
        f"{usage.output_tokens:,}",
        dollars(usage.cost_usd, decimals=decimals),
    )


def _decimals(usd: float) -> int:
    return _CENTS if usd == 0 or usd >= _CENTS_ENOUGH_USD else 2 * _CENTS


def _calls(usage: Usage) -> str:
    return "1 call" if usage.calls == 1 else f"{usage.calls:,} calls"


def _share(usage: Usage) -> str:
    share = cached_share(usage)
    return "-" if share is None else f"{share:.0%}"
