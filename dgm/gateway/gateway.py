"""The gateway: the only way to a model, and the only holder of its provider's key."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from uvicorn.config import Config

from dgm.config import Budget
from dgm.core.errors import UnknownNameError
from dgm.core.ids import SessionId
from dgm.core.ports import Clock, Grant, Ledger, Role
from dgm.gateway.app import server_config
from dgm.gateway.calls import Caller, Retries
from dgm.gateway.directories import listen, make_directory, remove_directory
from dgm.gateway.money import Account, Purse
from dgm.gateway.provider import Provider
from dgm.gateway.server import Door, HttpLimits, SessionProtocol
from dgm.gateway.session import Session
from dgm.gateway.transcripts import TranscriptWriter, read_transcript, transcript_path

_log = logging.getLogger(__name__)

_TASKS_END_S = 5.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What is the same for all sessions; tests use smaller ones."""

    http: HttpLimits = field(default_factory=HttpLimits)
    retries: Retries = field(default_factory=Retries)
    close_wait_s: float = 30.0
    """How long a closing session waits for a call under way; see `dgm.gateway.session`."""


class Gateway:
    """A `core.ports.ModelAccess`. A context manager: its one thread and all sockets are gone when the context ends."""

    def __init__(
        self,
        providers: Mapping[Role, Provider],
        ledger: Ledger,
        *,
        budget: Budget,
        transcripts: Path,
        output_tokens: int,
        clock: Clock,
        limits: GatewayLimits = GatewayLimits(),
    ) -> None:
        """Set up without starting anything.

        Args:
            providers: the model of each role.
            ledger: what was spent before counts; written to from many threads at once.
            budget: the run's caps.
            transcripts: directory for one file per session; made if absent.
            output_tokens: the most that one answer may have.
            clock: for transcripts.
            limits: of the HTTP server and the provider's retries.
        """
        self._providers = providers
        self._purse = Purse(budget, ledger)
        self._transcripts = transcripts
        self._output_tokens = output_tokens
        self._clock = clock
        self._limits = limits
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="dgm-gateway", daemon=True)
        self._config: Config | None = None
        self._unfinished: set[Session] = set()

    def __enter__(self) -> Self:
        self._transcripts.mkdir(parents=True, exist_ok=True)
        self._config = server_config()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + self._limits.close_wait_s
        for session in list(self._unfinished):
            session.wait(wait_s=max(0.0, deadline - time.monotonic()))
        self._purse.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def session(self, grant: Grant) -> Generator[Session, None, None]:
        """Open a line for one session.

        Raises:
            OutOfBudgetError: the run's cap is reached, so no new session starts.
            UnknownNameError: the role has no model.
        """
        provider = self._providers.get(grant.role)
        if provider is None:
            raise UnknownNameError(f"No model is configured for the role {grant.role.value!r}.")
        self._purse.require_money()
        directory = make_directory()
        try:
            session = Session(directory, self._caller(grant, provider), wake_waiting=self._purse.wake)
            with self._door(session):
                _log.info("session %s: open at %s for %s", grant.session, directory, provider.name)
                yield session
        finally:
            remove_directory(directory)
        usage = session.usage
        _log.info("session %s: closed, %d calls, $%.4f", grant.session, usage.calls, usage.cost_usd)

    def transcript(self, session: SessionId) -> str:
        """Return a session's conversation as readable text; "" if it has none."""
        return read_transcript(transcript_path(self._transcripts, session))

    def _caller(self, grant: Grant, provider: Provider) -> Caller:
        return Caller(
            provider=provider,
            account=Account(grant.session, grant.limits, self._purse),
            transcript=TranscriptWriter(transcript_path(self._transcripts, grant.session)),
            clock=self._clock,
            output_tokens=self._output_tokens,
            retries=self._limits.retries,
            seed=grant.seed,
            is_free=grant.role is Role.PROBE,
            closed=threading.Event(),
        )

    @contextmanager
    def _door(self, session: Session) -> Generator[None, None, None]:
        """Serve a session's socket; when the context ends nothing is reachable and the session is closed."""
        door = Door(
            limits=self._limits.http,
            model=session.model,
            admitted_uid=lambda: session.admitted_uid,
            answer=session.answer,
        )
        self._unfinished.add(session)
        server = self._on_loop(self._start_server(listen(session.directory), door))
        try:
            yield
        finally:
            self._on_loop(_stop_server(server, door))
            if session.close(wait_s=self._limits.close_wait_s):
                self._unfinished.discard(session)

    async def _start_server(self, listener: socket.socket, door: Door) -> asyncio.Server:
        config = self._config
        assert config is not None, "a session needs an open gateway"  # noqa: S101
        return await self._loop.create_unix_server(
            lambda: SessionProtocol(config, door, {"door": door}), sock=listener, backlog=64
        )

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _on_loop(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _stop_server(server: asyncio.Server, door: Door) -> None:
    """Stop listening, drop every client, and let their requests' tasks come to an end."""
    server.close()
    door.close()
    tasks = [task for task in door.state.tasks if not task.done()]
    if tasks:
        await asyncio.wait(tasks, timeout=_TASKS_END_S)
    await asyncio.sleep(0)  # the transports' own last step
