"""What an engine says while it pulls an image."""

import json
import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from dgm.boundary.text import safe_line
from dgm.core.errors import SandboxError

_SHOWN_OF_A_REASON = 300
# What engines and registries say, in their words, and what it means. The first that fits counts.
_MEANINGS = (
    (r"no space left on device", "the engine's disk is full; free some, or lower swebench.image_quota_bytes"),
    (
        r"toomanyrequests|rate limit",
        "its registry allows no more pulls for now; `docker login` allows more, or go on later with `dgm resume`",
    ),
    (r"no matching manifest|does not match the specified platform", "it is not made for the engine's architecture"),
    (
        r"manifest unknown|name unknown|not found|access denied|does not exist|unauthorized|authentication required",
        "its registry has none of that name, or shows it only after `docker login`",
    ),
    (
        r"dial tcp|no such host|time-?out|deadline exceeded|connection re|TLS|x509|EOF|unreachable|misbehav|cancell?ed",
        "the engine cannot reach its registry; see to the engine's network, or bring the image in with `docker load`",
    ),
)


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One thing that the engine said."""

    layer: str
    """Short id; "" where it is not about a layer."""
    status: str
    current_bytes: int
    total_bytes: int
    """0 where it is not said."""


class PullStream:
    """An engine's answer to a pull, to be read to its end: the engine gives up when nobody listens any more."""

    def __init__(self, reference: str, response: requests.Response, *, silence_s: float) -> None:
        self._reference = reference
        self._response = response
        self._silence_s = silence_s
        self._is_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()

    def end(self) -> None:
        """Make whoever reads the stream stop at once; called from any thread."""
        self._is_ended = True
        # The stream may have come to its own end by now.
        with suppress(OSError, RuntimeError, ValueError):
            self._response.raw.shutdown()

    def events(self) -> Generator[PullEvent]:
        """Yield what the engine says until the image is there.

        Raises:
            SandboxError: it could not be pulled, or the engine said nothing for too long, or `end` was called.
        """
        if not self._response.ok:
            raise SandboxError(self._why(_message(self._response)))
        try:
            for line in self._response.iter_lines():
                if line:
                    yield self._event(cast("dict[str, Any]", json.loads(line)))
        except (RequestException, HTTPError, OSError, ValueError) as error:
            raise self._broken_off(error) from error
        if self._is_ended:
            raise self._stopped()

    def _event(self, said: dict[str, Any]) -> PullEvent:
        if "error" in said:
            raise SandboxError(self._why(str(said["error"])))
        detail: dict[str, Any] = said.get("progressDetail") or {}
        return PullEvent(
            layer=str(said.get("id", "")),
            status=str(said.get("status", "")),
            current_bytes=int(detail.get("current") or 0),
            total_bytes=int(detail.get("total") or 0),
        )

    def _why(self, reason: str) -> str:
        meaning = next((words for pattern, words in _MEANINGS if re.search(pattern, reason, re.IGNORECASE)), "")
        said = safe_line(reason, max_chars=_SHOWN_OF_A_REASON).rstrip(".")
        return f"Image {self._reference} could not be pulled: {f'{meaning} ({said})' if meaning else said}."

    def _broken_off(self, error: Exception) -> SandboxError:
        if self._is_ended:
            return self._stopped()
        if "timed out" in str(error):
            return nothing_came(self._reference, self._silence_s)
        said = safe_line(str(error), max_chars=_SHOWN_OF_A_REASON).rstrip(".")
        return SandboxError(f"Image {self._reference} could not be pulled: the engine's answer broke off ({said}).")

    def _stopped(self) -> SandboxError:
        return SandboxError(f"Image {self._reference} was not pulled: everything was stopped.")


def nothing_came(reference: str, silence_s: float) -> SandboxError:
    """Return what is wrong where an engine says nothing for so long."""
    return SandboxError(f"Image {reference} could not be pulled: nothing came for {silence_s:.0f} s.")


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (RequestException, ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
