"""Prints what policies come to on simulated landscapes, as Markdown tables. Every figure is a mean over seeds.

Qualities are true scores in per cent of the agent that a run would hand over, with 95 % intervals over seeds.
Differences are paired: the same seed is the same landscape, with the same chance in it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import fmean

from dgm.cli.simulated import policy_named
from dgm.cli.simulation_views import quality_words
from dgm.simulation import PRESETS, Course, Landscape, Setting, simulate
from dgm.simulation.sweep import Mean, mean_of

ABLATIONS = ("dgm:no-self-improve", "dgm:no-open-ended", "dgm:greedy")
SHARES = (1.0, 1 / 2, 1 / 3)
PAPER = Setting(children=80, steps=80)
"""The paper's run: 80 attempts, of which about half make a child."""
GROWN = Setting(children=80)
"""A run until 80 children are there."""
CORRELATIONS = (0.0, -0.6)
WORKERS = 16


@dataclass(frozen=True)
class Case:
    """One policy on one landscape."""

    policy: str
    landscape: Landscape
    setting: Setting


def course(case: Case, seed: int) -> Course:
    """Carry out one run."""
    return simulate(policy_named(case.policy), case.landscape, case.setting, seed=seed)


class Bench:
    """Carries cases out in all processes of the machine."""

    def __init__(self, pool: ProcessPoolExecutor, seeds: int) -> None:
        self._pool = pool
        self._seeds = seeds

    def courses(self, policy: str, landscape: Landscape, setting: Setting) -> list[Course]:
        """Return the course of each seed."""
        case = Case(policy, landscape, setting)
        return list(self._pool.map(course, [case] * self._seeds, range(self._seeds), chunksize=10))


def main(argv: Sequence[str]) -> None:
    """Print a table, or all of them."""
    seeds = int(argv[0]) if argv else 200
    wanted = argv[1] if len(argv) > 1 else "all"
    challengers = ("hgm", "auto", *argv[2:])
    presets = tuple(PRESETS.values())
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        bench = Bench(pool, seeds)
        tables: dict[str, Callable[[], None]] = {
            "ablations": lambda: print_ablations(bench),
            "attempts": lambda: print_challengers(bench, challengers, "80 attempts", PAPER, presets),
            "children": lambda: print_challengers(bench, challengers, "80 children", GROWN, presets),
            "half": lambda: print_challengers(bench, ("hgm",), "80 attempts", PAPER, presets, shares=(1 / 2,)),
            "correlations": lambda: print_challengers(bench, challengers, "80 children", GROWN, correlated()),
            "utilisation": lambda: print_utilisation(bench),
        }
        for name, print_table in tables.items():
            if wanted in {"all", name}:
                print_table()


def print_ablations(bench: Bench) -> None:
    """Print dgm beside its ablations, 80 attempts each."""
    print("\n## dgm and its ablations, 80 attempts, 1 worker\n")
    print("| landscape | policy | true quality | dgm is better by | children of attempts | evaluations | dollars |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for landscape in PRESETS.values():
        of_dgm = bench.courses("dgm", landscape, PAPER)
        for policy in ("dgm", *ABLATIONS):
            found = of_dgm if policy == "dgm" else bench.courses(policy, landscape, PAPER)
            made = sum(each.children for each in found) / sum(each.steps for each in found)
            print(
                f"| {landscape.name} | {policy} | {qualities(found)} "
                f"| {'' if policy == 'dgm' else difference(of_dgm, found)} | {made:.0%} "
                f"| {fmean(each.evaluations for each in found):,.0f} | {fmean(each.cost_usd for each in found):,.0f} |",
                flush=True,
            )


def correlated() -> Sequence[Landscape]:
    """Return landscape `disagree` with other correlations."""
    return [
        replace(PRESETS["disagree"], name=f"disagree, correlation {value:g}", correlation=value)
        for value in CORRELATIONS
    ]


def print_challengers(
    bench: Bench,
    policies: Sequence[str],
    title: str,
    setting: Setting,
    landscapes: Sequence[Landscape],
    *,
    shares: Sequence[float] = SHARES,
) -> None:
    """Print what other policies come to with a part of dgm's evaluations."""
    print(f"\n## With a part of the evaluations that dgm takes for {title}, 1 worker\n")
    print("| landscape | policy | evaluations | of dgm's | true quality | better than dgm by | dollars |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for landscape in landscapes:
        of_dgm = bench.courses("dgm", landscape, setting)
        whole = round(fmean(each.evaluations for each in of_dgm))
        print(f"| {landscape.name} | dgm | {whole:,} | 1 | {qualities(of_dgm)} | | {dollars(of_dgm)} |", flush=True)
        for policy in policies:
            for share in shares:
                bound = replace(GROWN, evaluations=round(share * whole))
                found = bench.courses(policy, landscape, bound)
                print(
                    f"| {landscape.name} | {policy} | {fmean(each.evaluations for each in found):,.0f} | {share:.2f} "
                    f"| {qualities(found)} | {difference(found, of_dgm)} | {dollars(found)} |",
                    flush=True,
                )


def print_utilisation(bench: Bench) -> None:
    """Print how busy workers are without a barrier and with one."""
    print(f"\n## How busy {WORKERS} workers are, 80 children, landscape disagree\n")
    print("Between: from the first step's start until a worker first stays free because all steps are begun.\n")
    print("| policy | barrier | busy between | busy in all | hours | true quality |")
    print("|---|---|---|---|---|---|", flush=True)
    for policy in ("dgm", "hgm"):
        for rounds in (None, WORKERS, 2) if policy == "dgm" else (None,):
            setting = replace(GROWN, workers=WORKERS, round_size=rounds)
            found = bench.courses(policy, PRESETS["disagree"], setting)
            print(
                f"| {policy} | {'none' if rounds is None else f'rounds of {rounds}'} "
                f"| {fmean(each.steady for each in found):.1%} | {fmean(each.busy for each in found):.1%} "
                f"| {fmean(each.seconds for each in found) / 3600:,.1f} | {qualities(found)} |",
                flush=True,
            )


def qualities(found: Sequence[Course]) -> str:
    """Return the mean true quality in words."""
    return quality_words(mean_of([each.picked for each in found]))


def difference(ours: Sequence[Course], theirs: Sequence[Course]) -> str:
    """Return by how many points the first ones are better, seed by seed."""
    return _points(mean_of([one.picked - other.picked for one, other in zip(ours, theirs, strict=True)]))


def dollars(found: Sequence[Course]) -> str:
    """Return what a run costs."""
    return f"{fmean(each.cost_usd for each in found):,.0f}"


def _points(mean: Mean) -> str:
    margin = "" if mean.margin is None else f" ± {100 * mean.margin:.1f}"
    return f"{100 * mean.value:+.1f}{margin}"


if __name__ == "__main__":
    main(sys.argv[1:])
