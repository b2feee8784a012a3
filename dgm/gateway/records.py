"""Transcripts as they are read: strictly and within bounds, since those of a published run may hold anything.

`dgm.gateway.transcripts` says what is in them. Records of older versions lack fields; they are read all the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field, JsonValue, ValidationError

from dgm.boundary.chat import MAX_MESSAGES, MAX_TOOL_CALLS, MAX_TOOLS, Message, Tool, ToolCall
from dgm.boundary.packed import DamagedError, gzip_members, opened_file
from dgm.boundary.text import safe_line
from dgm.core.errors import CorruptArchiveError
from dgm.gateway.provider import FinishReason

MAX_RECORD_BYTES = 52 * 2**20
MAX_TRANSCRIPT_BYTES = 96 * 2**20
"""Of all records, unpacked; the writer stays far below."""
MAX_RECORDS = 10_000

Count = Annotated[int, Field(ge=0, lt=2**53)]
Amount = Annotated[float, Field(ge=0, lt=1e12)]
Moment = Annotated[float, Field(ge=0, lt=95_617_584_000.0)]  # until the year 5000: calendars end


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class RecordedAnswer(_Recorded):
    """What the model said."""

    content: str | None = None
    tool_calls: Annotated[tuple[ToolCall, ...], FailFast(), Field(max_length=MAX_TOOL_CALLS)] = ()

    @property
    def message(self) -> Message:
        """The same as a message of the conversation."""
        return Message(role="assistant", content=self.content, tool_calls=self.tool_calls or None)


class RecordedError(_Recorded):
    """What the agent was told in an answer's place, and of what type the gateway's error was."""

    message: str
    type: str = ""
    code: str = ""
    detail: str = ""


class RecordedUsage(_Recorded):
    """The tokens that the call used; see `dgm.core.outcomes.Usage`."""

    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0


class Record(_Recorded):
    """One line of a transcript."""

    number: Count | None = None
    time: Moment | None = None
    seconds: Amount | None = None
    kept: Count = 0
    restart: bool = False
    omitted: bool = False
    messages: Annotated[tuple[Message, ...], FailFast(), Field(max_length=MAX_MESSAGES)] = ()
    tools: Annotated[tuple[Tool, ...], FailFast(), Field(max_length=MAX_TOOLS)] = ()
    parameters: dict[str, JsonValue] = {}
    bound: Count | None = None
    request_hash: Annotated[str, Field(max_length=64)] | None = None
    answer: RecordedAnswer | None = None
    finish_reason: FinishReason | None = None
    thinking: str = ""
    usage: RecordedUsage | None = None
    cost_usd: Amount = 0.0
    error: RecordedError | None = None

    @property
    def is_request(self) -> bool:
        """Whether it was a chat request, not something else that an agent sent."""
        return self.omitted or "parameters" in self.model_fields_set

    @property
    def has_tools(self) -> bool:
        """Whether the tools on offer are not those of the record before."""
        return "tools" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript, as far as it can be read."""

    records: Sequence[Record]
    damage: str
    """What is wrong with the rest of it, in a few words; empty where there is nothing wrong."""


def read_records(path: Path) -> Transcript:
    """Return what a transcript holds, up to where it is damaged; nothing where there is none."""
    records: list[Record] = []
    try:
        with opened_file(path) as file:
            for line in gzip_members(file, member_bytes=MAX_RECORD_BYTES, total_bytes=MAX_TRANSCRIPT_BYTES):
                if len(records) == MAX_RECORDS:
                    return Transcript(records, f"it has more than {MAX_RECORDS:,} records")
                records.append(Record.model_validate(json.loads(line)))
    except FileNotFoundError:
        return Transcript((), "")
    except DamagedError as error:
        return Transcript(records, str(error))
    except OSError as error:
        return Transcript(records, safe_line(error.strerror or "it cannot be read"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = safe_line(".".join(str(part) for part in first["loc"]), max_chars=100)
        return Transcript(records, f"record {len(records) + 1}: {where}: {safe_line(first['msg'], max_chars=200)}")
    except (ValueError, RecursionError):
        return Transcript(records, f"record {len(records) + 1} is not JSON")
    return Transcript(records, "")


def whole_transcript(path: Path) -> Sequence[Record]:
    """Return the records of a transcript that is there and undamaged.

    Raises:
        CorruptArchiveError: it is not.
    """
    if not path.exists():
        raise CorruptArchiveError(f"The transcript {path} is missing.")
    transcript = read_records(path)
    if transcript.damage:
        raise CorruptArchiveError(f"The transcript {path} is damaged: {transcript.damage}.")
    return transcript.records
