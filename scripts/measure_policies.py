"""Prints the table of `scripts/measure-policies` from what `dgm best` and `dgm status` said of each run."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

# Quantiles of Student's distribution for a 95 % interval, by the degrees of freedom.
_STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


def main(runs: Path, seeds: int, policies: Sequence[str]) -> None:
    """Print one row for each policy."""
    print("| policy | seed agent | best agent | gain, held out: points | agents | steps | evaluations | minutes |")
    print("|---|---|---|---|---|---|---|---|")
    for policy in policies:
        names = [f"{policy.replace(':', '-')}-{seed}" for seed in range(seeds)]
        best = [read(runs / f"{name}.best.json") for name in names]
        status = [read(runs / f"{name}.status.json") for name in names]
        held_out = [answer["held_out"] for answer in best]
        first = [share(each["seed"]) for each in held_out]
        last = [share(each["best"]) for each in held_out]
        gains = [after - before for before, after in zip(first, last, strict=True)]
        print(
            f"| {policy} | {interval(first)} | {interval(last)} | {interval(gains)} "
            f"| {mean(each['agents'] for each in status):.0f} "
            f"| {mean(sum(each['steps'].values()) for each in status):.0f} "
            f"| {mean(each['evaluations'] for each in status):.0f} "
            f"| {mean(each['elapsed_s'] for each in status) / 60:.1f} |"
        )


def read(path: Path) -> dict[str, Any]:
    """Return an answer of the command line."""
    return json.loads(path.read_text("utf-8"))


def share(score: dict[str, Any]) -> float:
    """Return a score in per cent."""
    return 100 * score["resolved"] / score["attempted"]


def interval(values: Sequence[float]) -> str:
    """Return the mean with the 95 % interval of the mean over seeds."""
    if len(values) - 1 not in _STUDENT:
        return f"{mean(values):.0f}"
    half = _STUDENT[len(values) - 1] * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.0f} ± {half:.0f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
