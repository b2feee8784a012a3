"""Queries over the self-modifications that ended."""

from collections.abc import Collection, Sequence
from typing import Any

from dgm.archive.records import (
    BesideStep,
    StepRecord,
    optional_agent,
    past_step_from,
    proposal_in,
    step_from,
)
from dgm.archive.statements import Statements, json_list
from dgm.core.actions import EvidenceKind, Judgement, PastStep, Rejection
from dgm.core.ids import AgentId, SessionId


class StepFacts(Statements):
    """Each query reads no more of the steps than it tells of: their patches and diagnoses are long."""

    def steps(self) -> list[StepRecord]:
        """Return all steps that ended, by number."""
        return self._steps("1")

    def steps_to(self, children: Collection[AgentId]) -> list[StepRecord]:
        """Return the steps that made some agents, by number."""
        return self._steps("child IN (SELECT value FROM json_each(?))", json_list(children))

    def steps_from(self, parent: AgentId) -> list[PastStep]:
        """Return the steps that ended of which an agent is the first parent, by number."""
        query = "SELECT number, child, diagnosis, rejection, detail FROM steps WHERE parent = ? ORDER BY number"
        with self.sound():
            return [past_step_from(row, parent) for row in self.rows(query, (parent,))]

    def rejected_from(self, parent: AgentId) -> list[StepRecord]:
        """Return the steps that made no child of which an agent is the first parent, by number."""
        return self._steps("parent = ? AND rejection IS NOT NULL", parent)

    def proposals(self) -> dict[int, str]:
        """Return what steps were to improve, by number, of those that have a diagnosis."""
        with self.sound():
            rows = self.rows("SELECT number, diagnosis FROM steps WHERE diagnosis IS NOT NULL ORDER BY number")
            return {number: proposal_in(text) for number, text in rows}

    def child_of_step(self, number: int) -> AgentId | None:
        """Return the agent that a step made."""
        with self.sound():
            rows = self.rows("SELECT child FROM steps WHERE number = ?", (number,))
            return optional_agent(rows[0][0]) if rows else None

    def rejections(self) -> dict[Rejection, int]:
        """Return how many steps were rejected, by the reason."""
        query = "SELECT rejection, count(*) FROM steps WHERE rejection IS NOT NULL GROUP BY rejection"
        with self.sound():
            return {Rejection(reason): count for reason, count in self.rows(query)}

    def _steps(self, where: str, *values: str) -> list[StepRecord]:
        with self.sound():
            rows = self.rows(f"SELECT * FROM steps WHERE {where} ORDER BY number", values)  # noqa: S608
            # Asked after the steps, so that none lacks its own.
            among = f"step IN (SELECT number FROM steps WHERE {where}) ORDER BY step"  # noqa: S608
            names = self.grouped(f"SELECT step, session FROM step_sessions WHERE {among}, position", values)  # noqa: S608
            sessions = {step: tuple(map(SessionId, found)) for step, found in names.items()}
            beside = self._beside_steps(among, values)
            return [step_from(row, sessions.get(row[0], ()), beside.get(row[0], BesideStep())) for row in rows]

    def _beside_steps(self, among: str, values: Sequence[Any]) -> dict[int, BesideStep]:
        kinds = {step: kind for step, kind in self.rows(f"SELECT step, kind FROM evidence WHERE {among}", values)}  # noqa: S608, C416
        judgements = self.rows(f"SELECT step, is_new, reason FROM judgements WHERE {among}", values)  # noqa: S608
        judged = {step: Judgement(bool(is_new), reason) for step, is_new, reason in judgements}
        conflicts = self.grouped(f"SELECT step, path FROM conflicts WHERE {among}, position", values)  # noqa: S608
        others = f"SELECT steps.number AS step, editor, partner FROM partners JOIN steps USING (decision) WHERE {among}"  # noqa: S608
        partners = {step: (editor, partner) for step, editor, partner in self.rows(others, values)}
        found: dict[int, BesideStep] = {}
        for step in {*kinds, *judged, *conflicts, *partners}:
            editor, partner = partners.get(step, (None, None))
            found[step] = BesideStep(
                editor=optional_agent(editor),
                partner=optional_agent(partner),
                evidence_kind=EvidenceKind(kinds.get(step, EvidenceKind.UNRESOLVED)),
                judgement=judged.get(step),
                conflicts=tuple(conflicts[step]),
            )
        return found
