"""The tables of `archive.db`: facts, inserted once and never changed.

Money is whole nano-dollars: sums of integers are exact, sums of floats are not, and 2**63 of them are nine billion
dollars. Text of agents and models is stored as it came; whoever shows it makes it safe.

A version adds tables and leaves those before it as they are. What a provider's cache had is a table of its own: columns
added to `settlements` would leave an upgraded archive with another declaration than a new one, and an old one that is
only read with queries of its own. The table costs a join, and has a row only where the cache had something. Likewise
the images of a run stand in a table of their own, beside the one image that `run` names, and what is flagged of a
measurement beside its verdict, which stays what the tests said.
"""

import sqlite3
from functools import cache

APPLICATION_ID = 0x64676D61  # "dgma"
SCHEMA_VERSION = 6

_USAGE = "calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nanos INTEGER NOT NULL"

_TABLES_OF_1 = {
    "run": """
        one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, created_at REAL NOT NULL,
        dgm_version TEXT NOT NULL, image TEXT NOT NULL, image_digest TEXT NOT NULL, policy TEXT NOT NULL,
        benchmark TEXT NOT NULL, model TEXT NOT NULL, seed INTEGER NOT NULL""",
    "starts": "number INTEGER PRIMARY KEY, at REAL NOT NULL, pid INTEGER NOT NULL, children INTEGER NOT NULL",
    "ends": "number INTEGER PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL",
    "agents": """
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, step INTEGER NOT NULL UNIQUE,
        created_at REAL NOT NULL, commit_id TEXT NOT NULL, code_hash TEXT NOT NULL""",
    "parents": """
        agent TEXT NOT NULL REFERENCES agents (id), position INTEGER NOT NULL,
        parent TEXT NOT NULL REFERENCES agents (id), PRIMARY KEY (agent, position)""",
    "decisions": """
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('expand', 'evaluate')),
        agent TEXT NOT NULL REFERENCES agents (id), step INTEGER, task TEXT, trial INTEGER, at REAL NOT NULL""",
    "attempts": """
        decision INTEGER NOT NULL REFERENCES decisions (number), number INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (decision, number)""",
    "steps": f"""
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL UNIQUE REFERENCES decisions (number),
        parent TEXT NOT NULL REFERENCES agents (id), evidence_task TEXT NOT NULL, diagnosis TEXT, rejection TEXT,
        detail TEXT NOT NULL, seconds REAL NOT NULL, patch TEXT NOT NULL, exit TEXT NOT NULL,
        child TEXT UNIQUE REFERENCES agents (id), files_changed INTEGER, insertions INTEGER, deletions INTEGER,
        at REAL NOT NULL, {_USAGE},
        CHECK ((child IS NULL) <> (rejection IS NULL))""",
    "step_sessions": """
        step INTEGER NOT NULL REFERENCES steps (number), position INTEGER NOT NULL, session TEXT NOT NULL,
        PRIMARY KEY (step, position)""",
    "evaluations": f"""
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL UNIQUE REFERENCES decisions (number),
        agent TEXT NOT NULL REFERENCES agents (id), task TEXT NOT NULL, trial INTEGER NOT NULL, verdict TEXT NOT NULL,
        summary TEXT NOT NULL, seconds REAL NOT NULL, session TEXT NOT NULL, patch TEXT NOT NULL,
        dropped_paths TEXT NOT NULL, at REAL NOT NULL, {_USAGE}, UNIQUE (agent, task, trial)""",
    "reservations": f"""
        session TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, {_USAGE}, PRIMARY KEY (session, number)""",
    "settlements": f"""
        session TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, {_USAGE}, PRIMARY KEY (session, number),
        FOREIGN KEY (session, number) REFERENCES reservations (session, number)""",
    "faults": """
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL REFERENCES decisions (number), message TEXT NOT NULL,
        at REAL NOT NULL""",
}

_TABLES_OF_2 = {
    # Of a settlement's input tokens, those that the provider read from its cache and wrote to it; a row where any were.
    "cached": """
        session TEXT NOT NULL, number INTEGER NOT NULL, read_tokens INTEGER NOT NULL CHECK (read_tokens >= 0),
        written_tokens INTEGER NOT NULL CHECK (written_tokens >= 0), PRIMARY KEY (session, number),
        FOREIGN KEY (session, number) REFERENCES settlements (session, number)""",
}

_TABLES_OF_3 = {
    # All images that the run's tasks take, that of `run` among them; no row in a run that was made before version 3.
    # One that a task brings along has a row since it was first used.
    "images": "name TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL",
}

_TABLES_OF_4 = {
    # Signs that the tests of a measurement were tampered with; one that has any does not count as resolved.
    "flags": """
        evaluation INTEGER NOT NULL REFERENCES evaluations (number), position INTEGER NOT NULL, flag TEXT NOT NULL,
        PRIMARY KEY (evaluation, position)""",
}

_TABLES_OF_5 = {
    # Tasks that selection never sees; what is measured on them is in no score.
    "held_out": "task TEXT NOT NULL PRIMARY KEY",
    # Who else takes part in an expansion than the parent; a row only where anybody does.
    "partners": """
        decision INTEGER NOT NULL PRIMARY KEY REFERENCES decisions (number), editor TEXT REFERENCES agents (id),
        partner TEXT REFERENCES agents (id)""",
    # What a step's diagnosis was to explain, where that is something else than an unresolved task.
    "evidence": "step INTEGER NOT NULL PRIMARY KEY REFERENCES steps (number), kind TEXT NOT NULL",
    "judgements": """
        step INTEGER NOT NULL PRIMARY KEY REFERENCES steps (number), is_new INTEGER NOT NULL CHECK (is_new IN (0, 1)),
        reason TEXT NOT NULL""",
    "conflicts": """
        step INTEGER NOT NULL REFERENCES steps (number), position INTEGER NOT NULL, path TEXT NOT NULL,
        PRIMARY KEY (step, position)""",
}

_TABLES_OF_6 = {
    # Steps that wait for a person: all that is known of each as JSON, and where its child's code lies.
    "held": """
        decision INTEGER NOT NULL PRIMARY KEY REFERENCES decisions (number), step TEXT NOT NULL,
        commit_id TEXT NOT NULL, code_hash TEXT NOT NULL, at REAL NOT NULL""",
    "reviews": """
        decision INTEGER NOT NULL PRIMARY KEY REFERENCES held (decision),
        approved INTEGER NOT NULL CHECK (approved IN (0, 1)), reason TEXT NOT NULL, at REAL NOT NULL""",
    # What a process was told anew as it went on, and all that others had been told before it; a row where that is any.
    "bounds": """
        start INTEGER NOT NULL PRIMARY KEY REFERENCES starts (number), max_cost_usd REAL, evaluations INTEGER,
        approve TEXT""",
    "interventions": """
        number INTEGER PRIMARY KEY, what TEXT NOT NULL CHECK (what IN ('pause', 'resume', 'stop')),
        reason TEXT NOT NULL, at REAL NOT NULL""",
    # `evaluations` is how many there were when it was recorded: what was measured since the last one that passed is
    # in doubt once one fails.
    "controls": """
        number INTEGER PRIMARY KEY, of TEXT NOT NULL CHECK (of IN ('base', 'reference', 'seed agent')),
        task TEXT NOT NULL, passed INTEGER NOT NULL CHECK (passed IN (0, 1)), summary TEXT NOT NULL,
        seconds REAL NOT NULL, evaluations INTEGER NOT NULL, at REAL NOT NULL""",
}

_NEW_TABLES = {
    1: _TABLES_OF_1,
    2: _TABLES_OF_2,
    3: _TABLES_OF_3,
    4: _TABLES_OF_4,
    5: _TABLES_OF_5,
    6: _TABLES_OF_6,
}
"""By the version that brought them."""

_NEW_INDEXES = {
    5: {
        "steps_by_parent": "steps (parent)",
        # All that scores hang on: without it, they are read from between the patches.
        "verdicts": "evaluations (agent, task, trial, verdict)",
    },
    6: {
        # What signs of tampering are told by, see `dgm.core.tampering`, of the few measurements that have any of it.
        "left_aside": """
            evaluations (agent, dropped_paths, summary)
            WHERE dropped_paths <> '[]' OR substr(summary, 1, 24) = 'nothing could be graded:'""",
    },
}


def _statements(version: int) -> list[str]:
    """Return what makes an archive of a version of one of the version before."""
    tables = [f"CREATE TABLE {name} ({columns}) STRICT" for name, columns in _NEW_TABLES[version].items()]
    guards = [
        f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
        f"BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END"
        for name in _NEW_TABLES[version]
        for verb in ("UPDATE", "DELETE")
    ]
    indexes = [f"CREATE INDEX {name} ON {columns}" for name, columns in _NEW_INDEXES.get(version, {}).items()]
    return tables + guards + indexes


def create_schema(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Make an empty archive of an empty database."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    upgrade_schema(connection, version)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that a database says it has; 0 if it says nothing."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def upgrade_schema(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Bring an archive to a version, inside the caller's transaction: it comes whole or not at all."""
    for step in range(version_of(connection) + 1, version + 1):
        for statement in _statements(step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step}")


def stand_in_for_new_tables(connection: sqlite3.Connection) -> None:
    """Give one connection empty tables in its own memory for those that its archive is too old to have.

    So an old archive is read by the same queries, and nothing is written to it. The connection does not see what comes
    into such a table when another process upgrades the archive meanwhile.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    for version in range(version_of(connection) + 1, SCHEMA_VERSION + 1):
        for name, columns in _NEW_TABLES[version].items():
            connection.execute(f"CREATE TEMP TABLE {name} ({columns}) STRICT")


def schema_of(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return (type, name, SQL) of all that a database declares, without SQLite's own indexes and statistics."""
    return connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()


@cache
def expected_schema(version: int) -> list[tuple[str, str, str]]:
    """Return what `schema_of` gives for an archive of a version; nothing for a version that there never was."""
    connection = sqlite3.connect(":memory:")
    try:
        create_schema(connection, version)
        return schema_of(connection)
    finally:
        connection.close()
