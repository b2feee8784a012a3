"""Decisions and what came of them: each at most one result, and that is what the decision asked for."""

import json
from collections.abc import Iterator

from dgm.archive.checks import Invariant, Subject
from dgm.archive.held import step_from_held
from dgm.archive.records import diagnosis_from
from dgm.core.actions import EvidenceKind, Rejection
from dgm.core.ids import SessionId, decision_of, purpose_of, session_id
from dgm.core.outcomes import Verdict
from dgm.core.ports import Role
from dgm.evolution.controls import MAX_ATTEMPTS

PURPOSES = ("agent", "improve", "diagnose", "probe", "interest.diagnose")


def _decisions(run: Subject) -> Iterator[str]:
    rows = run.rows("SELECT number, kind, step, task, trial FROM decisions ORDER BY number")
    for place, (number, kind, step, task, trial) in enumerate(rows, start=1):
        if number != place:
            yield f"Decision {number} stands where decision {place} should."
            return
        is_expansion = step is not None and task is None and trial is None
        is_evaluation = step is None and task is not None and trial is not None
        if not (is_expansion if kind == "expand" else is_evaluation):
            yield f"Decision {number} is no {kind} by what it has."
    twice = "SELECT step FROM decisions WHERE step IS NOT NULL GROUP BY step HAVING count(*) > 1"
    yield from (f"Step {step} was decided on more than once." for (step,) in run.rows(twice))
    others = "SELECT decision FROM partners JOIN decisions ON number = decision WHERE kind <> 'expand'"
    yield from (f"Decision {number} is no expansion and has partners." for (number,) in run.rows(others))


def _one_result(run: Subject) -> Iterator[str]:
    every = "SELECT decision FROM steps NOT INDEXED UNION ALL SELECT decision FROM evaluations NOT INDEXED"
    twice = f"SELECT decision, count(*) FROM ({every}) GROUP BY decision HAVING count(*) > 1"  # noqa: S608 - ours
    yield from (f"Decision {decision} has {count} results." for decision, count in run.rows(twice))
    without = f"SELECT decision FROM ({every}) WHERE decision NOT IN (SELECT number FROM decisions)"  # noqa: S608
    yield from (f"There is a result of decision {decision}, which was never made." for (decision,) in run.rows(without))


def _asked_for(run: Subject) -> Iterator[str]:
    steps = """
        SELECT steps.number, decision FROM steps JOIN decisions ON decisions.number = decision
        WHERE kind <> 'expand' OR decisions.agent <> parent OR decisions.step <> steps.number"""
    yield from (f"Step {step} is not what decision {decision} asked for." for step, decision in run.rows(steps))
    evaluations = """
        SELECT evaluations.number, decision FROM evaluations JOIN decisions ON decisions.number = decision
        WHERE kind <> 'evaluate' OR decisions.agent <> evaluations.agent OR decisions.task <> evaluations.task
            OR decisions.trial <> evaluations.trial"""
    for number, decision in run.rows(evaluations):
        yield f"Evaluation {number} is not what decision {decision} asked for."


def _measured_once(run: Subject) -> Iterator[str]:
    twice = """
        SELECT agent, task, trial, count(*) FROM evaluations NOT INDEXED GROUP BY agent, task, trial
        HAVING count(*) > 1"""
    for agent, task, trial, count in run.rows(twice):
        yield f"Agent {agent} was measured {count} times on task {task}, trial {trial}."


def _children(run: Subject) -> Iterator[str]:
    made = """
        SELECT agents.id, steps.number FROM agents LEFT JOIN steps ON steps.child = agents.id
        LEFT JOIN parents ON parents.agent = agents.id AND parents.position = 0
        LEFT JOIN parents second ON second.agent = agents.id AND second.position = 1
        LEFT JOIN partners ON partners.decision = steps.decision
        WHERE agents.number > (SELECT min(number) FROM agents) AND (steps.number IS NULL
            OR agents.step <> steps.number OR parents.parent IS NOT steps.parent
            OR second.parent IS NOT partners.partner)"""
    for agent, step in run.rows(made):
        why = "was made by no step" if step is None else f"does not agree with step {step}, which made it"
        yield f"Agent {agent} {why}."
    seeds = "SELECT number FROM steps WHERE child = (SELECT id FROM agents ORDER BY number LIMIT 1)"
    yield from (f"Step {number} made the seed agent." for (number,) in run.rows(seeds))
    sizes = """
        SELECT number FROM steps
        WHERE (child IS NULL) <> (files_changed IS NULL) OR (child IS NULL) <> (insertions IS NULL)
            OR (child IS NULL) <> (deletions IS NULL)"""
    yield from (f"Step {number} has a child or the size of its change, not both." for (number,) in run.rows(sizes))


def _attempts(run: Subject) -> Iterator[str]:
    odd = "SELECT decision FROM attempts GROUP BY decision HAVING min(number) <> 1 OR max(number) <> count(*)"
    for (decision,) in run.rows(odd):
        yield f"The attempts at decision {decision} are not numbered one after another."
    for kind, table in (("Step", "steps"), ("Evaluation", "evaluations")):
        without = f"SELECT number, decision FROM {table} WHERE decision NOT IN (SELECT decision FROM attempts)"  # noqa: S608
        for number, decision in run.rows(without):
            yield f"{kind} {number} is a result of decision {decision}, which was never attempted."


def _served(run: Subject) -> Iterator[str]:
    """Yield the results whose sessions are not of an attempt at their own decision."""
    for number, decision, session in run.rows("SELECT number, decision, session FROM evaluations ORDER BY number"):
        if not is_of_attempt(session, run) or decision_of(session) != decision or not session.endswith(".agent"):
            yield f"Session {session} of evaluation {number} is of no attempt at decision {decision}."
    steps = """
        SELECT step, decision, session FROM step_sessions JOIN steps ON steps.number = step ORDER BY step, position"""
    for step, decision, session in run.rows(steps):
        if not is_of_attempt(session, run) or decision_of(session) != decision:
            yield f"Session {session} of step {step} is of no attempt at decision {decision}."
    every = "SELECT session FROM evaluations UNION ALL SELECT session FROM step_sessions"
    twice = f"SELECT session FROM ({every}) GROUP BY session HAVING count(*) > 1"  # noqa: S608 - ours
    yield from (f"Session {session} came to more than one result." for (session,) in run.rows(twice))


def is_of_attempt(session: str, run: Subject) -> bool:
    """Return whether a session is named as the gateway names those of an attempt that the run made."""
    decision, attempt, purpose = (*session.split(".", 2), "", "")[:3]
    if not (decision.isascii() and decision.isdigit() and attempt.isascii() and attempt.isdigit()):
        return False
    numbers = decision_of(SessionId(session)), int(attempt[:9])
    most_probes = MAX_ATTEMPTS * run.start_count
    was_made = numbers in run.attempts if numbers[0] else is_of_control(session) and 0 < numbers[1] <= most_probes
    return was_made and purpose in PURPOSES and session == session_id(*numbers, purpose)


def is_of_control(session: str) -> bool:
    """Return whether a session is named as those that probe the seed agent each time that a run starts."""
    return decision_of(SessionId(session)) == 0 and purpose_of(SessionId(session)) == Role.PROBE


def _words(run: Subject) -> Iterator[str]:
    """Yield the results that say what no dgm says."""
    for number, verdict in run.rows("SELECT number, verdict FROM evaluations"):
        if verdict not in set(Verdict):
            yield f"Evaluation {number} has the verdict {verdict[:60]!r}."
    for number, paths in run.rows("SELECT number, dropped_paths FROM evaluations WHERE dropped_paths <> '[]'"):
        if not _is_json(paths):
            yield f"What evaluation {number} left out of the solution cannot be read."
    for number, rejection, diagnosis in run.rows("SELECT number, rejection, diagnosis FROM steps"):
        if rejection is not None and rejection not in set(Rejection):
            yield f"Step {number} was rejected for {rejection[:60]!r}."
        if not _is_diagnosis(diagnosis):
            yield f"The diagnosis of step {number} cannot be read."
    for step, kind in run.rows("SELECT step, kind FROM evidence"):
        if kind not in set(EvidenceKind):
            yield f"Step {step} has evidence of kind {kind[:60]!r}."
    for decision, text in run.rows("SELECT decision, step FROM held"):
        if not _is_step(text):
            yield f"What decision {decision} made and is held cannot be read."


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_diagnosis(text: str | None) -> bool:
    try:
        diagnosis_from(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def _is_step(text: str) -> bool:
    try:
        step_from_held(text)
    except (ValueError, RecursionError):
        return False
    return True


def _lists(run: Subject) -> Iterator[str]:
    """Yield the lists beside results that have gaps."""
    for table, key in (("step_sessions", "step"), ("flags", "evaluation"), ("conflicts", "step")):
        gaps = f"SELECT {key} FROM {table} GROUP BY {key} HAVING min(position) <> 0 OR max(position) <> count(*) - 1"  # noqa: S608
        yield from (f"The {table} of {key} {number} have a gap." for (number,) in run.rows(gaps))


def _held_out(run: Subject) -> Iterator[str]:
    seen = "SELECT number, evidence_task FROM steps WHERE evidence_task IN (SELECT task FROM held_out)"
    for number, task in run.rows(seen):
        yield f"Step {number} learned from task {task}, which is held out from selection."
    counted = sum(score.attempted for score in run.facts.scores().values())
    (selected,) = run.rows("SELECT count(*) FROM evaluations WHERE task NOT IN (SELECT task FROM held_out)")[0]
    if counted != selected:
        yield f"Scores are of {counted} measurements; {selected} are on tasks that selection sees."
    if run.rows("SELECT 1 FROM held_out LIMIT 1") and not run.config.search.holdout:
        yield "Tasks are held out from selection, and the configuration holds out none."


RESULTS = (
    Invariant("decisions", "numbered one after another, each step once", ("decisions",), _decisions),
    Invariant("one result", "each decision has at most one result", ("steps", "evaluations"), _one_result),
    Invariant("asked for", "each result is what was decided on", ("steps", "evaluations"), _asked_for),
    Invariant("measured once", "no agent twice on a task and trial", ("evaluations",), _measured_once),
    Invariant("children", "each agent has the step that made it", ("agents", "steps"), _children),
    Invariant("attempts", "each result was attempted", ("attempts",), _attempts),
    Invariant("sessions of results", "each of an attempt at its decision", ("evaluations", "step_sessions"), _served),
    Invariant("words", "verdicts, rejections and diagnoses can be read", ("steps", "evaluations", "held"), _words),
    Invariant("lists", "what stands beside results has no gap", ("step_sessions", "flags", "conflicts"), _lists),
    Invariant("held out", "what selection never sees is in no score", ("held_out",), _held_out),
)
