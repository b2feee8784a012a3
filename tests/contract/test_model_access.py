"""What the gateway and its fake have in common."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from dgm.config import Budget
from dgm.core.errors import OutOfBudgetError, ProviderError
from dgm.core.ids import SessionId
from dgm.core.ports import ModelAccess, SessionLimits
from dgm.gateway.retries import Retries
from tests.fakes.gateway import FakeModelAccess, MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, grant, says


class MakeAccess(Protocol):
    def __call__(
        self, *answers: str | Exception, ledger: MemoryLedger | None = None, max_calls: int | None = None
    ) -> AbstractContextManager[ModelAccess]: ...


def _fake(_: Path) -> MakeAccess:
    @contextmanager
    def make(
        *answers: str | Exception, ledger: MemoryLedger | None = None, max_calls: int | None = None
    ) -> Generator[ModelAccess, None, None]:
        yield FakeModelAccess(answers, ledger=ledger, max_calls=max_calls)

    return make


def _real(directory: Path) -> MakeAccess:
    @contextmanager
    def make(
        *answers: str | Exception, ledger: MemoryLedger | None = None, max_calls: int | None = None
    ) -> Generator[ModelAccess, None, None]:
        script = [answer if isinstance(answer, Exception) else says(answer) for answer in answers]
        setting = Setting(
            directory,
            provider=ScriptedProvider(*script),
            ledger=ledger or MemoryLedger(),
            budget=Budget(max_calls=max_calls),
            retries=Retries(costly_failures=1),
        )
        with setting.gateway() as gateway:
            yield gateway

    return make


@pytest.fixture(params=[_fake, _real], ids=["fake", "real"])
def make_access(request: pytest.FixtureRequest, tmp_path: Path) -> MakeAccess:
    make: Callable[[Path], MakeAccess] = request.param
    return make(tmp_path)


def test_answers_come_in_the_models_order(make_access: MakeAccess) -> None:
    with make_access("one", "two") as access, access.session(grant()) as session:
        assert [session.ask("a"), session.ask("b")] == ["one", "two"]


def test_what_a_session_used_stands_in_the_ledger_and_stays_after_its_end(make_access: MakeAccess) -> None:
    ledger = MemoryLedger()
    with make_access("one", ledger=ledger) as access:
        with access.session(grant()) as session:
            session.ask("a")
            session.ask("b")
        assert (session.usage, session.usage.calls) == (ledger.spent(), 2)


def test_calls_are_numbered_from_one_in_each_session(make_access: MakeAccess) -> None:
    ledger = MemoryLedger()
    with make_access("one", ledger=ledger) as access:
        for name in ("00001.1.agent", "00002.1.agent"):
            with access.session(grant(name)) as session:
                session.ask("a")
                session.ask("b")
    assert sorted(ledger.calls) == [
        ("00001.1.agent", 1),
        ("00001.1.agent", 2),
        ("00002.1.agent", 1),
        ("00002.1.agent", 2),
    ]


def test_a_session_over_its_own_limit_gets_no_answer_and_says_so(make_access: MakeAccess) -> None:
    with make_access("one") as access, access.session(grant(limits=SessionLimits(calls=1))) as session:
        session.ask("a")
        reached_before = session.limit_reached
        assert (session.ask("b"), reached_before, session.limit_reached) == ("", False, True)


def test_a_sessions_own_limit_is_no_fault(make_access: MakeAccess) -> None:
    with make_access("one") as access, access.session(grant(limits=SessionLimits(calls=1))) as session:
        session.ask("a")
        session.ask("b")
        assert session.fault is None


def test_a_providers_failure_is_raised_and_kept(make_access: MakeAccess) -> None:
    failure = ProviderError("down")
    with make_access(failure) as access, access.session(grant()) as session:
        with pytest.raises(ProviderError, match="down"):
            session.ask("a")
        assert session.fault is failure


def test_nothing_more_is_spent_on_a_session_with_a_fault(make_access: MakeAccess) -> None:
    ledger = MemoryLedger()
    with make_access(ProviderError("down"), "up", ledger=ledger) as access, access.session(grant()) as session:
        for _ in range(2):
            with pytest.raises(ProviderError, match="down"):
                session.ask("a")
    assert ledger.spent().calls == 1


def test_the_runs_cap_stops_a_call_and_is_kept_as_the_fault(make_access: MakeAccess) -> None:
    with make_access("one", max_calls=1) as access, access.session(grant()) as session:
        session.ask("a")
        with pytest.raises(OutOfBudgetError):
            session.ask("b")
        assert isinstance(session.fault, OutOfBudgetError)


def test_no_session_starts_once_the_runs_cap_is_reached(make_access: MakeAccess) -> None:
    with make_access("one", max_calls=1) as access:
        with access.session(grant()) as session:
            session.ask("a")
        with pytest.raises(OutOfBudgetError), access.session(grant("00002.1.agent")):
            pass


def test_what_was_spent_before_counts_against_the_cap(make_access: MakeAccess) -> None:
    ledger = MemoryLedger()
    with make_access("one", ledger=ledger) as access, access.session(grant()) as session:
        session.ask("a")
    with (
        make_access("one", ledger=ledger, max_calls=1) as access,
        pytest.raises(OutOfBudgetError),
        access.session(grant("00002.1.agent")),
    ):
        pass


def test_the_transcript_shows_question_and_answer(make_access: MakeAccess) -> None:
    with make_access("one", "") as access:
        with access.session(grant()) as session:
            session.ask("a")
            session.ask("b")
        assert access.transcript(SessionId("00001.1.agent")).splitlines()[:4] == ["[user]", "a", "[assistant]", "one"]


def test_an_empty_answer_shows_in_the_transcript(make_access: MakeAccess) -> None:
    with make_access("") as access:
        with access.session(grant()) as session:
            session.ask("a")
        assert access.transcript(SessionId("00001.1.agent")) == "[user]\na\n[assistant]\n(empty reply)"


def test_a_session_that_made_no_call_has_no_transcript(make_access: MakeAccess) -> None:
    with make_access("one") as access:
        with access.session(grant()):
            pass
        assert access.transcript(SessionId("00001.1.agent")) == ""


def test_the_sessions_directory_is_gone_with_the_session(make_access: MakeAccess) -> None:
    with make_access("one") as access:
        with access.session(grant()) as session:
            existed = session.directory.is_dir()
        assert (existed, session.directory.exists()) == (True, False)
