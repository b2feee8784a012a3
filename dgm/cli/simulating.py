"""The verb `simulate`: policies against made-up landscapes. It needs no key, no Docker and no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli import exit_codes

if TYPE_CHECKING:
    from dgm.simulation.fitting import Fit

_MOST_WORKERS = 4096


def simulate(
    policies: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Separated by commas; an ablation stands behind a colon: dgm:greedy."),
    ] = "dgm,hgm",
    landscape: Annotated[
        str, typer.Option(metavar="NAME", help="agree, disagree or rugged: how quality and improvability go together.")
    ] = "disagree",
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Fit the landscape to this run; NAME has what a run cannot tell."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each policy is run with each number of workers.")] = 20,
    children: Annotated[int, typer.Option(min=1, help="How many children a run grows.")] = 40,
    attempts: Annotated[
        int | None, typer.Option(min=1, help="At most so many self-modifications; three for each child unless given.")
    ] = None,
    evaluations: Annotated[
        int | None, typer.Option(min=1, help="At most so many measurements; no bound unless given.")
    ] = None,
    workers: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Numbers of workers, separated by commas.")
    ] = "1,4,16,64",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes to simulate with; no result hangs on it. All cores by default.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a plot to this .png, .svg or .pdf (extra `plots`).")
    ] = None,
    runs_dir: Annotated[
        Path | None, typer.Option("--runs-dir", metavar="DIR", help="Where the run of --from is kept.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare policies on a made-up landscape: thousands of runs on a virtual clock, without models or containers.

    Each agent has a true quality and an improvability that need not agree. Shown is the true quality of the agent that
    a run would hand over, against evaluations, time and dollars, with 95 % intervals over seeds; and the first policy,
    or dgm, once more in rounds that wait for their slowest step. What a landscape makes up is no evidence on models.

    For example: dgm simulate --policies dgm,dgm:greedy,hgm --landscape rugged --seeds 50 --plot rugged.png
    """
    from dgm.cli import screen
    from dgm.cli.answers import json_text
    from dgm.cli.simulated import require_policies, simulated
    from dgm.cli.simulation_plot import require_plotting, write_plot
    from dgm.cli.simulation_views import Results, results_answer, results_view
    from dgm.simulation.sweep import Sweep

    names = _names(policies)
    require_policies(names)
    numbers = _numbers(workers)
    fit = _landscape(landscape, from_, runs_dir)
    if plot is not None:
        require_plotting(plot)
    sweep = Sweep(names, fit.landscape, numbers, children, attempts, evaluations)
    courses, was_interrupted = simulated(sweep, seeds=seeds, jobs=jobs)
    done = len(next(iter(courses.values()), ()))
    if done:
        results = Results(sweep, courses, wanted=seeds, notes=fit.notes)
        if json_:
            typer.echo(json_text(results_answer(results)))
        else:
            screen.show(results_view(results))
        if plot is not None:
            write_plot(results, plot)
    if was_interrupted:
        raise typer.Exit(exit_codes.INTERRUPTED)


def _names(text: str) -> tuple[str, ...]:
    """Return the names in a list, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _numbers(text: str) -> tuple[int, ...]:
    from dgm.core.errors import UsageError

    found = _names(text)
    if not found or not all(map(_is_a_number_of_workers, found)):
        raise UsageError(f"--workers {text[:100]!r}: give numbers from 1 to {_MOST_WORKERS}, separated by commas.")
    return tuple(dict.fromkeys(map(int, found)))


def _is_a_number_of_workers(name: str) -> bool:
    # The length first: int() refuses thousands of digits.
    is_short = len(name) <= len(str(_MOST_WORKERS))
    return is_short and name.isascii() and name.isdigit() and 1 <= int(name) <= _MOST_WORKERS


def _landscape(name: str, run: str | None, runs_dir: Path | None) -> "Fit":
    """Return the landscape of that name, or one that is fitted to a run.

    Raises:
        UnknownNameError: there is no such landscape or run.
        UsageError: too little was measured in the run.
    """
    from dgm.archive.reader import read_run
    from dgm.cli.recorded_facts import facts_of
    from dgm.cli.runs import existing_run_directory
    from dgm.core.errors import UnknownNameError
    from dgm.simulation.fitting import Fit, fitted
    from dgm.simulation.landscape import PRESETS

    if name not in PRESETS:
        raise UnknownNameError(f"There is no landscape {name!r}; there are: {', '.join(sorted(PRESETS))}.")
    base = PRESETS[name]
    if run is None:
        return Fit(base, ())
    with read_run(existing_run_directory(run, runs=runs_dir)) as found, found.snapshot():
        return fitted(facts_of(found), base)
