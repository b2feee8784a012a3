"""One session: what an agent may ask through its socket and the host by `ask`, and what stopped it.

When a session closes while a call is under way, nobody gets the answer, but the call is paid for: it is finished and
settled. Closing waits for that up to a bound. A call that takes longer counts at its worst case in the session's
`usage`, which is final from then on; the ledger still learns the true figure when the call ends, as long as the gateway
lives, and keeps the worst case otherwise. So sessions never add up to less than the ledger, nor the ledger to less than
the bill.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from dgm.boundary.chat import ChatRequest, Message, parse_chat_request
from dgm.core.errors import HostileBytesError, InfrastructureError, OutOfBudgetError, ProviderRefusedError
from dgm.core.outcomes import Usage
from dgm.core.ports import MOST_CALLS_AT_ONCE
from dgm.gateway.calls import Answer, Caller, SessionClosedError
from dgm.gateway.directories import SOCKET_NAME
from dgm.gateway.money import SessionLimitError
from dgm.gateway.provider import REFUSED_CONTENT, TOO_LONG, RequestRefusedError
from dgm.gateway.replies import Reply, completion_reply, error_reply
from dgm.gateway.silence import Replies

_MAX_REFUSALS_NOTED = 50  # in the transcript: nonsense must not fill the host's disk


class Session:
    """A `core.ports.ModelSession`, and what its socket's HTTP server asks."""

    def __init__(self, directory: Path, caller: Caller, *, wake_waiting: Callable[[], None]) -> None:
        self._directory = directory
        self._caller = caller
        self._wake_waiting = wake_waiting
        self._admitted_uid: int | None = None
        self._fault: Exception | None = None
        self._limit_reached = False
        self._refusals_noted = 0
        self._answer_numbers = count(1)
        self._under_way = 0
        self._changed = threading.Condition()

    @property
    def directory(self) -> Path:
        """Host directory that holds nothing but `model.sock`."""
        return self._directory

    @property
    def model(self) -> str:
        """The name that a request must carry as its `model`."""
        return self._caller.provider.name

    @property
    def usage(self) -> Usage:
        """What the session used so far; final once it is closed."""
        return self._caller.account.usage

    @property
    def fault(self) -> Exception | None:
        """What stopped a call without being the agent's doing; from then on every call is refused.

        A socket that is gone, such as by a cleaner of temporary files, stops all calls unseen: so it is looked for.
        """
        if not self._caller.closed.is_set() and not (self._directory / SOCKET_NAME).is_socket():
            self.fail(InfrastructureError("The session's socket was removed while it was in use."))
        return self._fault

    @property
    def limit_reached(self) -> bool:
        """Whether a call was refused for the session's own limits."""
        return self._limit_reached

    @property
    def lost_s(self) -> float:
        """Seconds in which calls waited for a failing or overloaded provider, or for money that others have set aside;
        waits that go on are included."""
        return self._caller.lost.total_s

    @property
    def is_held_up(self) -> bool:
        """Whether a call waits like that at this moment."""
        return self._caller.lost.goes_on

    @property
    def replies(self) -> Replies:
        """Whether the model said anything."""
        return self._caller.replies

    @property
    def admitted_uid(self) -> int | None:
        """The only uid that may connect, None for nobody."""
        return self._admitted_uid

    def admit(self, peer_uid: int) -> None:
        """Let processes of this uid connect; before, nobody can."""
        self._admitted_uid = peer_uid

    def ask(self, prompt: str) -> str:
        """Return the model's answer to one question from the host.

        Returns:
            "" where the session's own limits refuse it, the prompt is longer than the model's context, or the provider
            refuses its content: prompts quote what agents wrote, which must not be able to stop a run.
        Raises:
            OutOfBudgetError: the run's cap is reached.
            ProviderError: the provider failed, or the model does not take this prompt.
        """
        request = ChatRequest(model=self.model, messages=(Message(role="user", content=prompt),))
        try:
            with self._counted():
                return self._call(request).completion.content or ""
        except SessionLimitError:
            return ""
        except RequestRefusedError as error:
            if error.code in {TOO_LONG, REFUSED_CONTENT}:
                return ""
            raise ProviderRefusedError(f"{error} {error.detail}".rstrip()) from error

    def answer(self, body: bytes) -> Reply:
        """Return what to tell an agent that posted `body`; blocks until that is known, and never raises."""
        try:
            with self._counted():
                return self._answer(body)
        except HostileBytesError as error:
            return error_reply(400, str(error))
        except RequestRefusedError as error:
            return error_reply(400, str(error), code=error.code)
        except SessionLimitError as error:
            return error_reply(402, str(error))
        except OutOfBudgetError:
            return error_reply(402, "The budget is used up.")
        except _TooManyCallsError:
            return error_reply(429, f"More than {MOST_CALLS_AT_ONCE} calls at once.")
        except Exception:  # noqa: BLE001  # it is kept in `fault`; here is the end of a thread, and the agent's only door
            return error_reply(502, "The model's provider failed.")

    def fail(self, error: Exception) -> None:
        """Note what stopped a call without being the agent's doing; only the first is kept."""
        self._fault = self._fault or error

    def close(self, *, wait_s: float) -> bool:
        """Start no more calls, wait up to `wait_s` for those under way, and make `usage` final.

        Returns:
            Whether no call is under way any more.
        """
        self._caller.closed.set()
        self._wake_waiting()
        done = self.wait(wait_s=wait_s)
        self._caller.account.finish()
        return done

    def wait(self, *, wait_s: float) -> bool:
        """Wait up to `wait_s` for the calls under way and return whether they ended."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout=wait_s)

    def _answer(self, body: bytes) -> Reply:
        request = self._parsed(body)
        answer = self._call(request)
        created = int(self._caller.clock.now())
        return completion_reply(answer, number=next(self._answer_numbers), created=created, model=self.model)

    def _call(self, request: ChatRequest) -> Answer:
        if self._fault is not None:  # such a session is not scored: more money on it would be lost
            raise self._fault
        try:
            return self._caller.call(request)
        except SessionLimitError:
            self._limit_reached = True
            raise
        except (RequestRefusedError, SessionClosedError):
            raise
        except Exception as error:
            self.fail(error)
            raise

    @contextmanager
    def _counted(self) -> Generator[None, None, None]:
        with self._changed:
            if self._caller.closed.is_set():
                raise SessionClosedError
            if self._under_way >= MOST_CALLS_AT_ONCE:  # also those of connections that went away since
                raise _TooManyCallsError
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _parsed(self, body: bytes) -> ChatRequest:
        try:
            return parse_chat_request(body, model=self.model)
        except HostileBytesError as error:
            self._note(str(error))
            raise

    def _note(self, refusal: str) -> None:
        if self._refusals_noted >= _MAX_REFUSALS_NOTED:
            return
        self._refusals_noted += 1
        try:
            self._caller.note_refusal(refusal)
        except InfrastructureError as error:
            self.fail(error)
            raise


class _TooManyCallsError(Exception):
    """As many calls are under way as a session may have."""
