"""Queries over model calls and what they cost. A call that has no end counts at its worst case."""

from collections import defaultdict

from dgm.archive.records import Amount
from dgm.archive.statements import Statements
from dgm.core.ids import SessionId, purpose_of
from dgm.core.ports import Role

# Every settlement has its reservation, so their numbers say how many to look for: mostly few, and among the newest.
_UNSETTLED = """
    SELECT session, number, calls, input_tokens, output_tokens, nanos, 0 AS read_tokens, 0 AS written_tokens
    FROM reservations r
    WHERE NOT EXISTS (SELECT 1 FROM settlements s WHERE s.session = r.session AND s.number = r.number)
    ORDER BY rowid DESC LIMIT (SELECT count(*) FROM reservations) - (SELECT count(*) FROM settlements)"""

_SETTLED = """
    SELECT session, number, calls, input_tokens, output_tokens, nanos,
        coalesce(read_tokens, 0) AS read_tokens, coalesce(written_tokens, 0) AS written_tokens
    FROM settlements LEFT JOIN cached USING (session, number)"""

_CALLS = f"{_SETTLED} UNION ALL SELECT * FROM ({_UNSETTLED})"  # noqa: S608

_SUMS = """
    coalesce(sum(calls), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(nanos), 0),
    coalesce(sum(read_tokens), 0), coalesce(sum(written_tokens), 0)"""

# One statement, so that it is of one moment, without looking each call up in the other tables.
_AMOUNTS = f"""
    SELECT session, calls, input_tokens, output_tokens, nanos, 0 AS read_tokens, 0 AS written_tokens FROM settlements
    UNION ALL SELECT session, 0, 0, 0, 0, read_tokens, written_tokens FROM cached
    UNION ALL SELECT session, calls, input_tokens, output_tokens, nanos, 0, 0 FROM ({_UNSETTLED})"""  # noqa: S608

_PURPOSE = "substr(session, instr(session, '.') + 1)"  # with the attempt; it is short to sort by, and few differ


class CallFacts(Statements):
    """What was paid, for what."""

    def spent(self) -> Amount:
        """Return what all calls used, those without an end at their worst case."""
        with self.sound():
            return Amount(*self.rows(f"SELECT {_SUMS} FROM ({_AMOUNTS})")[0])  # noqa: S608

    def spent_by_role(self) -> dict[Role, Amount]:
        """Return what each role used, in the order of `Role`; only those that called a model. See `spent`."""
        query = f"SELECT {_PURPOSE} AS purpose, {_SUMS} FROM ({_AMOUNTS}) GROUP BY purpose"  # noqa: S608
        found: dict[Role, Amount] = defaultdict(Amount)
        with self.sound():
            for purpose, *amounts in self.rows(query):
                found[Role(purpose_of(purpose))] += Amount(*amounts)
        return {role: found[role] for role in Role if role in found}

    def unsettled(self) -> dict[tuple[SessionId, int], Amount]:
        """Return the worst case of the calls without an end."""
        with self.sound():
            return {(SessionId(row[0]), row[1]): Amount(*row[2:]) for row in self.rows(_UNSETTLED)}

    def spent_by_session(self) -> dict[SessionId, Amount]:
        """Return what each session used; see `spent`."""
        query = f"SELECT session, {_SUMS} FROM ({_CALLS}) GROUP BY session"  # noqa: S608
        with self.sound():
            return {SessionId(session): Amount(*amounts) for session, *amounts in self.rows(query)}

    def calls_by_session(self) -> dict[SessionId, list[Amount]]:
        """Return what each call of each session used, in their order; see `spent`."""
        found: dict[SessionId, list[Amount]] = defaultdict(list)
        with self.sound():
            for session, _, *amounts in self.rows(f"{_CALLS} ORDER BY session, number"):
                found[SessionId(session)].append(Amount(*amounts))
        return found
