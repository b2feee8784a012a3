"""Queries over `archive.db`. Each returns what was committed when it was asked."""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dgm.archive.codestore import CommitId
from dgm.archive.costs import SessionCost, session_cost
from dgm.archive.database import sql_errors
from dgm.archive.records import (
    Amount,
    End,
    Fault,
    Row,
    RunFacts,
    Start,
    StepRecord,
    action_from,
    agent_from,
    commit_from,
    moment_from,
    outcome_from,
    step_from,
)
from dgm.core.agents import Agent
from dgm.core.errors import CorruptArchiveError, UnknownNameError
from dgm.core.ids import AgentId, SessionId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Decision
from dgm.core.scores import Score

_OUTCOME = """
    number, task, trial, verdict, summary, seconds, session, patch, dropped_paths, calls, input_tokens, output_tokens,
    nanos"""

_IS_FLAGGED = "EXISTS (SELECT 1 FROM flags WHERE evaluation = evaluations.number)"

_UNSETTLED = """
    SELECT session, number, calls, input_tokens, output_tokens, nanos, 0 AS read_tokens, 0 AS written_tokens
    FROM reservations r
    WHERE NOT EXISTS (SELECT 1 FROM settlements s WHERE s.session = r.session AND s.number = r.number)"""

_SETTLED = """
    SELECT session, number, calls, input_tokens, output_tokens, nanos,
        coalesce(read_tokens, 0) AS read_tokens, coalesce(written_tokens, 0) AS written_tokens
    FROM settlements LEFT JOIN cached USING (session, number)"""

_CALLS = f"{_SETTLED} UNION ALL {_UNSETTLED}"

_SUMS = """
    coalesce(sum(calls), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(nanos), 0),
    coalesce(sum(read_tokens), 0), coalesce(sum(written_tokens), 0)"""

_LAST_SIGN_OF_LIFE = """
    SELECT max(at) FROM (
        SELECT at FROM starts UNION ALL SELECT at FROM ends UNION ALL SELECT at FROM decisions
        UNION ALL SELECT at FROM attempts UNION ALL SELECT at FROM steps UNION ALL SELECT at FROM evaluations
        UNION ALL SELECT at FROM reservations UNION ALL SELECT at FROM settlements UNION ALL SELECT at FROM faults)
    WHERE at < ?"""


class Facts:
    """One connection for all threads of this process, one statement at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.lock = threading.RLock()

    @property
    def connection(self) -> sqlite3.Connection:
        """For writing, by whoever holds `lock`."""
        return self._connection

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self.lock, sql_errors(self._path):
            return self._connection.execute(query, values).fetchall()

    def run(self) -> RunFacts:
        """Return what the run is."""
        with self._sound():
            rows = self.rows(
                "SELECT name, created_at, dgm_version, image, image_digest, policy, benchmark, model, seed FROM run"
            )
            run = RunFacts(*rows[0])
            moment_from(run.created_at)
            return run

    def images(self) -> dict[str, str]:
        """Return the digest of each image that was recorded beside the run's one, by name; none in an old archive."""
        with self._sound():
            rows = self.rows("SELECT name, digest FROM images ORDER BY name")
            return {row[0]: row[1] for row in rows}

    def agents(self) -> list[Agent]:
        """Return all agents in the order of their creation."""
        with self._sound():
            parents: dict[str, list[AgentId]] = defaultdict(list)
            for agent, parent in self.rows("SELECT agent, parent FROM parents ORDER BY agent, position"):
                parents[agent].append(AgentId(parent))
            rows = self.rows("SELECT id, generation, step, created_at FROM agents ORDER BY number")
            return [
                agent_from(agent, tuple(parents[agent]), generation, step, created_at)
                for agent, generation, step, created_at in rows
            ]

    def outcomes(self) -> dict[AgentId, list[Outcome]]:
        """Return the outcomes of all agents that have any, in the order of their recording."""
        with self._sound():
            found: dict[AgentId, list[Outcome]] = defaultdict(list)
            rows = self.rows(f"SELECT agent, {_OUTCOME} FROM evaluations ORDER BY number")  # noqa: S608
            flags = self._flags()
            for agent, number, *row in rows:
                found[AgentId(agent)].append(outcome_from(row, tuple(flags[number])))
            return found

    def outcomes_of(self, agent: AgentId) -> list[Outcome]:
        """Return one agent's outcomes in the order of their recording."""
        query = f"SELECT {_OUTCOME} FROM evaluations WHERE agent = ? ORDER BY number"  # noqa: S608
        with self._sound():
            rows, flags = self.rows(query, (agent,)), self._flags()
            return [outcome_from(row, tuple(flags[number])) for number, *row in rows]

    def scores(self) -> dict[AgentId, Score]:
        """Return the scores of all agents that have any, without reading what they are made of."""
        query = f"SELECT agent, sum(verdict = ? AND NOT {_IS_FLAGGED}), count(*) FROM evaluations GROUP BY agent"  # noqa: S608
        with self._sound():
            return {AgentId(row[0]): Score(row[1], row[2]) for row in self.rows(query, (Verdict.RESOLVED,))}

    def flagged_count(self) -> int:
        """Return how many measurements are resolved by their verdict and do not count, since they are flagged."""
        query = f"SELECT count(*) FROM evaluations WHERE verdict = ? AND {_IS_FLAGGED}"  # noqa: S608
        return self.rows(query, (Verdict.RESOLVED,))[0][0]

    def commit_and_hash(self, agent: AgentId) -> tuple[CommitId, str]:
        """Return the commit that holds an agent's code, and the SHA-256 of that code."""
        with self._sound():
            rows = self.rows("SELECT commit_id, code_hash FROM agents WHERE id = ?", (agent,))
            if not rows:
                raise UnknownNameError(f"No agent is called {agent!r}; `dgm tree` lists the agents of a run.")
            return commit_from(rows[0][0]), rows[0][1]

    def steps(self) -> list[StepRecord]:
        """Return all steps that ended, by number."""
        with self._sound():
            sessions: dict[int, list[SessionId]] = defaultdict(list)
            for step, session in self.rows("SELECT step, session FROM step_sessions ORDER BY step, position"):
                sessions[step].append(SessionId(session))
            rows = self.rows("SELECT * FROM steps ORDER BY number")
            return [step_from(row, tuple(sessions[row[0]])) for row in rows]

    def decisions(self) -> list[Decision]:
        """Return all decisions by number."""
        return self._decisions("")

    def open_decisions(self) -> list[Decision]:
        """Return the decisions that have no result."""
        return self._decisions(
            "WHERE number NOT IN (SELECT decision FROM steps) AND number NOT IN (SELECT decision FROM evaluations)"
        )

    def count(self, table: str) -> int:
        """Return the number of rows of a table of ours."""
        return self.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608

    def spent(self) -> Amount:
        """Return what all calls used, those without an end at their worst case."""
        with self._sound():
            return Amount(*self.rows(f"SELECT {_SUMS} FROM ({_CALLS})")[0])  # noqa: S608

    def unsettled(self) -> dict[tuple[SessionId, int], Amount]:
        """Return the worst case of the calls without an end."""
        with self._sound():
            return {(SessionId(row[0]), row[1]): Amount(*row[2:]) for row in self.rows(_UNSETTLED)}

    def spent_by_session(self) -> dict[SessionId, Amount]:
        """Return what each session used; see `spent`."""
        query = f"SELECT session, {_SUMS} FROM ({_CALLS}) GROUP BY session"  # noqa: S608
        with self._sound():
            return {SessionId(session): Amount(*amounts) for session, *amounts in self.rows(query)}

    def calls_by_session(self) -> dict[SessionId, list[Amount]]:
        """Return what each call of each session used, in their order; see `spent`."""
        found: dict[SessionId, list[Amount]] = defaultdict(list)
        with self._sound():
            for session, _, *amounts in self.rows(f"{_CALLS} ORDER BY session, number"):
                found[SessionId(session)].append(Amount(*amounts))
        return found

    def session_costs(self) -> list[SessionCost]:
        """Return what each session used and what it was for."""
        with self._sound():
            spent = self.spent_by_session()  # before the decisions: none of its sessions then lacks its own
            actions = {decision.number: decision.action for decision in self.decisions()}
            return [session_cost(session, amount, actions) for session, amount in spent.items()]

    def starts(self) -> list[Start]:
        """Return when processes began or went on with the run, oldest first."""
        with self._sound():
            return [Start(*row) for row in self.rows("SELECT at, pid, children FROM starts ORDER BY number")]

    def ends(self) -> list[End]:
        """Return when and why processes stopped, oldest first."""
        with self._sound():
            return [End(*row) for row in self.rows("SELECT at, reason FROM ends ORDER BY number")]

    def faults(self) -> list[Fault]:
        """Return the faults of ours, oldest first."""
        with self._sound():
            return [Fault(*row) for row in self.rows("SELECT decision, message, at FROM faults ORDER BY number")]

    def last_sign_of_life(self, *, before: float) -> float | None:
        """Return the time of the latest fact before a moment."""
        with self._sound():
            return self.rows(_LAST_SIGN_OF_LIFE, (before,))[0][0]

    def _flags(self) -> dict[int, list[str]]:
        """Return each evaluation's flags by its number. Asked after the evaluations, so that none lacks its own."""
        found: dict[int, list[str]] = defaultdict(list)
        for evaluation, flag in self.rows("SELECT evaluation, flag FROM flags ORDER BY evaluation, position"):
            found[evaluation].append(flag)
        return found

    def _decisions(self, where: str) -> list[Decision]:
        query = f"SELECT number, kind, agent, step, task, trial FROM decisions {where} ORDER BY number"  # noqa: S608
        with self._sound():
            return [Decision(number, action_from(*action)) for number, *action in self.rows(query)]

    @contextmanager
    def _sound(self) -> Generator[None]:
        """Report values that no dgm of this version writes; the run may come from somebody else."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
            raise CorruptArchiveError(f"{self._path} holds facts that make no sense: {error!r}.") from error
