"""Calls and what they add up to: results cost what their sessions cost, the whole is the sum of its parts.

What a session used is final once it is closed: a call that was under way then counts at its worst case in the result,
and at what it used in the ledger, which learns that later (`dgm.gateway.session`). So a result may be the sum of its
calls with the last ones at their worst case. Probes are not part of what a step used: they cost nothing. Attempts that
came to no result are paid for, and are in no result.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dgm.archive.checks import Invariant, Subject
from dgm.archive.checks_results import is_of_attempt, is_of_control
from dgm.archive.records import Amount, Row
from dgm.archive.statements import json_list
from dgm.config import Budget
from dgm.core.outcomes import NANOS_PER_USD
from dgm.core.ports import MOST_CALLS_AT_ONCE, Role

_MOST_SUMS = 10_000
_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in ("calls", "input_tokens", "output_tokens", "nanos"))
_BOOKED = """
    SELECT r.session, coalesce(s.calls, r.calls) AS calls, coalesce(s.input_tokens, r.input_tokens) AS input_tokens,
        coalesce(s.output_tokens, r.output_tokens) AS output_tokens, coalesce(s.nanos, r.nanos) AS nanos
    FROM reservations r LEFT JOIN settlements s ON s.session = r.session AND s.number = r.number"""
_BY_SESSION = f"SELECT session, {_SUMS} FROM ({_BOOKED}) GROUP BY session"  # noqa: S608 - ours
_CALLS = """
    SELECT r.session, r.calls, r.input_tokens, r.output_tokens, r.nanos,
        s.calls, s.input_tokens, s.output_tokens, s.nanos
    FROM reservations r LEFT JOIN settlements s ON s.session = r.session AND s.number = r.number
    WHERE r.session IN (SELECT value FROM json_each(?)) ORDER BY s.rowid"""
_RESULTS = """
    SELECT 'Evaluation' AS what, number, session, calls, input_tokens, output_tokens, nanos
        FROM evaluations
    UNION ALL SELECT 'Step', steps.number, step_sessions.session, calls, input_tokens, output_tokens, nanos
        FROM steps LEFT JOIN step_sessions ON step = steps.number AND session NOT LIKE '%.probe'"""


def _calls(run: Subject) -> Iterator[str]:
    for (session,) in run.rows("SELECT DISTINCT session FROM reservations"):
        if not is_of_attempt(session, run):
            yield f"Session {session[:100]!r} called a model and is of no attempt of the run."
    for table, what in (("reservations", "set aside"), ("settlements", "used")):
        below = f"SELECT session, number FROM {table} WHERE min(calls, input_tokens, output_tokens, nanos) < 0"  # noqa: S608
        for session, number in run.rows(below):
            yield f"Call {number} of session {session} {what} less than nothing."
    more = """
        SELECT session, number FROM settlements WHERE calls > 1
        UNION SELECT session, number FROM reservations WHERE calls <> 1"""
    for session, number in run.rows(more):
        yield f"Call {number} of session {session} is not one call."


def _results(run: Subject) -> Iterator[str]:
    booked = {session: amounts for session, *amounts in run.rows(_BY_SESSION)}
    sessions, used = defaultdict[tuple[str, int], list[str]](list), dict[tuple[str, int], Amount]()
    for what, number, session, *amounts in run.rows(_RESULTS):
        used[what, number] = Amount(*amounts)
        sessions[what, number] += [] if session is None else [session]
    for (what, number), amount in used.items():
        names = sessions[what, number]
        total = sum((Amount(*booked[name]) for name in names if name in booked), Amount())
        if not _same(amount, total) and not any(_same(amount, other) for other in _with_late_calls(run, names)):
            yield (
                f"{what} {number} used {_words(amount)} by its own record and {_words(total)} by the calls of its "
                "sessions."
            )


def _same(recorded: Amount, booked: Amount) -> bool:
    exact = ("calls", "input_tokens", "output_tokens")
    # A result's cost is a sum that is rounded once, the ledger's are rounded call by call.
    return (
        all(getattr(recorded, name) == getattr(booked, name) for name in exact)
        and abs(recorded.nanos - booked.nanos) <= booked.calls + 1
    )


def _with_late_calls(run: Subject, sessions: Sequence[str]) -> set[Amount]:
    """Return what results of some sessions may have used, where their last calls ended after them."""
    by_session = defaultdict[str, list[Row]](list)
    for session, *amounts in run.rows(_CALLS, (json_list(sessions),)):
        by_session[session].append(amounts)
    found = {Amount()}
    for calls in by_session.values():
        found = {before + sums for before in found for sums in _sums(calls)}
        if len(found) > _MOST_SUMS:
            break
    return found


def _sums(calls: Sequence[Row]) -> set[Amount]:
    """Return the sums of a session's calls with none, one, ... of the settled ones that ended last at their worst."""
    worst = [Amount(*row[:4]) for row in calls]
    ended = [Amount(*(row[:4] if row[4] is None else row[4:])) for row in calls]
    total = sum(ended, Amount())
    found = {total}
    for place in reversed(range(max(0, len(calls) - MOST_CALLS_AT_ONCE), len(calls))):
        total = total - ended[place] + worst[place]
        found.add(total)
    return found


def _whole(run: Subject) -> Iterator[str]:
    whole = run.facts.spent()
    by_role = sum(run.facts.spent_by_role().values(), Amount())
    if by_role != whole:
        yield f"The roles used {_words(by_role)}, the whole run {_words(whole)}."
    by_agent = sum((cost.amount for cost in run.facts.session_costs() if cost.agent in run.agents), Amount())
    # Those of controls are nobody's work.
    by_control = (amount for session, amount in run.facts.spent_by_session().items() if is_of_control(session))
    by_agent = sum(by_control, by_agent)
    if by_agent != whole:
        yield f"The agents used {_words(by_agent)}, the whole run {_words(whole)}."
    probes = run.facts.spent_by_role().get(Role.PROBE, Amount())
    if probes.nanos or probes.input_tokens or probes.output_tokens:
        yield f"Probes cost nothing, and used {_words(probes)}."


def _caps(run: Subject) -> Iterator[str]:
    """Yield the caps that were exceeded by more than calls went over what was set aside for them.

    The cap on money can be another one each time that a run goes on. Versions before 6 did not record that, so it
    counts where it was recorded, and in a run that never went on. No cap counts the calls of probes.
    """
    budget: Budget = run.config.budget
    over = """
        SELECT coalesce(sum(max(0, s.nanos - r.nanos)), 0),
            coalesce(sum(max(0, s.input_tokens + s.output_tokens - r.input_tokens - r.output_tokens)), 0)
        FROM settlements s JOIN reservations r USING (session, number)"""
    spent, (more_nanos, more_tokens) = run.facts.spent(), run.rows(over)[0]
    # The gateway adds up in dollars, call by call.
    cost_usd = (spent.nanos - more_nanos - spent.calls - 1) / NANOS_PER_USD
    cap_usd = _highest_cap_usd(run)
    if cap_usd is not None and cost_usd > cap_usd:
        yield f"The run spent ${spent.nanos / NANOS_PER_USD:.6f}; its cap is ${cap_usd:g}."
    tokens = spent.input_tokens + spent.output_tokens
    if budget.max_tokens is not None and tokens - more_tokens > budget.max_tokens:
        yield f"The run used {tokens} tokens; its cap is {budget.max_tokens}."
    calls = spent.calls - run.facts.spent_by_role().get(Role.PROBE, Amount()).calls
    if budget.max_calls is not None and calls > budget.max_calls:
        yield f"The run made {calls} calls; its cap is {budget.max_calls}."
    most = run.config.sessions.max_calls
    many = "SELECT session, sum(calls) FROM settlements GROUP BY session HAVING sum(calls) > ?"
    for session, calls in run.rows(many, (most,)):
        if not session.endswith(".probe"):
            yield f"Session {session} made {calls} calls; its cap is {most}."


def _highest_cap_usd(run: Subject) -> float | None:
    """Return the highest cap on money that the run ever had; None if it had none at first, or another may have held."""
    first = run.reader.made_with().budget.max_cost_usd
    later = [said.max_cost_usd for _, said in run.reader.bounds_since() if said.max_cost_usd is not None]
    if first is None or (not later and run.start_count > 1):
        return None
    return max(first, *later) if later else first


def _words(amount: Amount) -> str:
    tokens = amount.input_tokens + amount.output_tokens
    return f"{amount.calls} calls, {tokens} tokens and {amount.nanos} nano-dollars"


MONEY = (
    Invariant("calls", "each of an attempt's session, and one call at most", ("reservations", "settlements"), _calls),
    Invariant("cost of results", "what their sessions' calls cost", ("steps", "evaluations"), _results),
    Invariant("cost of the whole", "what roles cost, and what agents cost", ("reservations",), _whole),
    Invariant("caps", "no cap was exceeded", ("reservations",), _caps),
)
