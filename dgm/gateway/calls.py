"""One call to a model: money aside, provider asked, money settled, transcript written.

What becomes of a call, whatever happens around it:

- It is sent only after its worst case is in the ledger.
- The provider answered: the ledger gets what it used, then the transcript its words, then the agent the answer.
- It failed and cannot have been billed (`UnbilledError`, `ProviderRefusedError`, `RequestRefusedError`): settled with
  zero tokens and cost. On `UnbilledError` it is tried again under the same reservation.
- It failed and may have been billed (any other `ProviderError`: a time-out, a broken connection, a status of 5xx, an
  answer that cannot be read): it stays in the ledger at its worst case. A second try is a call of its own there.
"""

import threading
from dataclasses import dataclass
from itertools import count
from typing import Any

from dgm.boundary.chat import ChatRequest, Message
from dgm.core.errors import ProviderError, ProviderRefusedError
from dgm.core.outcomes import Usage
from dgm.core.ports import Clock
from dgm.gateway.money import UNBILLED, Account, Reservation
from dgm.gateway.provider import Completion, Provider, RequestRefusedError, UnbilledError, input_token_bound
from dgm.gateway.transcripts import TranscriptWriter


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried when the provider fails, and how long is waited before each further attempt."""

    attempts: int = 5
    first_wait_s: float = 1.0
    """Doubled for each further attempt; what the provider asks for goes before it."""
    longest_wait_s: float = 60.0

    def wait_s(self, attempt: int, error: ProviderError) -> float:
        """Return how long to wait after attempt number `attempt` (from 1) failed."""
        asked = error.retry_after_s if isinstance(error, UnbilledError) else None
        wait_s = self.first_wait_s * 2 ** (attempt - 1) if asked is None else max(asked, 0.0)
        return min(wait_s, self.longest_wait_s)


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

    provider: Provider
    account: Account
    transcript: TranscriptWriter
    clock: Clock
    output_tokens: int
    """The most that one answer may have."""
    retries: Retries
    seed: int
    is_free: bool
    """Whether the provider is a script, for which nothing needs to be set aside."""
    closed: threading.Event
    """Set once the session's end has begun: nothing is tried again then, and nobody waits for money."""

    def call(self, request: ChatRequest) -> Answer:
        """Return the model's answer.

        Raises:
            SessionLimitError: the session's own limits refuse it.
            OutOfBudgetError: the run's cap refuses it.
            RequestRefusedError: the model does not take this request.
            ProviderError: no answer after all attempts.
            InfrastructureError: the ledger or the transcript could not be written.
        """
        started = self.clock.monotonic()
        times: dict[str, Any] = {"time": self.clock.now()}
        try:
            answer = self._complete(request)
        except Exception as error:
            failed = {"number": None, **times, "seconds": self.clock.monotonic() - started, "error": _words(error)}
            self.transcript.add(request, failed, answer=None)
            raise
        said = _message(answer.completion)
        result = {"number": answer.number, **times, "seconds": self.clock.monotonic() - started, **_told(answer, said)}
        self.transcript.add(request, result, answer=said)
        return answer

    def note_refusal(self, message: str) -> None:
        """Write down that a request was not even one to call a model with.

        Raises:
            InfrastructureError: the transcript could not be written.
        """
        self.transcript.add_refusal({"number": None, "time": self.clock.now(), "error": {"message": message}})

    def _complete(self, request: ChatRequest) -> Answer:
        output_tokens = self._allowed_output_tokens(request)
        worst = self._usage(input_tokens=input_token_bound(request), output_tokens=output_tokens)
        worst = UNBILLED if self.is_free else worst
        reservation = self._reserve(worst)
        for attempt in count(1):
            try:
                completion = self.provider.complete(request, output_tokens=output_tokens, seed=self.seed)
            except (ProviderRefusedError, RequestRefusedError):
                self.account.settle(reservation, UNBILLED)
                raise
            except UnbilledError as error:
                if not self._may_try_again(attempt, error):
                    self.account.settle(reservation, UNBILLED)
                    raise
            except ProviderError as error:
                self.account.lose(reservation)
                if not self._may_try_again(attempt, error):
                    raise
                reservation = self._reserve(worst)
            except Exception as error:
                # A provider's bug must not end as an agent's failure, nor as money that nobody knows of.
                self.account.lose(reservation)
                raise ProviderError(f"{self.provider.name} broke down with {type(error).__name__}.") from error
            else:
                usage = self._usage(input_tokens=completion.input_tokens, output_tokens=completion.output_tokens)
                self.account.settle(reservation, usage)
                return Answer(reservation.number, completion, usage)
        raise AssertionError("count() has no end")

    def _reserve(self, worst: Usage) -> Reservation:
        return self.account.reserve(worst, abandoned=self.closed.is_set)

    def _may_try_again(self, attempt: int, error: ProviderError) -> bool:
        """Wait as long as the retries ask for; False when there are no more or the session ends."""
        if attempt >= self.retries.attempts or self.closed.is_set():
            return False
        return not self.closed.wait(self.retries.wait_s(attempt, error))

    def _allowed_output_tokens(self, request: ChatRequest) -> int:
        asked = (request.max_completion_tokens, request.max_tokens, self.output_tokens)
        return min(tokens for tokens in asked if tokens is not None)

    def _usage(self, *, input_tokens: int, output_tokens: int) -> Usage:
        cost_usd = self.provider.cost_usd(input_tokens=input_tokens, output_tokens=output_tokens)
        return Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)


def _message(completion: Completion) -> Message:
    return Message(role="assistant", content=completion.content, tool_calls=completion.tool_calls or None)


def _told(answer: Answer, said: Message) -> dict[str, Any]:
    return {
        "answer": said.model_dump(exclude_none=True, exclude={"role"}),
        "finish_reason": answer.completion.finish_reason,
        "usage": {"input_tokens": answer.usage.input_tokens, "output_tokens": answer.usage.output_tokens},
        "cost_usd": answer.usage.cost_usd,
    }


def _words(error: Exception) -> dict[str, str]:
    words = {"type": type(error).__name__, "message": str(error)}
    return {**words, "detail": error.detail} if isinstance(error, RequestRefusedError) and error.detail else words
