"""Queries over `archive.db`. Each returns what was committed when it was asked."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from dgm.archive.call_facts import CallFacts
from dgm.archive.codestore import CommitId
from dgm.archive.costs import SessionCost, session_cost
from dgm.archive.oversight_facts import OversightFacts
from dgm.archive.records import (
    End,
    Fault,
    RunFacts,
    Start,
    action_from,
    agent_from,
    commit_from,
    measured_from,
    moment_from,
    outcome_from,
)
from dgm.archive.step_facts import StepFacts
from dgm.config import Bounds
from dgm.core.agents import Agent
from dgm.core.errors import UnknownNameError
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Measured, Outcome, Verdict
from dgm.core.ports import Decision
from dgm.core.scores import Score

_OUTCOME = """
    number, task, trial, verdict, summary, seconds, session, patch, dropped_paths, calls, input_tokens, output_tokens,
    nanos"""

_IS_SELECTED = "task NOT IN (SELECT task FROM held_out)"

_MEASURED_AT_ONCE = 10_000
_MEASURED = """
    SELECT number, agent, task, trial,
        verdict = ? AND NOT EXISTS (SELECT 1 FROM flags WHERE evaluation = evaluations.number),
        patch <> '', input_tokens + output_tokens, nanos,
        (2 * length(patch) - length(replace(patch, char(10) || '+', ''))
            - length(replace(patch, char(10) || '-', ''))) / 2
    FROM evaluations WHERE number > ? ORDER BY number LIMIT ?"""

_IS_FLAGGED = "EXISTS (SELECT 1 FROM flags WHERE evaluation = evaluations.number)"

# Every result has its decision, so their numbers say how many to look for: mostly few, and among the newest.
_OPEN = """
    WHERE NOT EXISTS (SELECT 1 FROM steps WHERE steps.decision = decisions.number)
        AND NOT EXISTS (SELECT 1 FROM evaluations WHERE evaluations.decision = decisions.number)
    ORDER BY number DESC
    LIMIT (SELECT count(*) FROM decisions) - (SELECT count(*) FROM steps) - (SELECT count(*) FROM evaluations)"""

_TIMED = [
    *("starts", "ends", "decisions", "attempts", "steps", "evaluations", "reservations", "settlements", "faults"),
    *("held", "reviews", "interventions", "controls"),
]
# Among the newest rows of each: the time of every row of a large archive cannot be read without all that is in them.
# A few, since neither clocks nor the numbers of steps go up with every row.
_LAST_SIGN_OF_LIFE = "SELECT max(at) FROM ({})".format(  # noqa: S608
    " UNION ALL ".join(
        f"SELECT * FROM (SELECT at FROM {table} WHERE at < ?1 ORDER BY rowid DESC LIMIT 64)"  # noqa: S608
        for table in _TIMED
    )
)


class Facts(StepFacts, CallFacts, OversightFacts):
    """All that is asked of the facts of a run."""

    def run(self) -> RunFacts:
        """Return what the run is."""
        with self.sound():
            rows = self.rows(
                "SELECT name, created_at, dgm_version, image, image_digest, policy, benchmark, model, seed FROM run"
            )
            run = RunFacts(*rows[0])
            moment_from(run.created_at)
            return run

    def images(self) -> dict[str, str]:
        """Return the digest of each image that was recorded beside the run's one, by name; none in an old archive."""
        with self.sound():
            rows = self.rows("SELECT name, digest FROM images ORDER BY name")
            return {row[0]: row[1] for row in rows}

    def agent_ids(self, *, most: int = -1) -> list[AgentId]:
        """Return the ids of all agents, or of the oldest, in the order of their creation."""
        return [AgentId(row[0]) for row in self.rows("SELECT id FROM agents ORDER BY number LIMIT ?", (most,))]

    def agents(self) -> list[Agent]:
        """Return all agents in the order of their creation."""
        with self.sound():
            parents: dict[str, tuple[AgentId, ...]] = {}
            # Not by agent first: SQLite would follow an index to and fro through the table, which takes twice as long.
            for agent, parent in self.rows("SELECT agent, parent FROM parents ORDER BY position"):
                parents[agent] = (*parents.get(agent, ()), AgentId(parent))
            rows = self.rows("SELECT id, generation, step, created_at FROM agents ORDER BY number")
            return [
                agent_from(agent, parents.get(agent, ()), generation, step, created_at)
                for agent, generation, step, created_at in rows
            ]

    def held_out(self) -> frozenset[TaskId]:
        """Return the tasks that selection never sees."""
        with self.sound():
            return frozenset(TaskId(row[0]) for row in self.rows("SELECT task FROM held_out"))

    def outcomes(self) -> dict[AgentId, list[Outcome]]:
        """Return the outcomes of all agents that have any on what selection sees, in the order of their recording."""
        return self._outcomes(_IS_SELECTED)

    def held_out_outcomes(self) -> dict[AgentId, list[Outcome]]:
        """Return the outcomes of all agents that have any on what is held out from selection."""
        return self._outcomes(f"NOT {_IS_SELECTED}")

    def outcomes_of(self, agent: AgentId) -> list[Outcome]:
        """Return one agent's outcomes on what selection sees, in the order of their recording."""
        return self._outcomes(f"agent = ? AND {_IS_SELECTED}", agent).get(agent, [])

    def held_out_of(self, agent: AgentId) -> list[Outcome]:
        """Return one agent's outcomes on what is held out from selection."""
        return self._outcomes(f"agent = ? AND NOT {_IS_SELECTED}", agent).get(agent, [])

    def measured(self) -> Iterator[tuple[AgentId, Measured]]:
        """Yield what policies see of each measurement, in the order of their recording.

        Some at a time, since there may be a million: what is recorded meanwhile comes too.
        """
        last, is_more = 0, True
        while is_more:
            rows = self.rows(_MEASURED, (Verdict.RESOLVED, last, _MEASURED_AT_ONCE))
            with self.sound():
                for _, agent, *row in rows:
                    yield AgentId(agent), measured_from(row)
            is_more = len(rows) == _MEASURED_AT_ONCE
            last = rows[-1][0] if rows else last

    def scores(self) -> dict[AgentId, Score]:
        """Return the scores of all agents that have any, without reading what they are made of."""
        return self._scores(_IS_SELECTED)

    def held_out_scores(self) -> dict[AgentId, Score]:
        """Return the scores of all agents that have any on what is held out from selection."""
        return self._scores(f"NOT {_IS_SELECTED}")

    def flagged_count(self) -> int:
        """Return how many measurements are resolved by their verdict and do not count, since they are flagged."""
        query = "SELECT count(*) FROM evaluations WHERE verdict = ? AND number IN (SELECT evaluation FROM flags)"
        return self.rows(query, (Verdict.RESOLVED,))[0][0]

    def commit_and_hash(self, agent: AgentId) -> tuple[CommitId, str]:
        """Return the commit that holds an agent's code, and the SHA-256 of that code."""
        with self.sound():
            rows = self.rows("SELECT commit_id, code_hash FROM agents WHERE id = ?", (agent,))
            if not rows:
                raise UnknownNameError(f"No agent is called {agent!r}; `dgm tree` lists the agents of a run.")
            return commit_from(rows[0][0]), rows[0][1]

    def decisions(self) -> list[Decision]:
        """Return all decisions by number."""
        return self._decisions("ORDER BY number")

    def open_decisions(self) -> list[Decision]:
        """Return the decisions that have no result."""
        return sorted(self._decisions(_OPEN), key=lambda decision: decision.number)

    def count(self, table: str) -> int:
        """Return the number of rows of a table of ours."""
        return self.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608

    def session_costs(self) -> list[SessionCost]:
        """Return what each session used and what it was for."""
        with self.sound():
            spent = self.spent_by_session()  # before the decisions: none of its sessions then lacks its own
            actions = {decision.number: decision.action for decision in self.decisions()}
            return [session_cost(session, amount, actions) for session, amount in spent.items()]

    def starts(self) -> list[Start]:
        """Return when processes began or went on with the run, oldest first."""
        with self.sound():
            return [Start(*row) for row in self.rows("SELECT at, pid, children FROM starts ORDER BY number")]

    def bounds(self) -> list[tuple[float, Bounds]]:
        """Return what each process was told anew that went on with the run, and when it did, oldest first."""
        query = """
            SELECT starts.at, max_cost_usd, bounds.evaluations, approve FROM bounds
            JOIN starts ON starts.number = bounds.start ORDER BY starts.number"""
        with self.sound():
            return [(moment_from(at), Bounds(*said)) for at, *said in self.rows(query)]

    def ends(self) -> list[End]:
        """Return when and why processes stopped, oldest first."""
        with self.sound():
            return [End(*row) for row in self.rows("SELECT at, reason FROM ends ORDER BY number")]

    def faults(self) -> list[Fault]:
        """Return the faults of ours, oldest first."""
        with self.sound():
            return [Fault(*row) for row in self.rows("SELECT decision, message, at FROM faults ORDER BY number")]

    def last_sign_of_life(self, *, before: float) -> float | None:
        """Return the time of the latest fact before a moment."""
        with self.sound():
            return self.rows(_LAST_SIGN_OF_LIFE, (before,))[0][0]

    def _outcomes(self, where: str, *values: str) -> dict[AgentId, list[Outcome]]:
        found: dict[AgentId, list[Outcome]] = defaultdict(list)
        with self.sound():
            rows = self.rows(f"SELECT agent, {_OUTCOME} FROM evaluations WHERE {where} ORDER BY number", values)  # noqa: S608
            # Asked after the evaluations, so that none lacks its own.
            among = f"evaluation IN (SELECT number FROM evaluations WHERE {where}) ORDER BY evaluation, position"  # noqa: S608
            flags = self.grouped(f"SELECT evaluation, flag FROM flags WHERE {among}", values)  # noqa: S608
            for agent, number, *row in rows:
                found[AgentId(agent)].append(outcome_from(row, tuple(flags[number])))
        return found

    def _scores(self, where: str) -> dict[AgentId, Score]:
        query = f"""
            SELECT agent, count(*) FILTER (WHERE verdict = ? AND NOT {_IS_FLAGGED}), count(*)
            FROM evaluations WHERE {where} GROUP BY agent"""  # noqa: S608
        score = cache(Score)  # many agents have the same few
        with self.sound():
            rows = self.rows(query, (Verdict.RESOLVED,))
            return {AgentId(agent): score(resolved, attempted) for agent, resolved, attempted in rows}

    def _decisions(self, which: str) -> list[Decision]:
        query = f"""
            SELECT number, kind, agent, step, task, trial, editor, partner
            FROM decisions LEFT JOIN partners ON partners.decision = decisions.number {which}"""  # noqa: S608
        with self.sound():
            return [
                Decision(number, action_from(*action, editor=editor, partner=partner))
                for number, *action, editor, partner in self.rows(query)
            ]
