"""Simulated runs in several processes. Each seed is one job, and no result hangs on which process does it."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from typing import TypeAlias

import typer

from dgm.config import RunConfig
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.policies import POLICIES, Policy
from dgm.core.policies.ablations import ABLATIONS
from dgm.simulation import Course, simulate
from dgm.simulation.sweep import Entry, Sweep
from dgm.wiring import policy_of

Courses: TypeAlias = dict[Entry, list[Course]]
"""Of each entry those of the same seeds, from 0 on."""

_SECONDS_BETWEEN_LINES = 5.0


def require_policies(names: Sequence[str]) -> None:
    """Refuse names that stand for no policy.

    Raises:
        UnknownNameError: there is no such policy or ablation.
        ConfigError: none is named, or the policy has no such ablation.
    """
    if not names:
        raise ConfigError(f"--policies names none; there are: {', '.join(sorted(POLICIES))}.")
    for name in names:
        policy_named(name)


def policy_named(name: str) -> Policy:
    """Return the policy of a name such as "hgm" or "dgm:greedy".

    Raises:
        UnknownNameError: there is no such policy or ablation.
        ConfigError: the policy has no such ablation.
    """
    policy, _, ablation = name.partition(":")
    if ablation and ablation not in ABLATIONS:
        raise UnknownNameError(f"There is no ablation {ablation!r}; there are: {', '.join(sorted(ABLATIONS))}.")
    search = {"ablation": ablation} if ablation else {}
    return policy_of(RunConfig.model_validate({"policy": policy, "search": search}))


def simulated(sweep: Sweep, *, seeds: int, jobs: int | None) -> tuple[Courses, bool]:
    """Carry a sweep out, with lines of progress on standard error.

    Returns:
        The courses, and whether Ctrl-C ended it before all seeds were done: then those of the seeds that were.
    """
    courses: Courses = {entry: [] for entry in sweep.entries()}
    progress = _Progress(seeds, runs_per_seed=len(courses))
    try:
        for found in _by_seed(sweep, seeds, jobs=min(seeds, jobs or os.cpu_count() or 1)):
            for entry, course in zip(courses, found, strict=True):
                courses[entry].append(course)
            progress.seed_done()
    except KeyboardInterrupt:
        done = min(map(len, courses.values()))  # it may have come between two entries of a seed
        return {entry: found[:done] for entry, found in courses.items()}, True
    return courses, False


def courses_of_seed(sweep: Sweep, seed: int) -> list[Course]:
    """Return the course of each entry of a sweep by one seed."""
    return [
        simulate(policy_named(entry.policy), sweep.landscape, sweep.setting(entry), seed=seed)
        for entry in sweep.entries()
    ]


def _by_seed(sweep: Sweep, seeds: int, *, jobs: int) -> Iterator[list[Course]]:
    if jobs == 1:
        yield from map(partial(courses_of_seed, sweep), range(seeds))
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_leave_interrupts_to_the_parent)
    try:
        yield from pool.map(courses_of_seed, repeat(sweep, seeds), range(seeds))
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Progress:
    """Says on standard error how far a sweep is: on a terminal in place, else in a line now and then."""

    def __init__(self, seeds: int, *, runs_per_seed: int) -> None:
        self._seeds = seeds
        self._runs_per_seed = runs_per_seed
        self._done = 0
        self._said_at = time.monotonic()

    def seed_done(self) -> None:
        self._done += 1
        in_place, is_last = sys.stderr.isatty(), self._done == self._seeds
        if not in_place and not is_last and time.monotonic() - self._said_at < _SECONDS_BETWEEN_LINES:
            return
        self._said_at = time.monotonic()
        runs, of = self._done * self._runs_per_seed, self._seeds * self._runs_per_seed
        text = f"simulated {runs:,} of {of:,} runs"
        typer.echo(f"\r{text}" if in_place else text, err=True, nl=is_last or not in_place)
