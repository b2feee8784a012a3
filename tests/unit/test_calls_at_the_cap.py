"""Many parallel calls at the last cent: what was spent or set aside never exceeds the cap, nor does the bill."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from dgm.boundary.chat import ChatRequest
from dgm.config import Budget
from dgm.core.errors import OutOfBudgetError, ProviderError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.gateway.prices import usage_of
from dgm.gateway.provider import Completion, KeptTurns, OverloadedError, UnbilledError
from dgm.gateway.retries import Retries
from dgm.gateway.session import Session
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, grant, says
from tests.fakes.time import FakeTime

CALLS, SESSIONS, OUTPUT_TOKENS = 50, 10, 200
MARGIN_USD = 1e-9  # sums of floats


class WatchedLedger(MemoryLedger):
    """Remembers the most that it ever held."""

    def __init__(self) -> None:
        super().__init__()
        self.peak_usd = 0.0

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        super().reserve_call(session, number, worst_case=worst_case)
        self.peak_usd = max(self.peak_usd, self.spent().cost_usd)


class Moody(ScriptedProvider):
    """Bills some share of the worst case for each call that it took up, also for those that it fails at."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)
        self._billing = threading.Lock()
        self.billed_usd = 0.0

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:  # noqa: ARG002
        for _ in range(50):
            time.sleep(0)  # lets other threads run, so that calls meet
        with self._billing:
            mood = self._random.random()
            share = self._random.choice([0.0, self._random.random(), 1.0])
            bound = self.input_token_bound(request, kept)
            answer = says("x", input_tokens=round(bound * share), output_tokens=round(output_tokens * share))
            if mood < 0.1:
                raise UnbilledError("busy")
            if mood < 0.2:
                raise OverloadedError("too much", retry_after_s=self._random.choice([None, 3.0]))
            self.billed_usd += usage_of(answer, self.price).cost_usd
            if mood < 0.3:
                raise ProviderError("cut off")
            return answer


@pytest.mark.parametrize("seed", range(8))
def test_fifty_parallel_calls_never_exceed_the_cap(tmp_path: Path, seed: int) -> None:
    ticking, ledger, provider = FakeTime(), WatchedLedger(), Moody(seed)
    cap_usd = Random(seed).choice([0.03, 0.1, 0.3])  # one call takes up to 0.028
    setting = Setting(
        tmp_path,
        provider=provider,
        ledger=ledger,
        budget=Budget(max_cost_usd=cap_usd),
        retries=Retries(),
        clock=ticking,
        waiter=ticking,
        concurrency=8,
        output_tokens=OUTPUT_TOKENS,
    )
    start = threading.Barrier(CALLS)

    def call(session: Session) -> str:
        start.wait(10)
        try:
            return "answered" if session.ask("a") else "empty"
        except OutOfBudgetError:
            return "cap"
        except ProviderError:
            return "fault"

    with setting.gateway() as gateway, ExitStack() as open_sessions:
        sessions = [
            open_sessions.enter_context(gateway.session(grant(f"{number:05}.1.agent"))) for number in range(SESSIONS)
        ]
        with ThreadPoolExecutor(CALLS) as pool:
            results = list(pool.map(call, [sessions[number % SESSIONS] for number in range(CALLS)], timeout=30))
    assert provider.billed_usd <= ledger.spent().cost_usd + MARGIN_USD
    assert ledger.peak_usd <= cap_usd + MARGIN_USD
    assert "cap" in results
