"""A provider that can be made to fail: the simulated model behind an OpenAI-compatible server of our own."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from dgm.benchmarks.catalogue import benchmark_named
from dgm.gateway.provider import Completion
from dgm.gateway.rehearsal import RehearsalProvider
from tests.fakes.openai_rules import FakeModel, Refusal
from tests.fakes.openai_server import KEY, Asked, OpenAiServer

_SEED = 3
_OVERLOADED, _BROKEN = 429, 500


@dataclass
class Provider:
    """The server, as runs see it."""

    server: OpenAiServer
    fails: threading.Event = field(default_factory=threading.Event)
    """While it is set, no call is answered."""

    @property
    def environment(self) -> dict[str, str]:
        """What a run needs to call it."""
        return {"OPENAI_API_KEY": KEY}

    @property
    def settings(self) -> str:
        """The tables of a configuration that uses it."""
        rates = self.server.rates
        return f"""
[models]
agent = "openai:fake-model"
[calls]
patience_s = 2.0
[openai]
base_url = "{self.server.base_url}"
[prices."openai:fake-model"]
input_usd = {rates.input_usd}
output_usd = {float(rates.output_usd)}
cache_read_usd = {rates.cached_usd}
cache_write_usd = {rates.cache_write_usd}
[parameters."openai:fake-model"]
api = "chat"
temperature = true
"""


@contextmanager
def failing_provider() -> Generator[Provider]:
    """Serve it."""
    model = RehearsalProvider(benchmark_named("katas").known_tasks())

    failures = count()

    def brain(asked: Asked) -> Completion:
        if provider.fails.is_set():
            raise Refusal(_OVERLOADED if next(failures) % 2 else _BROKEN, "the provider fails")
        return model.complete(asked.request, output_tokens=asked.output_tokens, seed=_SEED)

    with OpenAiServer(brain, models={"fake-model": FakeModel(writes_cache=True)}) as server:
        provider = Provider(server)
        yield provider
