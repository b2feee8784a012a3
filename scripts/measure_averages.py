"""Prints the averages of all finished runs in a directory, and how well each of them foretells the others.

The first part is what `benchmarks/NAME/rehearsed.toml` holds. The second takes every ordered pair of runs: an estimate
from the averages of one, for the configuration of the other, beside what the other really used. Dollars are those of a
price for the arithmetic alone, since rehearsals cost nothing: $3 in, $15 out, $0.30 and $3.75 from and to the cache.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from dgm.archive.averages import Samples, amounts_by_role, samples_of
from dgm.archive.processes import RunState
from dgm.archive.reader import RunReader, read_run
from dgm.benchmarks.averages import averages_toml
from dgm.benchmarks.catalogue import benchmark_of
from dgm.cli.forecast import new_run_ahead
from dgm.core.averages import Amounts, FlatRates
from dgm.core.counting import Range
from dgm.core.estimate import Ahead, estimate
from dgm.core.ports import Role
from dgm.wiring.searching import selected_stages

RATES = FlatRates(input_usd=3.0, output_usd=15.0, cache_read_usd=0.3, cache_write_usd=3.75)
ROLES = (Role.AGENT, Role.IMPROVE, Role.DIAGNOSE)


@dataclass(frozen=True)
class Measured:
    """One run: what there was to do, what its sessions used one by one, and what that came to."""

    ahead: Ahead
    samples: Samples
    truth: dict[str, float]


def main(argv: Sequence[str]) -> None:
    """Print both parts for the runs in the directory that is named."""
    runs = [
        found for path in sorted(Path(argv[0]).iterdir()) if (path / "archive.db").exists() for found in _read(path)
    ]
    averages = sum((run.samples for run in runs), Samples()).averages
    assert averages is not None, "no run has a measured child"
    print(averages_toml(averages))
    print(f"# {len(runs)} runs, {len(runs) * (len(runs) - 1)} estimates of one from another; how often the truth was")
    print("# | quantity | in the range | above | below | high/low in the median |")
    for name, pairs in _pairs(runs).items():
        inside = sum(found.low <= truth <= found.high for found, truth in pairs)
        above = sum(truth > found.high for found, truth in pairs)
        widths = sorted(found.high / found.low for found, _ in pairs)
        print(
            f"# | {name} | {inside / len(pairs):.0%} | {above / len(pairs):.0%} | "
            f"{1 - (inside + above) / len(pairs):.0%} | {widths[len(widths) // 2]:.1f} |"
        )


def _read(path: Path) -> Iterator[Measured]:
    with read_run(path) as run:
        if run.state() is RunState.FINISHED:
            config = run.config()
            stages = benchmark_of(config).stages()
            samples = samples_of(run, selected_stages(stages, run.held_out()))
            yield Measured(new_run_ahead(config, stages), samples, _truth(run))


def _truth(run: RunReader) -> dict[str, float]:
    by_role = amounts_by_role(run)
    all_of_them = sum(by_role.values(), Amounts())
    return {
        "steps": run.steps_done(),
        "sessions": run.evaluation_count() + 2 * run.steps_done(),
        "model calls": all_of_them.calls,
        "input tokens": all_of_them.input_tokens,
        "input from cache": all_of_them.cache_read_tokens,
        "output tokens": all_of_them.output_tokens,
        "dollars": all_of_them.cost_usd(RATES),
        "hours": run.elapsed_seconds(now=0.0) / 3600,
    }


def _pairs(runs: Sequence[Measured]) -> dict[str, list[tuple[Range, float]]]:
    pairs: dict[str, list[tuple[Range, float]]] = {name: [] for name in runs[0].truth}
    for one, other in permutations(runs, 2):
        averages = one.samples.averages
        if averages is None:
            continue
        found = estimate(other.ahead, averages, dict.fromkeys(ROLES, RATES))
        ranges = {
            "steps": found.steps,
            "sessions": found.total.sessions,
            "model calls": found.total.calls,
            "input tokens": found.total.input_tokens,
            "input from cache": found.total.cached_tokens,
            "output tokens": found.total.output_tokens,
            "dollars": found.total.cost_usd,
            "hours": found.hours,
        }
        for name, truth in other.truth.items():
            pairs[name].append((ranges[name], truth))
    return pairs


if __name__ == "__main__":
    main(sys.argv[1:])
