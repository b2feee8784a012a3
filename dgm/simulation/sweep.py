"""A sweep: each policy with each number of workers, over many seeds, and what it comes to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from dgm.simulation.course import Course
from dgm.simulation.landscape import Landscape
from dgm.simulation.loop import Setting

REFERENCE = "dgm"
_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a sweep's tables."""

    policy: str
    workers: int
    has_barrier: bool = False
    """Whether its steps begin in rounds, as many at a time as there are workers."""

    @property
    def label(self) -> str:
        """How it is called on a screen."""
        return f"{self.policy}, rounds" if self.has_barrier else self.policy


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is compared."""

    policies: tuple[str, ...]
    """At least one, none twice."""
    landscape: Landscape
    workers: tuple[int, ...]
    children: int
    attempts: int | None = None
    evaluations: int | None = None

    @property
    def reference(self) -> str:
        """The policy that the others are compared with: dgm, or the first where that is not there."""
        return REFERENCE if REFERENCE in self.policies else self.policies[0]

    def entries(self) -> tuple[Entry, ...]:
        """Return what is run with each seed; the reference with a barrier too, where there are workers to wait."""
        found: list[Entry] = []
        for workers in self.workers:
            found += [Entry(policy, workers) for policy in self.policies]
            if workers > 1:
                found.append(Entry(self.reference, workers, has_barrier=True))
        return tuple(found)

    def setting(self, entry: Entry) -> Setting:
        """Return how the runs of an entry are carried out."""
        return Setting(
            workers=entry.workers,
            children=self.children,
            steps=self.attempts,
            evaluations=self.evaluations,
            round_size=entry.workers if entry.has_barrier else None,
        )


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds with its 95 % interval, by the normal approximation; no interval for a single seed."""

    value: float
    margin: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends."""
        return None if self.margin is None else (self.value - self.margin, self.value + self.margin)


@dataclass(frozen=True, slots=True)
class Summary:
    """What an entry's runs came to. Means are over seeds; qualities are true scores in [0, 1]."""

    entry: Entry
    seeds: int
    picked: Mean
    best: Mean
    evaluations: float
    steps: float
    children: float
    hours: float
    cost_usd: float
    busy: float
    steady: float
    reached: int
    """Seeds in which the picked agent was once as good as the reference's is in the end, in the mean over seeds."""
    evaluations_to_reach: float | None
    """Median of the evaluations until then; None where less than half of the seeds got there."""
    hours_to_reach: float | None


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of N >= 1 values."""
    margin = _NORMAL_95 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Mean(fmean(values), margin)


def summaries(sweep: Sweep, courses: Mapping[Entry, Sequence[Course]]) -> tuple[Summary, ...]:
    """Return a summary for each entry, in their order.

    Args:
        sweep: what was compared.
        courses: of each entry those of N >= 1 seeds, the same seeds for all.
    """
    goals = {
        workers: fmean(course.picked for course in courses[Entry(sweep.reference, workers)])
        for workers in sweep.workers
    }
    return tuple(_summary(entry, courses[entry], goal=goals[entry.workers]) for entry in sweep.entries())


def _summary(entry: Entry, courses: Sequence[Course], *, goal: float) -> Summary:
    reached = [point for course in courses if (point := course.first_with(goal)) is not None]
    return Summary(
        entry=entry,
        seeds=len(courses),
        picked=mean_of([course.picked for course in courses]),
        best=mean_of([course.best for course in courses]),
        evaluations=fmean(course.evaluations for course in courses),
        steps=fmean(course.steps for course in courses),
        children=fmean(course.children for course in courses),
        hours=fmean(course.seconds for course in courses) / 3600,
        cost_usd=fmean(course.cost_usd for course in courses),
        busy=fmean(course.busy for course in courses),
        steady=fmean(course.steady for course in courses),
        reached=len(reached),
        evaluations_to_reach=median_with_missing([point.evaluations for point in reached], of=len(courses)),
        hours_to_reach=median_with_missing([point.seconds / 3600 for point in reached], of=len(courses)),
    )


def median_with_missing(values: Sequence[float], *, of: int) -> float | None:
    """Return the (lower) median of `of` values of which those that are missing are larger than all; None if it is."""
    place = (of - 1) // 2
    return sorted(values)[place] if place < len(values) else None


@dataclass(frozen=True, slots=True)
class Band:
    """Quantiles over seeds of the picked agent's true score, at one place of a course."""

    at: float
    low: float
    median: float
    high: float


BAND = 0.8
"""Share of the seeds that a band holds."""


def bands(courses: Sequence[Course], places: Sequence[float], *, by_hours: bool) -> tuple[Band, ...]:
    """Return a band for each place, in evaluations or in hours; a run that has ended keeps what it came to."""
    found: list[Band] = []
    for place in places:
        values = sorted(_picked_at(course, place, by_hours=by_hours) for course in courses)
        low, median, high = (values[_nearest(share, len(values))] for share in ((1 - BAND) / 2, 0.5, (1 + BAND) / 2))
        found.append(Band(place, low, median, high))
    return tuple(found)


def _picked_at(course: Course, place: float, *, by_hours: bool) -> float:
    picked = course.points[0].picked if course.points else 0.0
    for point in course.points:
        if (point.seconds / 3600 if by_hours else point.evaluations) > place:
            break
        picked = point.picked
    return picked


def _nearest(share: float, count: int) -> int:
    return round(share * (count - 1))
