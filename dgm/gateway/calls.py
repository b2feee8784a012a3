"""One call to a model: money aside, provider asked, money settled, transcript written.

What becomes of a call, whatever happens around it:

- It is sent only after its worst case is in the ledger.
- The provider answered: the ledger gets what it used, then the transcript its words, then the agent the answer.
- It failed and cannot have been billed: settled with zero tokens and cost. Where it was refused for now
  (`UnbilledError`) it does not count as a call either, since it is made again.
- It failed and may have been billed (any other `ProviderError`: a time-out, a broken connection, a status of 5xx, an
  answer that cannot be read): it stays in the ledger at its worst case.

A further attempt is a call of its own there. The agent sees nothing of attempts but the time that they take, which
`Caller.lost` counts.
"""

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, Message
from dgm.core.errors import InfrastructureError, ProviderError, ProviderRefusedError
from dgm.core.outcomes import Usage
from dgm.core.ports import Clock, Grant, Role
from dgm.gateway.bounds import Heard, bounded
from dgm.gateway.money import NO_CALL, UNBILLED, Account, Reservation
from dgm.gateway.prices import usage_of, worst_case
from dgm.gateway.provider import Completion, OverloadedError, Provider, RequestRefusedError, RoleModel, UnbilledError
from dgm.gateway.retries import Retries, Tries
from dgm.gateway.silence import Replies
from dgm.gateway.throttle import HeldError, Slot, Throttle
from dgm.gateway.transcripts import TranscriptWriter
from dgm.gateway.waiting import AbandonedError, LostTime, Waiter

_log = logging.getLogger(__name__)

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class SessionClosedError(InfrastructureError):
    """The session ended before the call did; nobody waits for the answer any more."""

    def __init__(self) -> None:
        super().__init__("The session is closed.")


class _BrokeDownError(ProviderError):
    """A provider's own code raised what it must not: a bug, which would come back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer that is paid for and written down."""

    number: int
    """Of the call in the ledger."""
    completion: Completion
    usage: Usage


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes one session's calls; used from many threads at once."""

    grant: Grant
    model: RoleModel
    account: Account
    transcript: TranscriptWriter
    clock: Clock
    waiter: Waiter
    throttle: Throttle
    """Shared with all sessions that ask the same provider."""
    retries: Retries
    lost: LostTime
    replies: Replies = field(default_factory=Replies)
    heard: Heard = field(default_factory=Heard)
    closed: threading.Event = field(default_factory=threading.Event)
    """Set once the session's end has begun: nothing is tried again then, and nobody waits for a turn or for money."""
    kept: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """Grows with the session: `dgm.gateway.provider.KeptTurns`."""

    @property
    def provider(self) -> Provider:
        """Whom it calls."""
        return self.model.provider

    def call(self, request: ChatRequest) -> Answer:
        """Return the model's answer.

        Raises:
            SessionLimitError: the session's own limits refuse it.
            OutOfBudgetError: the run's cap refuses it.
            RequestRefusedError: the model does not take this request.
            ProviderError: no answer after all attempts.
            SessionClosedError: the session ended while the call waited for its provider or for money, or the books
                were closed before its answer came.
            InfrastructureError: the ledger or the transcript could not be written.
        """
        started = self.clock.monotonic()
        noted: dict[str, Any] = {"time": self.clock.now()}
        if self.model.temperature is not None:
            request = request.model_copy(update={"temperature": self.model.temperature})
        try:
            sending = _Sending(request, self._worst_case(request), self._allowed_output_tokens(request))
            noted["bound"] = sending.worst_case.input_tokens
            answer = self._complete(sending)
        except Exception as error:
            failed = {"number": None, **noted, "seconds": self.clock.monotonic() - started, "error": _words(error)}
            self.transcript.add(request, failed, answer=None)
            raise
        said = _message(answer.completion)
        result = {"number": answer.number, **noted, "seconds": self.clock.monotonic() - started, **_told(answer, said)}
        self.transcript.add(request, result, answer=said)
        return answer

    def note_refusal(self, message: str) -> None:
        """Write down that a request was not even one to call a model with.

        Raises:
            InfrastructureError: the transcript could not be written.
        """
        self.transcript.add_refusal({"number": None, "time": self.clock.now(), "error": {"message": message}})

    def _complete(self, sending: "_Sending") -> Answer:
        """Send it until there is an answer, or no use or patience for another attempt."""
        self.heard.require_room()
        self.account.require(sending.worst_case)  # who has used up the session need not wait to hear it
        tries = Tries(self.retries, self.waiter)
        while True:
            try:
                return self._attempt(sending, tries)
            except HeldError as held:
                raise ProviderError(f"{self.provider.name} is overloaded; {tries.too_long(held.held_s)}") from held
            except AbandonedError as error:
                raise SessionClosedError from error
            except (ProviderRefusedError, _BrokeDownError):
                raise
            except ProviderError as error:
                if self.closed.is_set():
                    raise
                wait_s = tries.wait_after(error, now=self.clock.monotonic())
                _log.info("session %s: %s Trying again in %.1f s.", self.grant.session, error, wait_s)
            with self.lost.waiting():
                if self.waiter.until_set(self.closed, wait_s):
                    raise SessionClosedError

    def _attempt(self, sending: "_Sending", tries: Tries) -> Answer:
        abandoned = self.closed.is_set
        with self.throttle.slot(deadline=tries.deadline, lost=self.lost, abandoned=abandoned) as slot:
            reservation = self.account.reserve(sending.worst_case, abandoned=abandoned, waiting=self.lost.waiting)
            began = self.clock.monotonic()
            tries.note_sent(began)
            try:
                completion = self._sent(sending)
            except (ProviderRefusedError, RequestRefusedError):
                self.account.settle(reservation, UNBILLED)
                raise
            except ProviderError as error:
                self.lost.add_since(began)
                self._book_failure(error, reservation, slot)
                raise
            self.throttle.answered()
            return self._booked(completion, reservation)

    def _sent(self, sending: "_Sending") -> Completion:
        self.replies.note_sent()
        try:
            completion = self.provider.complete(
                sending.request, output_tokens=sending.output_tokens, seed=self.grant.seed, kept=self.kept
            )
        except RequestRefusedError:
            self.replies.note_refused()
            raise
        except ProviderError:
            raise
        except Exception as error:
            # A provider's bug must not end as an agent's failure, nor as money that nobody knows of.
            raise _BrokeDownError(f"{self.provider.name} broke down with {type(error).__name__}.") from error
        completion = bounded(completion)
        self.heard.add(completion)
        if completion.is_empty and _may_be_agents_doing(sending.request, completion):
            self.replies.note_refused()
        self.replies.note(completion)
        return completion

    def _book_failure(self, error: ProviderError, reservation: Reservation, slot: Slot) -> None:
        if isinstance(error, OverloadedError):
            self.throttle.overloaded(slot, retry_after_s=error.retry_after_s)
        if isinstance(error, UnbilledError):
            self.account.settle(reservation, NO_CALL)
        else:
            self.account.lose(reservation)

    def _booked(self, completion: Completion, reservation: Reservation) -> Answer:
        usage = usage_of(completion, self.provider.price)
        self.kept.update((call.id, completion.kept) for call in completion.tool_calls if completion.kept)
        if not self.account.settle(reservation, usage):  # a transcript must not say more than the books
            raise SessionClosedError
        return Answer(reservation.number, completion, usage)

    def _worst_case(self, request: ChatRequest) -> Usage:
        if self.grant.role is Role.PROBE:  # a script, for which nothing needs to be set aside
            return UNBILLED
        bound = self.provider.input_token_bound(request, self.kept)
        return worst_case(self.provider.price, input_tokens=bound, output_tokens=self._allowed_output_tokens(request))

    def _allowed_output_tokens(self, request: ChatRequest) -> int:
        asked = (request.max_completion_tokens, request.max_tokens, self.model.output_tokens)
        return min(tokens for tokens in asked if tokens is not None)


@dataclass(frozen=True, slots=True)
class _Sending:
    """What each attempt at a call sends."""

    request: ChatRequest
    worst_case: Usage
    output_tokens: int


def _may_be_agents_doing(request: ChatRequest, completion: Completion) -> bool:
    """Return whether an agent may have brought about that its model said nothing: that must not stop a run.

    It can ask for what no model answers, or leave no room for an answer.
    """
    limits = (request.stop, request.max_tokens, request.max_completion_tokens)
    return completion.finish_reason == "content_filter" or any(limit is not None for limit in limits)


def _message(completion: Completion) -> Message:
    return Message(role="assistant", content=completion.content, tool_calls=completion.tool_calls or None)


def _told(answer: Answer, said: Message) -> dict[str, Any]:
    return {
        "answer": said.model_dump(exclude_none=True, exclude={"role"}),
        "finish_reason": answer.completion.finish_reason,
        **({"thinking": answer.completion.thinking} if answer.completion.thinking else {}),
        **({"empty": True} if answer.completion.is_empty else {}),
        "usage": {name: getattr(answer.usage, name) for name in _TOKENS},
        "cost_usd": answer.usage.cost_usd,
    }


def _words(error: Exception) -> dict[str, str]:
    words = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, RequestRefusedError):
        words |= {"code": error.code, "detail": error.detail}
    return words
