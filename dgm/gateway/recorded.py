"""The recorded answers of a session in a model's place: no provider, no key, no network, no cost."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dgm.boundary.chat import ChatRequest
from dgm.config import Price, RunConfig
from dgm.core.errors import ProviderRefusedError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Grant, Role
from dgm.gateway.gateway import GatewayLimits
from dgm.gateway.money import SessionLimitError
from dgm.gateway.provider import FREE, Completion, KeptTurns, RequestRefusedError, RoleModel, UnbilledError, byte_bound
from dgm.gateway.recording import RecordedCall, Unused, read_calls
from dgm.gateway.records import Record
from dgm.gateway.retries import Retries
from dgm.gateway.transcripts import transcript_path

_FOR_EVER_S = 1e6
LIMITS = GatewayLimits(retries=Retries(patience_s=2 * _FOR_EVER_S), silent_sessions=2**31)
"""Of a gateway that gives recorded answers: nothing of it fails for a while, and sessions may have been silent."""
_REFUSED_BY_MODEL = RequestRefusedError.__name__
_REFUSED_BY_US = SessionLimitError.__name__


class NotRecordedError(ProviderRefusedError):
    """The agent asks for something that the recorded session did not ask for."""


class RecordedProvider:
    """Answers each request as it was answered then; implements `dgm.gateway.provider.Provider`.

    An agent may have several calls under way, so a request is looked for among all recorded ones that were not used
    yet, from the first on.
    """

    def __init__(self, calls: Sequence[RecordedCall], *, name: str, price: Price) -> None:
        self._name = name
        self._price = price
        self._calls = Unused(calls)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The recorded model's."""
        return self._name

    @property
    def price(self) -> Price:
        """The recorded model's: the session's limits hold as they did then."""
        return self._price

    def check(self) -> None:
        """Return: everything is here."""

    def close(self) -> None:
        """Return: there is nothing to close."""

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:  # noqa: ARG002 - the port's signature
        """Return what was set aside for the request then."""
        with self._lock:
            call = self._calls.find(request)
        bound = None if call is None else call.record.bound
        return byte_bound(request) if bound is None else bound

    def complete(
        self,
        request: ChatRequest,
        *,
        output_tokens: int,  # noqa: ARG002 - the port's signature
        seed: int,  # noqa: ARG002
        kept: KeptTurns,  # noqa: ARG002
    ) -> Completion:
        """Return the recorded answer.

        Raises:
            RequestRefusedError: the model did not take this request.
            NotRecordedError: no request that is left is the same.
            UnbilledError: the session ended before there was an answer; so will this one.
        """
        with self._lock:
            call = self._calls.find(request, _was_sent)
            if call is None:
                if self._calls.find(request, _was_cut_short) is not None:
                    raise UnbilledError(
                        "The recorded session ended before this was answered.", retry_after_s=_FOR_EVER_S
                    )
                raise NotRecordedError("The recorded session did not make this request.")
            self._calls.remove(call)
        return _again(call.record)


class ForgetfulLedger:
    """A ledger of calls that cost nothing; implements `dgm.core.ports.Ledger`."""

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Forget it."""

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Forget it."""

    def spent(self) -> Usage:
        """Return nothing."""
        return Usage()

    def usage_by_role(self) -> dict[Role, Usage]:
        """Return nothing."""
        return {}


def recorded_models(config: RunConfig, transcripts: Path, prices: Mapping[str, Price]) -> Callable[[Grant], RoleModel]:
    """Return what gives each session the answers of the recorded session with the same id.

    Args:
        config: the run's.
        transcripts: directory of the run's transcripts; a session without one made no call.
        prices: of the run's models; those without one are free.
    Raises (when asked):
        CorruptArchiveError: the session's transcript is damaged, or was full.
    """

    def model_for(grant: Grant) -> RoleModel:
        choice = config.models.choices()[grant.role]
        calls = calls_if_any(transcripts, grant.session)
        provider = RecordedProvider(calls, name=choice.model, price=prices.get(choice.model, FREE))
        return RoleModel(provider, choice.max_output_tokens or config.sessions.max_output_tokens, choice.temperature)

    return model_for


def calls_if_any(transcripts: Path, session: SessionId) -> tuple[RecordedCall, ...]:
    """Return the calls in a session's transcript; none where there is no transcript.

    Raises:
        CorruptArchiveError: it is damaged, or was full.
        UsageError: the id could not be a file's name.
    """
    path = transcript_path(transcripts, session)
    return read_calls(path) if path.exists() else ()


def _was_sent(call: RecordedCall) -> bool:
    record = call.record
    return record.answer is not None or (record.error is not None and record.error.type == _REFUSED_BY_MODEL)


def _was_cut_short(call: RecordedCall) -> bool:
    # A session with a provider's fault, or one for want of money, has no outcome, unless that came when the agent had
    # ended.
    return not _was_sent(call) and not _was_refused_by_us(call)


def _was_refused_by_us(call: RecordedCall) -> bool:
    return call.record.error is not None and call.record.error.type == _REFUSED_BY_US


def _again(record: Record) -> Completion:
    if record.error is not None:
        raise RequestRefusedError(record.error.message, code=record.error.code, detail=record.error.detail)
    answer, usage = record.answer, record.usage
    if answer is None or usage is None:
        raise NotRecordedError("The recorded answer is incomplete.")
    return Completion(
        content=answer.content,
        tool_calls=answer.tool_calls,
        finish_reason=record.finish_reason or ("tool_calls" if answer.tool_calls else "stop"),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        thinking=record.thinking,
    )
