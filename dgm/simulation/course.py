"""The course of a simulated run: how good the agent is that it would hand over, against what was spent until then."""

from collections.abc import Sequence
from dataclasses import dataclass

from dgm.core.scores import Score
from dgm.core.view import ArchiveView
from dgm.simulation.world import Effort, World


@dataclass(frozen=True, slots=True)
class Point:
    """From here on, until the next point."""

    evaluations: int
    """That had ended."""
    seconds: float
    """On the virtual clock."""
    cost_usd: float
    picked: float
    """True score of the agent that `dgm.core.scores.best_of` picks."""
    best: float
    """True score of the best agent that there is, which nobody knows."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a simulated run came to."""

    points: tuple[Point, ...]
    """One for each change of `picked` or `best`; at least one if anything was measured."""
    evaluations: int
    steps: int
    """Self-modification attempts, with a child or without."""
    children: int
    seconds: float
    """From the first start to the last end."""
    cost_usd: float
    faults: int
    busy: float
    """Share of all workers' time in which they were busy, ends included."""
    steady: float
    """The same in between: while there was work for one more worker.

    That is from the start of the first step, before which there is only the seed agent to measure, until a worker
    first stays free because all steps and evaluations that the run may still take are begun. As `busy` where no step
    was started.
    """

    @property
    def picked(self) -> float:
        """True score of the agent that is picked in the end, 0 where nothing was measured."""
        return self.points[-1].picked if self.points else 0.0

    @property
    def best(self) -> float:
        """True score of the best agent that there is in the end."""
        return self.points[-1].best if self.points else 0.0

    def first_with(self, score: float) -> Point | None:
        """Return the first point from which on the picked agent's true score was once at least `score`."""
        return next((point for point in self.points if point.picked >= score), None)


@dataclass(frozen=True, slots=True)
class Span:
    """Time in which a worker was busy."""

    start: float
    end: float
    is_step: bool


class Recorder:
    """Writes a course down while it happens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps_of: list[int] = []
        self._lows: list[float] = []
        self._picked = 0
        self._best = 0.0
        self._points: list[Point] = []
        self._spans: list[Span] = []
        self._evaluations = 0
        self._cost_usd = 0.0
        self._faults = 0
        self._ran_out_at: float | None = None

    def started(self, span: Span) -> None:
        """Note that a worker is busy."""
        self._spans.append(span)

    def ran_out(self, at_s: float) -> None:
        """Note that a worker stays free since nothing more may be begun."""
        if self._ran_out_at is None:
            self._ran_out_at = at_s

    def paid(self, effort: Effort) -> None:
        """Note what an action took."""
        self._cost_usd += effort.cost_usd
        self._faults += effort.faults

    def grown(self, step: int) -> None:
        """Note an agent, in the order in which the view numbers them."""
        self._steps_of.append(step)
        self._lows.append(-1.0)
        self._best = max(self._best, self._world.true_score(step))

    def measured(self, number: int, view: ArchiveView, *, at_s: float) -> None:
        """Note that agent `number` was measured once more."""
        self._evaluations += 1
        before, low = self._lows[number], _low(int(view.resolved[number]), int(view.attempted[number]))
        self._lows[number] = low
        if number == self._picked and low < before:
            self._picked = self._lows.index(max(self._lows))  # the oldest of equals, as `best_of` has it
        elif low > self._lows[self._picked] or (low == self._lows[self._picked] and number < self._picked):
            self._picked = number
        picked = self._world.true_score(self._steps_of[self._picked])
        if not self._points or (self._points[-1].picked, self._points[-1].best) != (picked, self._best):
            self._points.append(Point(self._evaluations, at_s, self._cost_usd, picked, self._best))

    def course(self, *, workers: int, seconds: float, steps: int) -> Course:
        """Return what was written down."""
        busy = _busy_share(self._spans, 0.0, seconds, workers=workers)
        first_step = next((span.start for span in self._spans if span.is_step), None)
        steady = busy
        if first_step is not None:
            end = seconds if self._ran_out_at is None else self._ran_out_at
            steady = _busy_share(self._spans, first_step, end, workers=workers)
        return Course(
            points=tuple(self._points),
            evaluations=self._evaluations,
            steps=steps,
            children=len(self._steps_of) - 1,
            seconds=seconds,
            cost_usd=self._cost_usd,
            faults=self._faults,
            busy=busy,
            steady=steady,
        )


def _low(resolved: int, attempted: int) -> float:
    return Score(resolved, attempted).low


def _busy_share(spans: Sequence[Span], start: float, end: float, *, workers: int) -> float:
    """Return the share of the workers' time between two moments in which they were busy, 1 where there is none."""
    if end <= start:
        return 1.0
    busy = sum(max(0.0, min(span.end, end) - max(span.start, start)) for span in spans)
    return busy / (workers * (end - start))
