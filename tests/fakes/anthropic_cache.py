"""The books of Anthropic's prompt cache: what of a request is read from it, written to it, and what that costs."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from dgm.config import Rates
from tests.fakes.anthropic_rules import Block, bare

LOOK_BACK = 20
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Input:
    """The input tokens of one call."""

    plain: int
    read: int
    written: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.plain + self.read + self.written


@dataclass(frozen=True, slots=True)
class _Part:
    """One block of a request, in the order in which the model reads them."""

    kind: str
    key: str
    """Digest of all up to and with it."""
    bytes_so_far: int
    is_breakpoint: bool


class PromptCache:
    """Prefixes that were written. Nothing in it expires; used under the server's lock."""

    def __init__(self, *, least_tokens: int, bytes_per_token: int, added_tokens: int) -> None:
        """Begin empty.

        Args:
            least_tokens: of a prefix that can be cached.
            bytes_per_token: of JSON.
            added_tokens: by the vendor, to a request with tools.
        """
        self._least_tokens = least_tokens
        self._bytes_per_token = bytes_per_token
        self._added_tokens = added_tokens
        self._written: set[str] = set()

    def input_of(self, body: Block) -> Input:
        """Return what a request reads and writes, and write it."""
        parts = self._parts(body)
        marks = [place for place, part in enumerate(parts) if part.is_breakpoint]
        read = max((self._tokens(parts[place]) for mark in marks for place in self._hits(parts, mark)), default=0)
        long_enough = [parts[mark] for mark in marks if self._tokens(parts[mark]) >= self._least_tokens]
        self._written.update(part.key for part in long_enough)
        cached = max((self._tokens(part) for part in long_enough), default=0)
        total = self._tokens(parts[-1])
        written = max(cached - read, 0)
        return Input(plain=total - read - written, read=read, written=written)

    def _hits(self, parts: Sequence[_Part], mark: int) -> list[int]:
        """Return where a breakpoint finds what was written before: a run of calls or of results is one position."""
        positions = 0
        for place in range(mark, -1, -1):
            follows = parts[place + 1].kind if place < mark else ""
            if not (parts[place].kind == follows and follows in {"tool_use", "tool_result"}):
                positions += 1
            if positions > LOOK_BACK:
                return []
            if parts[place].key in self._written:
                return [place]
        return []

    def _tokens(self, part: _Part) -> int:
        return -(-part.bytes_so_far // self._bytes_per_token)

    def _parts(self, body: Block) -> list[_Part]:
        settings = [body.get(name) for name in ("model", "thinking", "output_config")]
        blocks: list[tuple[str, Block]] = [("tool", tool) for tool in body.get("tools", [])]
        blocks += [("system", block) for block in body.get("system", [])]
        blocks += [(turn["role"], block) for turn in body["messages"] for block in turn["content"]]
        digest = sha256(json.dumps(settings).encode())
        size = self._added_tokens * self._bytes_per_token if body.get("tools") else 0
        parts: list[_Part] = []
        for side, block in blocks:
            text = json.dumps([side, bare(block)], ensure_ascii=False).encode()
            digest.update(text)
            size += len(text)
            parts.append(_Part(block.get("type", ""), digest.hexdigest(), size, "cache_control" in block))
        return parts


class Bill:
    """What a vendor is owed, exactly; used from many threads at once."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._lock = threading.Lock()
        self._dollars = Decimal(0)

    @property
    def dollars(self) -> Decimal:
        """All that was charged so far."""
        with self._lock:
            return self._dollars

    def charge(self, used: Input, output_tokens: int) -> None:
        """Add a call."""
        rates = self._rates
        read = rates.input_usd if rates.cache_read_usd is None else rates.cache_read_usd
        write = rates.input_usd if rates.cache_write_usd is None else rates.cache_write_usd
        priced = (
            (used.plain, rates.input_usd),
            (used.read, read),
            (used.written, write),
            (output_tokens, rates.output_usd),
        )
        dollars = sum((tokens * Decimal(str(rate)) for tokens, rate in priced), Decimal(0)) / _MILLION
        with self._lock:
            self._dollars += dollars
