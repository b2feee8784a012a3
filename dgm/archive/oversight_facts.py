"""Queries over what persons did to a run, and over its controls."""

from typing import cast

from dgm.archive.held import step_from_held
from dgm.archive.records import ControlRecord, HeldRecord, InterventionRecord, Row, commit_from, moment_from
from dgm.archive.statements import Statements
from dgm.core.controls import Controlled, StandingControl
from dgm.core.ids import TaskId
from dgm.core.oversight import Intervention, Review

_HELD = """
    SELECT held.decision, held.step, held.commit_id, held.code_hash, held.at,
        reviews.approved, reviews.reason, reviews.at
    FROM held LEFT JOIN reviews USING (decision)"""


class OversightFacts(Statements):
    """Few rows, however long the run."""

    def held(self) -> list[HeldRecord]:
        """Return all steps that ever waited for a person, by decision."""
        with self.sound():
            return [_held_from(row) for row in self.rows(f"{_HELD} ORDER BY held.decision")]

    def held_without_result(self) -> list[HeldRecord]:
        """Return the steps that wait for a person, or for their child to be tried after its review, by decision."""
        is_open = "NOT EXISTS (SELECT 1 FROM steps WHERE steps.decision = held.decision)"
        with self.sound():
            return [_held_from(row) for row in self.rows(f"{_HELD} WHERE {is_open} ORDER BY held.decision")]

    def approvals(self) -> int:
        """Return how many children a person approved."""
        return self.rows("SELECT count(*) FROM reviews WHERE approved")[0][0]

    def interventions(self) -> list[InterventionRecord]:
        """Return what persons did to the run as a whole, oldest first."""
        with self.sound():
            rows = self.rows("SELECT what, reason, at FROM interventions ORDER BY number")
            return [InterventionRecord(Intervention(what), reason, moment_from(at)) for what, reason, at in rows]

    def controls(self) -> list[ControlRecord]:
        """Return all controls, oldest first."""
        with self.sound():
            rows = self.rows("SELECT of, task, passed, summary, seconds, evaluations, at FROM controls ORDER BY number")
            return [
                ControlRecord(
                    StandingControl(cast("Controlled", of), TaskId(task), bool(passed), summary, seconds),
                    evaluations,
                    moment_from(at),
                )
                for of, task, passed, summary, seconds, evaluations, at in rows
            ]

    def evaluations_since_control(self) -> int:
        """Return how many measurements were recorded since controls all passed: the failed of a batch are last."""
        query = """
            SELECT (SELECT count(*) FROM evaluations) - coalesce(max(evaluations), 0)
            FROM controls WHERE passed AND number IN (SELECT max(number) FROM controls GROUP BY evaluations)"""
        return self.rows(query)[0][0]


def _held_from(row: Row) -> HeldRecord:
    decision, step, commit_id, code_hash, at, approved, reason, reviewed_at = row
    return HeldRecord(
        decision,
        step_from_held(step),
        commit=commit_from(commit_id),
        code_hash=code_hash,
        at=moment_from(at),
        review=None if approved is None else Review(bool(approved), reason),
        reviewed_at=reviewed_at,
    )
