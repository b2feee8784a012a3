"""The database itself, the configuration beside it, spans of work, and what persons and controls said."""

from collections.abc import Iterator

from dgm.archive.checks import Invariant, Subject, require_small_file
from dgm.archive.held import step_from_held
from dgm.archive.prices import PRICES_TOML, read_prices
from dgm.archive.reader import RUN_TOML
from dgm.archive.records import TOO_LONG_S, YEAR_5000, moment_from
from dgm.archive.schema import SCHEMA_VERSION, expected_schema
from dgm.config import REHEARSAL
from dgm.core.actions import Rejection

_TIMED = (
    *("starts", "ends", "decisions", "attempts", "steps", "evaluations", "reservations", "settlements", "faults"),
    *("held", "reviews", "interventions", "controls"),
)
_TABLES = tuple(name for kind, name, _ in expected_schema(SCHEMA_VERSION) if kind == "table")


def _database(run: Subject) -> Iterator[str]:
    for (said,) in run.rows("PRAGMA main.integrity_check(1000)"):
        if said != "ok":
            yield f"The database is damaged: {said}."


def _references(run: Subject) -> Iterator[str]:
    for table, number, of, _ in run.rows("PRAGMA main.foreign_key_check"):
        yield f"Row {number} of {table} refers to a row of {of} that is missing."


def _configuration(run: Subject) -> Iterator[str]:
    config, facts = run.config, run.reader.facts()
    said = {
        "policy": (config.policy, facts.policy),
        "benchmark": (config.benchmark, facts.benchmark),
        "seed": (config.seed, facts.seed),
        "model": (config.models.agent.model, facts.model),
    }
    for name, (configured, recorded) in said.items():
        if configured != recorded:
            yield f"{RUN_TOML} has {name} {configured!r}, the database {recorded!r}."
    images = run.facts.images()
    if images and images.get(facts.image) != facts.image_digest:
        yield f"The image {facts.image} is recorded with two digests."


def _prices(run: Subject) -> Iterator[str]:
    require_small_file(run.directory / PRICES_TOML)
    prices = read_prices(run.directory)
    for model in dict.fromkeys(run.config.models.by_role().values()):
        if model != REHEARSAL and model not in prices:
            yield f"{PRICES_TOML} has no price of {model}."


def _times(run: Subject) -> Iterator[str]:
    moment_from(run.reader.facts().created_at)
    for table in _TIMED:
        for (at,) in run.rows(f"SELECT DISTINCT at FROM {table} WHERE NOT (at >= 0 AND at < {YEAR_5000})"):  # noqa: S608
            yield f"A row of {table} has the time {at}."
    for table in ("steps", "evaluations", "controls"):
        for (number,) in run.rows(f"SELECT number FROM {table} WHERE NOT (seconds >= 0 AND seconds < {TOO_LONG_S})"):  # noqa: S608
            yield f"Row {number} of {table} took no time that there is."


def _spans(run: Subject) -> Iterator[str]:
    starts, ends = run.facts.starts(), run.facts.ends()
    if not starts and (ends or run.rows("SELECT 1 FROM decisions LIMIT 1")):
        yield "The run has decisions or ends, and never started."
    if len(ends) > len(starts):
        yield f"The run ended {len(ends)} times and started {len(starts)} times."
    for number, start in enumerate(starts, start=1):
        if start.children < 0 or start.pid <= 0:
            yield f"Start {number} is of process {start.pid} and for {start.children} children."


def _reviews(run: Subject) -> Iterator[str]:
    for decision, text, agent, number, partner in run.rows("""
        SELECT held.decision, held.step, decisions.agent, decisions.step, partner FROM held
        JOIN decisions ON decisions.number = held.decision LEFT JOIN partners USING (decision)"""):
        step = step_from_held(text)
        if (step.parent, step.number, step.partner) != (agent, number, partner) or step.rejection is not None:
            yield f"What is held is not what decision {decision} asked for."
    refused = "SELECT decision FROM reviews WHERE NOT approved"
    let_in = f"SELECT number FROM steps WHERE decision IN ({refused}) AND rejection IS NOT ?"  # noqa: S608 - ours
    for (number,) in run.rows(let_in, (Rejection.NOT_APPROVED,)):
        yield f"A person said no to step {number}, and it was not rejected for that."
    alone = f"SELECT number FROM steps WHERE rejection = ? AND decision NOT IN ({refused})"  # noqa: S608 - ours
    for (number,) in run.rows(alone, (Rejection.NOT_APPROVED,)):
        yield f"Step {number} was not approved, and nobody said no to it."


def _controls(run: Subject) -> Iterator[str]:
    (measured,) = run.rows("SELECT count(*) FROM evaluations")[0]
    last = 0
    for number, of, task, evaluations in run.rows("SELECT number, of, task, evaluations FROM controls ORDER BY number"):
        if not last <= evaluations <= measured:
            yield f"Control {number} came after {evaluations} of {measured} evaluations, the one before after {last}."
        if (of == "seed agent") == bool(task):
            yield f"Control {number} of the {of} is of task {task!r}."
        last = evaluations


RUN = (
    Invariant("database", "sound to its last page", _TABLES, _database),
    Invariant("references", "each row that is referred to is there", _TABLES, _references),
    Invariant("configuration", f"{RUN_TOML} says what the facts say", ("run",), _configuration),
    Invariant("prices", f"{PRICES_TOML} has the price of each model", ("run",), _prices),
    Invariant("times", "a calendar has them", _TIMED, _times),
    Invariant("spans", "the run started as often as it ended, or more often", ("starts", "ends"), _spans),
    Invariant("reviews", "steps went on as persons said", ("held", "reviews"), _reviews),
    Invariant("controls", "in the order of what was measured", ("controls",), _controls),
)
