"""The gateway: the only way to a model, and the only holder of its provider's key."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from uvicorn.config import Config

from dgm.config import Budget, Calls
from dgm.core.errors import UnknownNameError
from dgm.core.ids import SessionId
from dgm.core.ports import Clock, Grant, Ledger, Role
from dgm.gateway.app import server_config
from dgm.gateway.calls import Caller
from dgm.gateway.directories import listen, make_directory, remove_directory
from dgm.gateway.money import Account, Purse
from dgm.gateway.provider import TOO_LONG, Provider, RoleModel
from dgm.gateway.records import read_records
from dgm.gateway.retries import Retries
from dgm.gateway.server import Door, HttpLimits, SessionProtocol
from dgm.gateway.session import Session
from dgm.gateway.silence import Replies, Silence
from dgm.gateway.throttle import Throttle
from dgm.gateway.transcripts import TranscriptWriter, read_transcript, transcript_path
from dgm.gateway.waiting import LostTime, Waiter

_log = logging.getLogger(__name__)

_TASKS_END_S = 5.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What is the same for all sessions; tests use smaller ones."""

    http: HttpLimits = field(default_factory=HttpLimits)
    retries: Retries = field(default_factory=Retries)
    concurrency: int = 64
    """Calls to one provider at a time."""
    silent_sessions: int = 10
    """That many in a row without a good answer are the last."""
    close_wait_s: float = 30.0
    """How long a closing session waits for a call under way; see `dgm.gateway.session`."""


def limits_of(calls: Calls) -> GatewayLimits:
    """Return the limits that a configuration gives."""
    return GatewayLimits(
        retries=Retries(patience_s=calls.patience_s),
        concurrency=calls.concurrency,
        silent_sessions=calls.silent_sessions,
    )


def by_role(models: Mapping[Role, RoleModel]) -> Callable[[Grant], RoleModel]:
    """Return what tells a session's model by its role.

    Raises (when asked):
        UnknownNameError: the role has no model.
    """

    def model_for(grant: Grant) -> RoleModel:
        if grant.role not in models:
            raise UnknownNameError(f"No model is configured for the role {grant.role.value!r}.")
        return models[grant.role]

    return model_for


class Gateway:
    """A `core.ports.ModelAccess`. A context manager: its one thread and all sockets are gone when the context ends."""

    def __init__(
        self,
        model_for: Callable[[Grant], RoleModel],
        ledger: Ledger,
        *,
        budget: Budget,
        transcripts: Path,
        clock: Clock,
        waiter: Waiter,
        limits: GatewayLimits = GatewayLimits(),
    ) -> None:
        """Set up without starting anything.

        Args:
            model_for: tells the model of a session, such as `by_role` does.
            ledger: what was spent before counts; written to from many threads at once.
            budget: the run's caps.
            transcripts: directory for one file per session; made if absent.
            clock: for transcripts, and for how long providers fail.
            waiter: waits before calls are tried again.
            limits: of the HTTP server and of calls to providers.
        """
        self._model_for = model_for
        self._purse = Purse(budget, ledger)
        self._probes_purse = Purse(Budget(), ledger)
        self._transcripts = transcripts
        self._clock = clock
        self._waiter = waiter
        self._limits = limits
        self._silence = Silence(limits.silent_sessions)
        self._throttles: dict[str, Throttle] = {}
        self._throttles_lock = threading.Lock()
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
        self._probes_purse.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def session(self, grant: Grant) -> Generator[Session, None, None]:
        """Open a line for one session.

        Raises:
            OutOfBudgetError: the run's cap is reached, so no new session starts.
            ProviderRefusedError: too many sessions in a row got no good answer.
            UnknownNameError: the role has no model.
        """
        model = self._model_for(grant)
        if grant.role is not Role.PROBE:
            self._purse.require_money()
            self._silence.require_answers()
        directory = make_directory()
        try:
            throttle = self._throttle(model.provider)
            session = Session(directory, self._caller(grant, model, throttle), wake_waiting=self._waker(throttle))
            with self._door(session, grant.role):
                _log.info("session %s: open at %s for %s", grant.session, directory, session.model)
                yield session
        finally:
            remove_directory(directory)
        usage = session.usage
        _log.info("session %s: closed, %d calls, $%.4f", grant.session, usage.calls, usage.cost_usd)

    def transcript(self, session: SessionId) -> str:
        """Return a session's conversation as readable text; "" if it has none."""
        return read_transcript(transcript_path(self._transcripts, session))

    def overflowed(self, session: SessionId) -> bool:
        """Return whether a session's model refused a call as longer than its context, as its transcript tells."""
        records = read_records(transcript_path(self._transcripts, session)).records
        return any(record.error is not None and record.error.code == TOO_LONG for record in records)

    def _throttle(self, provider: Provider) -> Throttle:
        """Return the one throttle of all models that stand behind the same name, such as "openai"."""
        name = provider.name.partition(":")[0]
        with self._throttles_lock:
            if name not in self._throttles:
                self._throttles[name] = Throttle(self._limits.concurrency, clock=self._clock, waiter=self._waiter)
            return self._throttles[name]

    def _waker(self, throttle: Throttle) -> Callable[[], None]:
        def wake() -> None:
            self._purse.wake()
            throttle.wake()

        return wake

    def _caller(self, grant: Grant, model: RoleModel, throttle: Throttle) -> Caller:
        # A probe costs nothing, and what it is the end of is paid for: no cap may refuse it.
        purse = self._probes_purse if grant.role is Role.PROBE else self._purse
        return Caller(
            grant=grant,
            model=model,
            account=Account(grant.session, grant.limits, purse),
            transcript=TranscriptWriter(transcript_path(self._transcripts, grant.session)),
            clock=self._clock,
            waiter=self._waiter,
            throttle=throttle,
            retries=self._limits.retries,
            lost=LostTime(self._clock),
            replies=Replies() if grant.role is Role.PROBE else Replies(heard=self._silence.heard),
        )

    @contextmanager
    def _door(self, session: Session, role: Role) -> Generator[None, None, None]:
        """Serve a session's socket; when the context ends nothing is reachable and the session is closed."""
        door = Door(
            limits=self._limits.http,
            model=session.model,
            admitted_uid=lambda: session.admitted_uid,
            answer=session.answer,
            fail=session.fail,
        )
        self._unfinished.add(session)
        server = self._on_loop(self._start_server(listen(session.directory), door))
        try:
            yield
        finally:
            self._on_loop(_stop_server(server, door))
            if session.close(wait_s=self._limits.close_wait_s):
                self._unfinished.discard(session)
            if role is not Role.PROBE:
                self._silence.note(session.model, session.replies)

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
