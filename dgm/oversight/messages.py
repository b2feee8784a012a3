"""What goes over the control socket: one line of JSON with a command, one with the answer."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias, assert_never

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dgm.core.errors import ArchiveError, DgmError, InfrastructureError, RunEndedError, UsageError
from dgm.core.oversight import Command, Intervene, Intervention, Judge, Review

MAX_LINE_BYTES = 64 * 1024
MAX_REASON_CHARS = 4_000
_MAX_SENTENCE_CHARS = 8_000


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class JudgeMessage(_Message):
    """Say of the step of a decision whether its child may run."""

    command: Literal["judge"] = "judge"
    decision: Annotated[int, Field(ge=1, le=2**53)]
    approved: bool
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS)] = ""


class InterveneMessage(_Message):
    """Pause, go on with, or stop the run."""

    command: Literal["intervene"] = "intervene"
    what: Intervention
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS)] = ""


class Failure(StrEnum):
    """What kind of error an answer is."""

    USAGE = "usage"
    ENDED = "ended"
    ARCHIVE = "archive"
    INFRASTRUCTURE = "infrastructure"


class Answer(_Message):
    """What the engine says: one sentence, as the answer or as an error."""

    sentence: Annotated[str, Field(max_length=_MAX_SENTENCE_CHARS)]
    failure: Failure | None = None


_Request: TypeAlias = Annotated[JudgeMessage | InterveneMessage, Field(discriminator="command")]
_REQUESTS: TypeAdapter[JudgeMessage | InterveneMessage] = TypeAdapter(_Request)


def command_line(command: Command) -> bytes:
    """Return a command as a line; a reason is cut where it is longer than what is taken."""
    match command:
        case Judge(decision=decision, review=review):
            message = JudgeMessage(
                decision=decision, approved=review.approved, reason=_cut(review.reason, MAX_REASON_CHARS)
            )
        case Intervene(what=what, reason=reason):
            message = InterveneMessage(what=what, reason=_cut(reason, MAX_REASON_CHARS))
        case _ as never:
            assert_never(never)
    return message.model_dump_json().encode() + b"\n"


def command_in(line: bytes) -> Command:
    """Return the command in a line.

    Raises:
        UsageError: it holds none.
    """
    try:
        message = _REQUESTS.validate_json(line)
    except ValidationError as error:
        raise UsageError("That is no command that a run takes.") from error
    match message:
        case JudgeMessage():
            return Judge(message.decision, Review(message.approved, message.reason))
        case InterveneMessage():
            return Intervene(message.what, message.reason)
        case _ as never:
            assert_never(never)


def answer_line(answer: str | DgmError) -> bytes:
    """Return the engine's sentence, or its error, as a line."""
    failure = None if isinstance(answer, str) else _failure(answer)
    sentence = _cut(str(answer), _MAX_SENTENCE_CHARS)
    return Answer(sentence=sentence, failure=failure).model_dump_json().encode() + b"\n"


def answer_in(line: bytes) -> str:
    """Return the engine's sentence.

    Raises:
        RunEndedError, UsageError, ArchiveError: what the engine said.
        InfrastructureError: it said that, or nothing that can be read.
    """
    try:
        answer = Answer.model_validate_json(line)
    except ValidationError as error:
        raise InfrastructureError("The process that evolves the run gave no answer that can be read.") from error
    match answer.failure:
        case None:
            return answer.sentence
        case Failure.USAGE:
            raise UsageError(answer.sentence)
        case Failure.ENDED:
            raise RunEndedError(answer.sentence)
        case Failure.ARCHIVE:
            raise ArchiveError(answer.sentence)
        case Failure.INFRASTRUCTURE:
            raise InfrastructureError(answer.sentence)


def _failure(error: DgmError) -> Failure:
    match error:
        case RunEndedError():
            return Failure.ENDED
        case UsageError():
            return Failure.USAGE
        case ArchiveError():
            return Failure.ARCHIVE
        case _:
            return Failure.INFRASTRUCTURE


def _cut(text: str, most: int) -> str:
    # Half of a surrogate pair, which a terminal or the name of a directory can hand in, is in no JSON.
    return text.encode("utf-8", "replace").decode("utf-8")[:most]
