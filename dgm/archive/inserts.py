"""How facts become rows. Each function inserts inside the caller's transaction."""

import json
import sqlite3
from dataclasses import asdict
from typing import TypeAlias

from dgm.archive.codestore import CommitId
from dgm.archive.difference import DiffStat
from dgm.archive.held import held_json
from dgm.archive.records import Amount, amount_of, diagnosis_json, storable
from dgm.core.actions import Action, Evaluate, EvidenceKind, Expand, Step
from dgm.core.agents import Agent
from dgm.core.controls import StandingControl
from dgm.core.ids import AgentId, SessionId
from dgm.core.outcomes import Outcome

Value: TypeAlias = str | int | float | None


def insert(sql: sqlite3.Connection, table: str, **columns: Value) -> int | None:
    """Insert one row into a table of ours and return its number."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    return sql.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values())).lastrowid  # noqa: S608


def action_columns(action: Action) -> dict[str, Value]:
    """Return what a decision's row says of its action."""
    match action:
        case Expand():
            return {"kind": "expand", "agent": action.parent, "step": action.step}
        case Evaluate():
            return {"kind": "evaluate", "agent": action.agent, "task": action.task, "trial": action.trial}


def insert_decision(sql: sqlite3.Connection, number: int, action: Action, *, at: float) -> None:
    """Insert what was chosen."""
    insert(sql, "decisions", number=number, at=at, **action_columns(action))
    if isinstance(action, Expand) and (action.editor or action.partner):
        insert(sql, "partners", decision=number, editor=action.editor, partner=action.partner)


def insert_agent(sql: sqlite3.Connection, agent: Agent, *, commit: CommitId, code_hash: str) -> None:
    """Insert an agent whose code is stored."""
    insert(
        sql,
        "agents",
        id=agent.id,
        generation=agent.generation,
        step=agent.step,
        created_at=agent.created_at,
        commit_id=commit,
        code_hash=code_hash,
    )
    for position, parent in enumerate(agent.parents):
        insert(sql, "parents", agent=agent.id, position=position, parent=parent)


def insert_step(
    sql: sqlite3.Connection,
    decision: int,
    step: Step,
    *,
    at: float,
    child: AgentId | None = None,
    change: DiffStat | None = None,
) -> None:
    """Insert a step that ended, with its child and what the child changed unless it was rejected."""
    insert(
        sql,
        "steps",
        number=step.number,
        decision=decision,
        parent=step.parent,
        evidence_task=step.evidence_task,
        diagnosis=diagnosis_json(step.diagnosis),
        rejection=step.rejection,
        detail=storable(step.detail),
        seconds=step.seconds,
        patch=storable(step.patch),
        exit=storable(step.exit),
        child=child,
        at=at,
        **({} if change is None else asdict(change)),
        **_amount_columns(amount_of(step.usage)),
    )
    for position, session in enumerate(step.sessions):
        insert(sql, "step_sessions", step=step.number, position=position, session=session)
    if step.evidence_kind is not EvidenceKind.UNRESOLVED:
        insert(sql, "evidence", step=step.number, kind=step.evidence_kind)
    if step.judgement is not None:
        is_new, reason = step.judgement.is_new, storable(step.judgement.reason)
        insert(sql, "judgements", step=step.number, is_new=is_new, reason=reason)
    for position, path in enumerate(step.conflicts):
        insert(sql, "conflicts", step=step.number, position=position, path=storable(path))


def insert_outcome(sql: sqlite3.Connection, decision: int, agent: AgentId, outcome: Outcome, *, at: float) -> None:
    """Insert a measurement and what is flagged of it."""
    evaluation = insert(
        sql,
        "evaluations",
        decision=decision,
        agent=agent,
        task=outcome.task,
        trial=outcome.trial,
        verdict=outcome.verdict,
        summary=outcome.summary,
        seconds=outcome.seconds,
        session=outcome.session,
        patch=storable(outcome.patch),
        dropped_paths=json.dumps(outcome.dropped_paths),
        at=at,
        **_amount_columns(amount_of(outcome.usage)),
    )
    for position, flag in enumerate(outcome.flags):
        insert(sql, "flags", evaluation=evaluation, position=position, flag=flag)


def insert_reservation(sql: sqlite3.Connection, session: SessionId, number: int, amount: Amount, *, at: float) -> None:
    """Insert the worst case of a call."""
    insert(sql, "reservations", session=session, number=number, at=at, **_amount_columns(amount))


def insert_settlement(sql: sqlite3.Connection, session: SessionId, number: int, amount: Amount, *, at: float) -> None:
    """Insert what a call used."""
    insert(sql, "settlements", session=session, number=number, at=at, **_amount_columns(amount))
    read, written = amount.cache_read_tokens, amount.cache_write_tokens
    if read or written:
        insert(sql, "cached", session=session, number=number, read_tokens=read, written_tokens=written)


def _amount_columns(amount: Amount) -> dict[str, Value]:
    return {
        "calls": amount.calls,
        "input_tokens": amount.input_tokens,
        "output_tokens": amount.output_tokens,
        "nanos": amount.nanos,
    }


def insert_held(
    sql: sqlite3.Connection, decision: int, step: Step, *, commit: CommitId, code_hash: str, at: float
) -> None:
    """Insert a step whose child waits for a person and whose code is stored."""
    insert(sql, "held", decision=decision, step=held_json(step), commit_id=commit, code_hash=code_hash, at=at)


def insert_control(sql: sqlite3.Connection, control: StandingControl, *, evaluations: int, at: float) -> None:
    """Insert what became of a control."""
    insert(
        sql,
        "controls",
        of=control.of,
        task=control.task,
        passed=control.passed,
        summary=storable(control.summary),
        seconds=control.seconds,
        evaluations=evaluations,
        at=at,
    )
