"""What calls cost, kept as a running sum so that asking does not read all of them again."""

from dgm.archive.facts import Facts
from dgm.archive.records import Amount
from dgm.core.errors import ArchiveError
from dgm.core.ids import SessionId


class Spending:
    """The sum of all calls, those without an end at their worst case. Guarded by the archive's lock."""

    def __init__(self, facts: Facts) -> None:
        self._total = facts.spent()
        self._unsettled = facts.unsettled()

    @property
    def total(self) -> Amount:
        """Return what was spent at most."""
        return self._total

    @property
    def unsettled(self) -> Amount:
        """Return the worst case of the calls without an end."""
        return sum(self._unsettled.values(), Amount())

    def reserve(self, session: SessionId, number: int, worst_case: Amount) -> None:
        """Count a call that is about to be sent."""
        self._unsettled[session, number] = worst_case
        self._total += worst_case

    def settle(self, session: SessionId, number: int, amount: Amount) -> None:
        """Count what it used in place of its worst case."""
        self._total = self._total - self._unsettled.pop((session, number)) + amount

    def require_reserved(self, session: SessionId, number: int) -> None:
        """Refuse to settle what was not reserved or is settled.

        Raises:
            ArchiveError: there is no such call without an end.
        """
        if (session, number) not in self._unsettled:
            raise ArchiveError(f"Call {number} of session {session} was not reserved or is settled already.")
