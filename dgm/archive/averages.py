"""What the sessions of runs used, for an estimate of another run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from dgm.archive.reader import RunReader
from dgm.config import REHEARSAL
from dgm.core.averages import Amounts, Averages, average_of
from dgm.core.counting import Share
from dgm.core.ids import SessionId, purpose_of
from dgm.core.outcomes import Outcome, Usage
from dgm.core.ports import Role
from dgm.core.scores import score_of
from dgm.core.stages import Stage

_NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Samples:
    """What was measured, one by one; `dgm.core.averages.Averages` says what a sample of each kind is."""

    seed: tuple[Amounts, ...] = ()
    child: tuple[Amounts, ...] = ()
    improve: tuple[Amounts, ...] = ()
    diagnose: tuple[Amounts, ...] = ()
    accepted: Share = _NOTHING
    passed: tuple[Share, ...] = field(default=())

    def __add__(self, other: "Samples") -> "Samples":
        """Return the samples of two runs of the same benchmark."""
        gates = max(len(self.passed), len(other.passed))
        passed = zip(_padded(self.passed, gates), _padded(other.passed, gates), strict=True)
        return Samples(
            seed=self.seed + other.seed,
            child=self.child + other.child,
            improve=self.improve + other.improve,
            diagnose=self.diagnose + other.diagnose,
            accepted=_both(self.accepted, other.accepted),
            passed=tuple(_both(one, two) for one, two in passed),
        )

    @property
    def averages(self) -> Averages | None:
        """Their averages, None where one kind was never measured."""
        if not (self.seed and self.child and self.improve):
            return None
        return Averages(
            seed=average_of(self.seed),
            child=average_of(self.child),
            improve=average_of(self.improve),
            diagnose=average_of(self.diagnose),
            accepted=self.accepted,
            passed=self.passed,
        )


def samples_of(run: RunReader, stages: Sequence[Stage]) -> Samples:
    """Return what a run measured.

    Args:
        run: finished or not.
        stages: of its benchmark, with the tasks that its selection sees.
    """
    with run.snapshot():
        calls, outcomes, steps = run.calls_by_session(), run.outcomes(), run.steps()
        root = run.seed_agent()
    simulated = _simulated(run)
    children = [measured for agent, measured in outcomes.items() if agent != root and measured]
    by_agent = [[_session(outcome, calls, simulated) for outcome in measured] for measured in children]
    return Samples(
        seed=tuple(_session(outcome, calls, simulated) for outcome in outcomes[root]),
        child=tuple(average_of(sessions).mean for sessions in by_agent),
        improve=tuple(
            replace(_used(step.sessions, Role.IMPROVE, calls, simulated), seconds=step.seconds) for step in steps
        ),
        diagnose=tuple(_used(step.sessions, Role.DIAGNOSE, calls, simulated) for step in steps),
        accepted=Share(sum(step.child is not None for step in steps), len(steps)),
        passed=_passed(children, stages, trials=run.config().trials),
    )


def amounts_by_role(run: RunReader) -> dict[Role, Amounts]:
    """Return what all sessions of each role used, attempts that were repeated included; without seconds."""
    calls, simulated = run.calls_by_session(), _simulated(run)
    return {role: _used(list(calls), role, calls, simulated) for role in run.config().models.by_role()}


def _simulated(run: RunReader) -> set[Role]:
    return {role for role, model in run.config().models.by_role().items() if model == REHEARSAL}


def _session(outcome: Outcome, calls: Mapping[SessionId, Sequence[Usage]], simulated: set[Role]) -> Amounts:
    return replace(_used([outcome.session], Role.AGENT, calls, simulated), seconds=outcome.seconds)


def _used(
    sessions: Sequence[SessionId], role: Role, calls: Mapping[SessionId, Sequence[Usage]], simulated: set[Role]
) -> Amounts:
    """Return what those of `sessions` used that were for a role."""
    found = [calls.get(session, ()) for session in sessions if purpose_of(session) == role.value]
    amounts = sum((_amounts(usage) for usages in found for usage in usages), Amounts())
    return _with_cache(amounts, found) if role in simulated else amounts


def _amounts(usage: Usage) -> Amounts:
    return Amounts(
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


def _with_cache(amounts: Amounts, sessions: Sequence[Sequence[Usage]]) -> Amounts:
    """Return what a provider's cache would have had of a simulated model's calls, which knows of none.

    As long as a conversation grows, each call's input begins with the one before it: that is read, the rest written.
    """
    read = sum(
        before.input_tokens
        for usages in sessions
        for before, after in pairwise(usages)
        if after.input_tokens > before.input_tokens
    )
    return replace(amounts, cache_read_tokens=read, cache_write_tokens=amounts.input_tokens - read)


def _passed(children: Sequence[Sequence[Outcome]], stages: Sequence[Stage], *, trials: int) -> tuple[Share, ...]:
    passed: list[Share] = []
    for number, stage in enumerate(stages[1:], start=1):
        wanted = {(task, trial) for earlier in stages[:number] for task in earlier.tasks for trial in range(trials)}
        each = [[outcome for outcome in measured if (outcome.task, outcome.trial) in wanted] for measured in children]
        complete = [outcomes for outcomes in each if len(outcomes) == len(wanted)]
        passed.append(Share(sum(score_of(outcomes).share > stage.above for outcomes in complete), len(complete)))
    return tuple(passed)


def _padded(shares: tuple[Share, ...], length: int) -> tuple[Share, ...]:
    return shares + (_NOTHING,) * (length - len(shares))


def _both(one: Share, other: Share) -> Share:
    return Share(one.some + other.some, one.of + other.of)
