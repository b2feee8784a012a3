"""The plot of `dgm simulate`: true quality against evaluations and against time, a row for each number of workers."""

# pyright: reportUnknownMemberType=false
# The stubs of matplotlib leave the types of keyword arguments out.

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from dgm.cli.simulation_views import NOTE, Results, course_bands
from dgm.core.errors import UsageError
from dgm.simulation.sweep import BAND, Entry

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

_FORMATS = (".png", ".svg", ".pdf")
# Colours that those who see red and green alike can tell apart. Source: Okabe and Ito 2008, "Color Universal Design".
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_ROW_INCHES = 3.1
_BAND_OPACITY = 0.15


def require_plotting(path: Path) -> None:
    """Refuse a plot that could not be written, before anything is simulated.

    Raises:
        UsageError: its library is missing, or the file cannot be.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"--plot {path}: give a file that ends with {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}.")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--plot {path}: there is no directory {path.parent}.")
    if find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install 'dgm[plots]', in a checkout scripts/environment plots.")


def write_plot(results: Results, path: Path) -> None:
    """Write the plot.

    Raises:
        UsageError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    workers = results.sweep.workers
    figure = Figure(figsize=(11, 1.4 + _ROW_INCHES * len(workers)), layout="constrained")
    rows = figure.subplots(len(workers), 2, sharey=True, squeeze=False)
    for number, (left, right) in zip(workers, rows, strict=True):
        _panel(left, results, workers=number, by_hours=False)
        _panel(right, results, workers=number, by_hours=True)
        left.set_ylabel(f"{number} worker{'' if number == 1 else 's'}\ntrue quality (%)")
    rows[-1][0].set_xlabel("evaluations")
    rows[-1][1].set_xlabel("hours on the virtual clock")
    figure.suptitle(
        f"Landscape {results.sweep.landscape.name}: the agent that a run would hand over\n"
        f"median and middle {BAND:.0%} of {results.seeds} seeds. {NOTE}",
        fontsize=9,
    )
    lines, labels = rows[-1][0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise UsageError(f"--plot {path}: it cannot be written: {error.strerror}.") from error


def _panel(axes: Axes, results: Results, *, workers: int, by_hours: bool) -> None:
    for number, policy in enumerate(results.sweep.policies):
        found = course_bands(results.courses[Entry(policy, workers)], by_hours=by_hours)
        places = [band.at for band in found]
        colour = _COLOURS[number % len(_COLOURS)]
        axes.fill_between(
            places,
            [100 * band.low for band in found],
            [100 * band.high for band in found],
            color=colour,
            alpha=_BAND_OPACITY,
            linewidth=0,
        )
        axes.plot(
            places,
            [100 * band.median for band in found],
            color=colour,
            linestyle=_STYLES[number // len(_COLOURS) % len(_STYLES)],
            label=policy,
        )
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
