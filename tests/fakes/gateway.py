"""Model access and a ledger in memory: no sockets, scripted answers, calls that cost what a test says."""

import tempfile
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from dgm.core.errors import OutOfBudgetError, ProviderError
from dgm.core.ids import SessionId, purpose_of
from dgm.core.outcomes import Usage
from dgm.core.ports import Grant, Ledger, Role

ONE_CALL = Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=0.01)


class MemoryLedger:
    """A ledger in a dictionary; refuses what the archive's refuses."""

    def __init__(self, *, spent: Usage = Usage()) -> None:  # noqa: B008  # frozen
        self._before = spent
        self._lock = threading.Lock()
        self.calls: dict[tuple[SessionId, int], Usage] = {}
        """Every call at what it used, or at its worst case while that is not known."""
        self.settled: set[tuple[SessionId, int]] = set()

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        with self._lock:
            assert (session, number) not in self.calls, "a call is reserved once"
            self.calls[session, number] = worst_case

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        with self._lock:
            assert (session, number) in self.calls, "a call is reserved before it is settled"
            assert (session, number) not in self.settled, "a call is settled once"
            self.settled.add((session, number))
            self.calls[session, number] = usage

    def spent(self) -> Usage:
        with self._lock:
            return sum(self.calls.values(), self._before)

    def usage_by_role(self) -> dict[Role, Usage]:
        found = {Role.AGENT: self._before}
        with self._lock:
            for (session, _), usage in self.calls.items():
                role = Role(purpose_of(session))
                found[role] = found.get(role, Usage()) + usage
        return found


class FakeModelSession:
    """A `ModelSession` whose calls are made by `ask`, or by a test in an agent's place with `call`."""

    def __init__(self, access: "FakeModelAccess", grant: Grant, directory: Path) -> None:
        self._access = access
        self._grant = grant
        self.directory = directory
        self.model = "fake"
        self.usage = Usage()
        self.fault: Exception | None = None
        self.limit_reached = False
        self.fault_at_close: Exception | None = None
        self.lost_s = 0.0
        self.is_held_up = False
        self.admitted: list[int] = []

    def admit(self, peer_uid: int) -> None:
        self.admitted.append(peer_uid)

    def ask(self, prompt: str) -> str:
        return self.call(prompt) or ""

    def call(self, prompt: str) -> str | None:
        """Return the next scripted answer, None when the session's own limits refuse the call."""
        if self.fault is not None:
            raise self.fault
        if (self.usage + ONE_CALL).calls > self._grant.limits.calls:
            self.limit_reached = True
            return None
        try:
            answer = self._access.next_answer(self._grant.session, self.usage.calls + 1, prompt)
        except (OutOfBudgetError, ProviderError) as error:
            self.fault = error
            raise
        self.usage += ONE_CALL
        return answer


class FakeModelAccess:
    """A `ModelAccess` that gives scripted answers, one after the other over all sessions; the last for ever after."""

    def __init__(
        self, answers: Iterable[str | Exception] = ("",), *, ledger: Ledger | None = None, max_calls: int | None = None
    ) -> None:
        """Take the script.

        Args:
            answers: texts, or exceptions to raise in their place.
            ledger: where calls are booked.
            max_calls: the run's cap.
        """
        self.answers = list(answers)
        self._ledger = MemoryLedger() if ledger is None else ledger
        self._max_calls = max_calls
        self._lock = threading.Lock()
        self._transcripts: dict[SessionId, list[str]] = {}
        self.sessions: list[tuple[Grant, FakeModelSession]] = []
        self.prompts: list[str] = []
        self.overflows: set[SessionId] = set()
        """Sessions that became longer than the model's context."""

    @contextmanager
    def session(self, grant: Grant) -> Generator[FakeModelSession, None, None]:
        self._require_money()
        with tempfile.TemporaryDirectory(prefix="fake-gateway-") as directory:
            session = FakeModelSession(self, grant, Path(directory))
            self.sessions.append((grant, session))
            yield session
            session.fault = session.fault or session.fault_at_close

    def transcript(self, session: SessionId) -> str:
        return "\n".join(self._transcripts.get(session, ()))

    def overflowed(self, session: SessionId) -> bool:
        return session in self.overflows

    def next_answer(self, session: SessionId, number: int, prompt: str) -> str:
        """Return or raise what the script says, and book it."""
        with self._lock:
            self._require_money()
            self._ledger.reserve_call(session, number, worst_case=ONE_CALL)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.prompts.append(prompt)
            if isinstance(answer, Exception):
                raise answer
            self._ledger.settle_call(session, number, usage=ONE_CALL)
            said = ["[user]", prompt, "[assistant]", answer or "(empty reply)"]
            self._transcripts.setdefault(session, []).extend(said)
            return answer

    def _require_money(self) -> None:
        if self._max_calls is not None and self._ledger.spent().calls >= self._max_calls:
            raise OutOfBudgetError(f"The run's {self._max_calls} calls are used up.")
