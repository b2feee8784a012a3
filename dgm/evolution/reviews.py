"""Children that wait to be seen by a person before they first run. While they wait, other work goes on."""

from dataclasses import replace

from dgm.core.actions import Rejection, Step
from dgm.core.errors import UsageError
from dgm.core.oversight import Approval, HeldStep, Review
from dgm.core.ports import Archive

_NO_REASON = "no reason was given"


class Reviews:
    """What is held of a run, and what may go on. Used by the engine's thread alone."""

    def __init__(self, archive: Archive, approval: Approval) -> None:
        self._archive = archive
        self._approval = approval
        self._held = {held.decision: held for held in archive.held()}
        self._approvals = archive.approvals()

    @property
    def is_wanted(self) -> bool:
        """Whether a child that is made from now on has to wait."""
        return self._approval.is_wanted(approvals=self._approvals)

    def waiting(self) -> tuple[HeldStep, ...]:
        """Return what waits for a person, oldest first."""
        return tuple(held for held in self._held.values() if held.review is None and self.is_wanted)

    def waits(self, decision: int) -> bool:
        """Return whether what a decision made waits for a person."""
        return any(held.decision == decision for held in self.waiting())

    def hold(self, decision: int, step: Step) -> None:
        """Record that a child waits."""
        self._archive.hold(decision, step)
        self._held = {held.decision: held for held in self._archive.held()}

    def judge(self, decision: int, review: Review) -> Step:
        """Record what a person said and return the step that it is about.

        Raises:
            UsageError: that step does not wait.
        """
        if not self.waits(decision):
            raise UsageError("That step does not wait for a review; `dgm review` lists those that do.")
        held = self._held[decision]
        self._archive.add_review(decision, review)
        self._held[decision] = replace(held, review=review)
        self._approvals += review.approved
        return held.step

    def approved(self, decision: int) -> Step | None:
        """Return the step of a decision whose child may run now, None where nothing is held of it."""
        held = self._held.get(decision)
        return None if held is None or (held.review is not None and not held.review.approved) else held.step

    def refused(self, decision: int) -> Step | None:
        """Return the step of a decision to which a person said no, as it is recorded."""
        held = self._held.get(decision)
        if held is None or held.review is None or held.review.approved:
            return None
        return replace(held.step, child=None, rejection=Rejection.NOT_APPROVED, detail=held.review.reason or _NO_REASON)

    def forget(self, decision: int) -> None:
        """Let go of a step that has its result."""
        self._held.pop(decision, None)
