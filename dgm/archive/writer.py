"""The one writer's side of a run: inserts facts and code, and answers from memory what the engine asks all the time."""

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from dgm.archive.database import DATABASE, close_after_writing, sql_errors
from dgm.archive.facts import Facts
from dgm.archive.images import require_same_image
from dgm.archive.inserts import (
    insert,
    insert_agent,
    insert_control,
    insert_decision,
    insert_held,
    insert_outcome,
    insert_reservation,
    insert_settlement,
    insert_step,
)
from dgm.archive.lock import RunLock
from dgm.archive.reader import RunReader
from dgm.archive.records import amount_of, storable, stored_outcome
from dgm.archive.spending import Spending
from dgm.config import Bounds
from dgm.core.actions import Action, Evaluate, Expand, Step
from dgm.core.agents import Agent, AgentTree
from dgm.core.controls import StandingControl
from dgm.core.errors import ArchiveError
from dgm.core.files import FileTree, tree_hash
from dgm.core.ids import AgentId, SessionId, agent_id
from dgm.core.outcomes import Outcome, Usage
from dgm.core.oversight import Intervention, Review
from dgm.core.ports import Attempt, Clock, Decision
from dgm.core.scores import Score

_AS_BEFORE = Bounds()


class RunArchive(RunReader):
    """A run open for writing: `dgm.core.ports.Archive`, safe to call from several threads.

    Every call that records something returns when it is on the disk. What is remembered here is only what was
    committed, so it equals what a reader finds in the file.
    """

    def __init__(self, directory: Path, *, connection: sqlite3.Connection, lock: RunLock, clock: Clock) -> None:
        super().__init__(directory, Facts(connection, directory / DATABASE))
        self._run_lock = lock
        self._clock = clock
        self._agents = super().agent_tree()
        self._scores = super().scores()
        self._proposals: dict[int, str] | None = None  # read when first asked for: most runs never ask
        self._open = {decision.number: decision for decision in super().open_decisions()}
        self._decided = super().decision_count()
        self._steps_done = super().steps_done()
        self._since_control = super().evaluations_since_control()
        self._ends_before = self._facts.count("ends")
        self._spending = Spending(self._facts)

    def close(self) -> None:
        """Let go of the files and of the lock."""
        with self._facts.lock:
            close_after_writing(self._facts.connection)
            self._run_lock.release()

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Answer all queries in this context from one moment: nothing is written meanwhile."""
        with self._facts.lock:
            yield

    # What the engine asks at every decision.

    def agent_tree(self) -> AgentTree:
        """Return all agents."""
        with self._facts.lock:
            return self._agents.as_it_is()

    def agent_count(self) -> int:
        """Return how many agents there are, the seed agent among them."""
        return len(self._agents)

    def scores(self) -> dict[AgentId, Score]:
        """Return the score of every agent by what selection sees, oldest first."""
        with self._facts.lock:
            return dict(self._scores)

    def proposals(self) -> tuple[str, ...]:
        """Return what each step that ended was to improve, oldest first, those without a diagnosis left out."""
        with self._facts.lock:
            if self._proposals is None:
                self._proposals = self._facts.proposals()
            return tuple(proposal for _, proposal in sorted(self._proposals.items()) if proposal)

    def steps_done(self) -> int:
        """Return how many self-modification attempts ended."""
        return self._steps_done

    def open_decisions(self) -> tuple[Decision, ...]:
        """Return what was chosen and has no result yet, oldest first."""
        with self._facts.lock:
            return tuple(self._open.values())

    def decision_count(self) -> int:
        """Return how many decisions were recorded."""
        return self._decided

    def evaluations_since_control(self) -> int:
        """Return how many measurements were recorded since the last controls that all passed; all if none did."""
        return self._since_control

    def spent(self) -> Usage:
        """Return what the whole run used, with calls that have no end at their worst case."""
        with self._facts.lock:
            return self._spending.total.usage

    def unsettled(self) -> Usage:
        """Return the worst case of the calls that have no end: under way, or nobody knows what they were billed."""
        with self._facts.lock:
            return self._spending.unsettled.usage

    # Facts.

    def start(self, *, children: int, bounds: Bounds = _AS_BEFORE) -> None:
        """Record that this process begins or goes on with the run, up to `children` children and with these bounds."""
        said = bounds.over(self.bounds())
        with self._transaction() as sql:
            start = insert(sql, "starts", at=self._clock.now(), pid=os.getpid(), children=children)
            if said != _AS_BEFORE:
                insert(sql, "bounds", start=start, **asdict(said))

    def end(self, reason: str) -> None:
        """Record why the run stopped: "finished", "drained", "stopped", "out of budget" or "fault: ...".

        A process ends once: the first reason stays where a second Ctrl-C comes just after it was recorded.
        """
        with self._transaction() as sql:
            if self._facts.count("ends") == self._ends_before:
                insert(sql, "ends", at=self._clock.now(), reason=storable(reason))

    def add_seed_agent(self, code: FileTree) -> Agent:
        """Add the root of the tree.

        Raises:
            ArchiveError: there is one already.
        """
        with self._facts.lock:
            if len(self._agents):
                raise ArchiveError("The run has a seed agent already.")
            agent = self._new_agent(code, step=0, parent=None)
            commit = self._code.add(agent, code, None)
            with self._transaction() as sql:
                insert_agent(sql, agent, commit=commit, code_hash=tree_hash(code))
            self._remember(agent)
            return agent

    def decide(self, action: Action) -> Decision:
        """Record what was chosen."""
        with self._facts.lock:
            decision = Decision(self._decided + 1, action)
            with self._transaction() as sql:
                insert_decision(sql, decision.number, action, at=self._clock.now())
            self._decided = decision.number
            self._open[decision.number] = decision
            return decision

    def begin_attempt(self, decision: int) -> Attempt:
        """Record that a decision is being carried out, once more."""
        with self._transaction() as sql:
            (earlier,) = sql.execute("SELECT count(*) FROM attempts WHERE decision = ?", (decision,)).fetchone()
            attempt = Attempt(decision, earlier + 1)
            insert(sql, "attempts", decision=decision, number=attempt.number, at=self._clock.now())
        return attempt

    def add_step(self, decision: int, step: Step) -> Agent | None:
        """Record the result of an `Expand` and, if it was accepted, its child: all or nothing.

        The child's code is stored first: killed in between, the run holds code that no fact names, and no fact whose
        code is missing.

        Raises:
            ArchiveError: that is not what the decision asked for, or it has a result already.
        """
        with self._facts.lock:
            self._require_step(decision, step)
            child = None if step.child is None else self._add_child(decision, step, step.child)
            if child is None:
                with self._transaction() as sql:
                    insert_step(sql, decision, step, at=self._clock.now())
            self._steps_done += 1
            if self._proposals is not None and step.diagnosis is not None:
                self._proposals[step.number] = step.diagnosis.improvement_proposal
            del self._open[decision]
            return child

    def add_outcome(self, decision: int, agent: AgentId, outcome: Outcome) -> None:
        """Record the result of an `Evaluate`.

        Raises:
            ArchiveError: that is not what the decision asked for, or this agent was measured on this task and trial
                before.
        """
        outcome = stored_outcome(outcome)
        with self._facts.lock:
            self._require_open(decision, Evaluate(agent, outcome.task, outcome.trial))
            with self._transaction() as sql:
                insert_outcome(sql, decision, agent, outcome, at=self._clock.now())
            del self._open[decision]
            self._since_control += 1
            if outcome.task not in self.held_out():
                score = self._scores[agent]
                self._scores[agent] = Score(score.resolved + outcome.resolved, score.attempted + 1)

    def hold(self, decision: int, step: Step) -> None:
        """Record a self-modification whose child waits to be seen by a person: nothing of it is done again.

        Raises:
            ArchiveError: that is not what the decision asked for, it is held already, or it has a result.
        """
        code = step.child
        if code is None:
            raise ArchiveError(f"Step {step.number} made no child that could be held.")
        with self._facts.lock:
            self._require_step(decision, step)
            now = self._clock.now()
            commit = self._code.hold(decision, step, code, at=now)
            with self._transaction() as sql:
                insert_held(sql, decision, step, commit=commit, code_hash=tree_hash(code), at=now)

    def add_review(self, decision: int, review: Review) -> None:
        """Record what a person said of what a decision made.

        Raises:
            ArchiveError: it is not held, or was reviewed before.
        """
        with self._transaction() as sql:
            insert(
                sql,
                "reviews",
                decision=decision,
                approved=review.approved,
                reason=storable(review.reason),
                at=self._clock.now(),
            )

    def add_intervention(self, what: Intervention, reason: str) -> None:
        """Record what a person did to the run."""
        with self._transaction() as sql:
            insert(sql, "interventions", what=what, reason=storable(reason), at=self._clock.now())

    def add_controls(self, controls: Sequence[StandingControl]) -> None:
        """Record what became of controls that were judged at once, all or none; those that failed go last."""
        with self._facts.lock:
            evaluations, now = self._facts.count("evaluations"), self._clock.now()
            with self._transaction() as sql:
                for control in sorted(controls, key=lambda control: not control.passed):
                    insert_control(sql, control, evaluations=evaluations, at=now)
            self._since_control = super().evaluations_since_control()

    def pin_image(self, name: str, digest: str) -> None:
        """Record what an image is that is used now for the first time, and that it still is what it was.

        Raises:
            ArchiveError: another digest is recorded.
        """
        with self._facts.lock:
            recorded = self.images().get(name)
            if recorded is None:
                with self._transaction() as sql:
                    insert(sql, "images", name=name, digest=digest)
            else:
                require_same_image(name, recorded=recorded, digest=digest)

    def add_fault(self, decision: int, message: str) -> None:
        """Record a fault of ours that ended an attempt."""
        with self._transaction() as sql:
            insert(sql, "faults", decision=decision, message=storable(message), at=self._clock.now())

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Record that call `number` (from 1) of a session is about to be sent.

        Raises:
            ArchiveError: it was reserved before.
        """
        amount = amount_of(worst_case).without_cache
        with self._facts.lock:
            with self._transaction() as sql:
                insert_reservation(sql, session, number, amount, at=self._clock.now())
            self._spending.reserve(session, number, amount)

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Record what it used. A call that cannot have been billed settles with zero tokens and cost.

        Raises:
            ArchiveError: it was not reserved, or is settled.
        """
        amount = amount_of(usage)
        with self._facts.lock:
            self._spending.require_reserved(session, number)
            with self._transaction() as sql:
                insert_settlement(sql, session, number, amount, at=self._clock.now())
            self._spending.settle(session, number, amount)

    # How.

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        connection = self._facts.connection
        with self._facts.lock, sql_errors(self.directory / DATABASE):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _require_open(self, decision: int, action: Action) -> None:
        known = self._open.get(decision)
        if known is None:
            raise ArchiveError(f"Decision {decision} was never made or has a result already.")
        if known.action != action:
            raise ArchiveError(f"Decision {decision} asked for {known.action}, not for {action}.")

    def _require_step(self, decision: int, step: Step) -> None:
        known = self._open.get(decision)
        editor = known.action.editor if known is not None and isinstance(known.action, Expand) else None
        self._require_open(decision, Expand(step.parent, step.number, editor=editor, partner=step.partner))

    def _add_child(self, decision: int, step: Step, code: FileTree) -> Agent:
        partners = () if step.partner is None else (step.partner,)
        child = self._new_agent(code, step=step.number, parent=self._agents[step.parent], partners=partners)
        commit = self._code.add(child, code, step)
        change = self._code.diff_stat(step.parent, commit)
        with self._transaction() as sql:
            insert_agent(sql, child, commit=commit, code_hash=tree_hash(code))
            insert_step(sql, decision, step, at=self._clock.now(), child=child.id, change=change)
        self._remember(child)
        return child

    def _new_agent(
        self, code: FileTree, *, step: int, parent: Agent | None, partners: tuple[AgentId, ...] = ()
    ) -> Agent:
        parent_id = None if parent is None else parent.id
        return Agent(
            id=agent_id(run_seed=self.facts().seed, step=step, parent=parent_id, code_hash=tree_hash(code)),
            parents=() if parent_id is None else (parent_id, *partners),
            generation=0 if parent is None else parent.generation + 1,
            step=step,
            created_at=self._clock.now(),
        )

    def _remember(self, agent: Agent) -> None:
        self._agents.add(agent)
        self._scores[agent.id] = Score(0, 0)
