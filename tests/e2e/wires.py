"""The vendors' wire formats for whole runs: a fake vendor with the rehearsal model behind it, and how a run uses it."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.chat import ChatRequest
from dgm.gateway.provider import Completion
from dgm.gateway.rehearsal import RehearsalProvider
from tests.e2e.conftest import write_config
from tests.fakes import anthropic_server, openai_server
from tests.fakes.anthropic_brains import Said, rehearsing
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_rules import FakeModel
from tests.fakes.openai_server import Asked, OpenAiServer

WIRES = ("openai chat", "openai responses", "anthropic")
_SEED = 3


@dataclass(frozen=True)
class Wire:
    """One vendor, as a run sees it."""

    model: str
    key_variable: str
    key: str
    settings: str
    """TOML."""
    billed_usd: Callable[[], Decimal]
    cached_share: Callable[[], float]
    hold: "Hold"

    def config(self, directory: Path, **fields: int) -> Path:
        """Write the configuration of a small run."""
        path = write_config(directory / "wire.toml", **fields)
        path.write_text(path.read_text() + self.settings)
        return path


@dataclass
class Hold:
    """Keeps one call from ever being answered, and so from being billed."""

    at: int = 0
    """Number of the call, from 1; none for 0."""
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self) -> None:
        """Count a call; the one to be held waits here and then breaks its handler off."""
        with self.lock:
            self.calls += 1
            is_held = self.calls == self.at
        if is_held:
            self.reached.set()
            self.release.wait()
            raise ConnectionAbortedError("this call is never answered")


@contextmanager
def wire(name: str) -> Generator[Wire]:
    """Serve one of `WIRES`."""
    model, hold = RehearsalProvider(benchmark_named("katas").known_tasks()), Hold()
    serve = _anthropic if name == "anthropic" else _openai
    with serve(model, hold, name) as served:
        try:
            yield served
        finally:
            hold.release.set()


@contextmanager
def _openai(model: RehearsalProvider, hold: Hold, name: str) -> Generator[Wire]:
    def brain(asked: Asked) -> Completion:
        hold.passed()
        return model.complete(asked.request, output_tokens=asked.output_tokens, seed=_SEED)

    reasons = name == "openai responses"
    with OpenAiServer(brain, models={"fake-model": FakeModel(reasons=reasons, writes_cache=True)}) as server:
        rates = server.rates
        settings = f"""
[models]
agent = "openai:fake-model"
[openai]
base_url = "{server.base_url}"
[prices."openai:fake-model"]
input_usd = {rates.input_usd}
output_usd = {float(rates.output_usd)}
cache_read_usd = {rates.cached_usd}
cache_write_usd = {rates.cache_write_usd}
[parameters."openai:fake-model"]
api = "{"responses" if reasons else "chat"}"
temperature = {str(not reasons).lower()}
"""
        yield Wire(
            model="openai:fake-model",
            key_variable="OPENAI_API_KEY",
            key=openai_server.KEY,
            settings=settings,
            billed_usd=lambda: server.billed_usd,
            cached_share=lambda: _share(server),
            hold=hold,
        )


def _share(server: OpenAiServer) -> float:
    return sum(bill.cached_tokens for bill in server.bills) / sum(bill.input_tokens for bill in server.bills)


@contextmanager
def _anthropic(model: RehearsalProvider, hold: Hold, _: str) -> Generator[Wire]:
    rehearse = rehearsing(model, seed=_SEED, thoughts="Let me look at this.")

    def brain(request: ChatRequest) -> Said:
        hold.passed()
        return rehearse(request)

    with AnthropicServer(brain) as server:
        price = anthropic_server.PRICE
        settings = f"""
[models]
agent = "anthropic:{anthropic_server.MODEL}"
[anthropic]
base_url = "{server.base_url}"
[prices."anthropic:{anthropic_server.MODEL}"]
input_usd = {price.input_usd}
output_usd = {price.output_usd}
cache_read_usd = {price.cache_read_usd}
cache_write_usd = {price.cache_write_usd}
"""
        yield Wire(
            model=f"anthropic:{anthropic_server.MODEL}",
            key_variable="ANTHROPIC_API_KEY",
            key=anthropic_server.KEY,
            settings=settings,
            billed_usd=lambda: server.billed_usd,
            cached_share=lambda: server.cached_share,
            hold=hold,
        )
