"""What is said and asked before a run starts. Nothing was made by then: no directory, no image, no container."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import typer

from dgm.archive.reader import RunReader
from dgm.benchmarks.catalogue import outline_of
from dgm.cli.basis import basis_for
from dgm.cli.estimate_views import short_lines
from dgm.cli.forecast import Forecast, forecast, is_free, new_run_ahead, resumed_run_ahead
from dgm.cli.image_plans import building_ahead
from dgm.cli.pull_plans import pull_plan, pull_words
from dgm.config import Budget, Price, RunConfig
from dgm.core.errors import ConfigError, UsageError
from dgm.wiring import ConfirmNew, ConfirmResumed

_NO_ESTIMATE = "No estimate: nothing is known of sessions on this benchmark yet."


def confirm_new_run(*, yes: bool, runs: Path | None) -> ConfirmNew:
    """Return what asks before a new run starts; see `_ask`.

    Args:
        yes: go on without asking.
        runs: where runs are that tell what sessions use.
    """

    def confirm(config: RunConfig, prices: Mapping[str, Price]) -> None:
        _say_what_images_it_takes(config)
        if _goes_without_saying(config, prices):
            return
        stages = outline_of(config).stages()
        found = _if_known(lambda: forecast(config, prices, basis_for(config, runs=runs), new_run_ahead(config, stages)))
        _say_or_ask(found, config, prices, yes=yes)

    return confirm


def confirm_resumed_run(*, yes: bool, children: int, workers: int, runs: Path | None) -> ConfirmResumed:
    """Return what asks before a run goes on; see `_ask`.

    Args:
        yes: go on without asking.
        children: how many the run is to have grown in the end.
        workers: how many sandboxes are to work at a time.
        runs: where other runs are that tell what sessions use.
    """

    def confirm(config: RunConfig, run: RunReader) -> None:
        prices = run.prices()
        _say_what_images_it_takes(config)
        if _goes_without_saying(config, prices):
            return
        stages = outline_of(config).stages()
        ahead = resumed_run_ahead(
            run, stages, children=children, workers=workers, evaluations=config.search.evaluations
        )
        spent_usd = run.spent().cost_usd
        found = _if_known(
            lambda: forecast(config, prices, basis_for(config, runs=runs, own=run), ahead, spent_usd=spent_usd)
        )
        if found is None or found.estimate.total.sessions.high > 0:
            _say_or_ask(found, config, prices, yes=yes)

    return confirm


def confirm_replay(config: RunConfig, prices: Mapping[str, Price], *, sessions: int, yes: bool) -> None:
    """Ask before an agent is measured again; see `_ask`.

    Args:
        config: of the replay.
        prices: of its models.
        sessions: how many it is to have.
        yes: go on without asking.
    """
    _say_what_images_it_takes(config)
    if is_free(prices):
        return
    most_usd = sessions * config.sessions.max_cost_usd
    cap_usd = config.budget.max_cost_usd
    is_capped = cap_usd is not None and cap_usd <= most_usd
    most = f"${cap_usd:,.2f}, the cap" if is_capped else f"${most_usd:,.2f} if none has to be repeated"
    _ask([f"{sessions} sessions with {config.models.agent.model}. At most: {most}."], config.budget, yes=yes)


def _say_what_images_it_takes(config: RunConfig) -> None:
    outline = outline_of(config)
    plan = pull_plan(config, outline)
    sentences = (building_ahead(outline), "" if plan is None else pull_words(plan))
    _print([sentence for sentence in sentences if sentence])


def _goes_without_saying(config: RunConfig, prices: Mapping[str, Price]) -> bool:
    """Return whether a run costs nothing and brings none of the images that make it a matter of hours."""
    return is_free(prices) and not outline_of(config).task_images()


def _say_or_ask(found: Forecast | None, config: RunConfig, prices: Mapping[str, Price], *, yes: bool) -> None:
    lines = [_NO_ESTIMATE] if found is None else short_lines(found)
    if is_free(prices):
        _print(lines)
    else:
        _ask(lines, config.budget, yes=yes)


def _if_known(make: Callable[[], Forecast]) -> Forecast | None:
    """Return an estimate, None where nothing is known to make it from: that must not keep a run from starting."""
    try:
        return make()
    except UsageError:
        return None


def _ask(estimate: Sequence[str], budget: Budget, *, yes: bool) -> None:
    """Print an estimate on standard error, and let a person on a terminal say whether to start.

    Without a terminal nobody can say: then a cap on the run stands for a yes.

    Raises:
        typer.Abort: the answer was no, or none.
        ConfigError: there is neither a terminal nor a cap, and `yes` was not said.
    """
    _print(estimate)
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        _require_cap(budget)
        return
    try:
        agreed = typer.confirm("Start?", err=True)
    except typer.Abort:
        typer.echo(err=True)  # ends the line that the question stands on
        agreed = False
    if not agreed:
        typer.echo("Nothing was started.", err=True)
        raise typer.Abort


def _require_cap(budget: Budget) -> None:
    if budget == Budget():
        raise ConfigError("There is no terminal to ask on; cap the run's cost with --max-cost USD, or say --yes.")


def _print(lines: Sequence[str]) -> None:
    from rich.text import Text

    from dgm.cli.screen import console

    screen = console(stderr=True)
    for line in lines:
        screen.print(Text(line))
