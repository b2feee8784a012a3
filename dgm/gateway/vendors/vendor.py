"""What the vendors' SDKs have in common: a key that must not be told, and errors that become ours.

The SDKs' own retries are off, since they would also repeat calls that may have been billed, with no money set aside for
that: one call is one attempt, and `dgm.gateway.calls` tries again.
"""

import re
import threading
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from dgm.boundary.text import safe_line
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.provider import (
    INVALID,
    REFUSED_CONTENT,
    TOO_LONG,
    Completion,
    OverloadedError,
    RequestRefusedError,
    UnbilledError,
)

CONNECT_S = 10.0
NO_KEY = "no-key"
"""The SDKs want one; a local server does not look at it."""
_MAX_WORDS = 300
_LEAST_SECRET_CHARS = 16
_LONGEST_WAIT_SAID = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size|limit)|maximum context|prompt is too long|input is too long|too many tokens",
    re.IGNORECASE,
)
_MODERATED = re.compile(r"moderat|flagged|content[ _](?:policy|filter|management)|safety", re.IGNORECASE)
# Not "billing" alone: refusals for a rate quote the address of the page on which one can pay for a higher one.
_NO_MONEY = re.compile(
    r"credit balance|insufficient[ _](?:quota|credit|funds|balance)|spend(?:ing)?[ _]limit|billing[ _](?:hard|not)"
    r"|exceeded your current quota"
)
_QUOTE = re.compile(r"[\"'`{\[]")
_OUR_LIMIT = re.compile(r"max_(?:completion_|output_)?tokens\b.{0,60}\btoo (?:large|big|high)", re.IGNORECASE)


def checked_key(connection: Connection, *, variable: str) -> str:
    """Return a key that fits into a header.

    Args:
        connection: may have no key where it has an address of its own.
        variable: named in the error.
    Raises:
        ConfigError: there is none, or it cannot be one.
    """
    key = (connection.api_key or "").strip()
    if not key and connection.base_url is None:
        raise ConfigError(f"There is no key for {connection.name}: set {variable} or a key_file in the configuration.")
    # Whatever does not fit into a header would be quoted, key and all, in somebody's traceback.
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"The API key for {connection.name} has characters that no key has.")
    return key or NO_KEY


def checked_url(connection: Connection) -> str | None:
    """Return the connection's address, None for the vendor's own.

    Raises:
        ConfigError: it is none.
    """
    url = connection.base_url
    if url is not None and not _is_address(url):
        raise ConfigError(
            f"{connection.name}: {safe_line(url)!r} is not an address such as http://localhost:8000/v1 for a base_url."
        )
    return url


def not_an_api(connection: Connection) -> ConfigError:
    """Return that something else than a server of models answers."""
    return ConfigError(f"{connection.name}: a web page answers at its address, not a server of models; see base_url.")


class Faults:
    """Makes errors of ours of those of one provider's SDK. Raise what it returns `from None`: an SDK's exceptions hold
    the request and with it the key.
    """

    def __init__(self, connection: Connection, key: str, *, agent_fields: Collection[str]) -> None:
        """Begin.

        Args:
            connection: to whom.
            key: is kept out of every message.
            agent_fields: of a request, which an agent chooses: wrong ones are the agent's to mend.
        """
        self._name = connection.name
        self._key = key
        self._agent_fields = frozenset(agent_fields)
        self._has_answered = threading.Event()
        if connection.has_answered:
            self._has_answered.set()

    def answered(self) -> None:
        """Note that the provider gave an answer, so that it is set up rightly."""
        self._has_answered.set()

    def words(self, text: str) -> str:
        """Return what the provider said as one safe line without the key."""
        # Made safe before, since what nobody sees could stand between the key's characters; cut after, since a part
        # of the key is no less secret.
        line = safe_line(text)
        return safe_line(line if self._key == NO_KEY else line.replace(self._key, "[key]"), max_chars=_MAX_WORDS)

    def of_status(  # one line for each meaning
        self, status: int, message: str, *, code: str, field: str, headers: Mapping[str, str]
    ) -> Exception:
        """Return what a status means.

        Args:
            status: of HTTP, 400 or more.
            message: the provider's words.
            code: the provider's name for the error, "" where it has none.
            field: of the request that it complains of, such as "tools" of "tools[0].name", "" where it names none.
            headers: of the response, in lower case.
        """
        words = self.words(message)
        told = f"{self._name} answered with status {status}: {words}"
        if status == 401:  # noqa: PLR2004  # the provider's words on a key are about the key
            return ProviderRefusedError(f"{self._name} refused the API key (status 401).")
        if status == 403:  # noqa: PLR2004
            moderated = code == REFUSED_CONTENT or _MODERATED.search(words)
            return self._refused_content(words) if moderated else ProviderRefusedError(told)
        if status == 404:  # noqa: PLR2004
            return ProviderRefusedError(f"{self._name} is not there (status 404): {words}")
        if status in {400, 413, 422}:
            return self._of_request(status, words, told, code=code, field=field)
        if status == 402 or (status == 429 and _NO_MONEY.search(f"{code} {words}".lower())):  # noqa: PLR2004
            return ProviderRefusedError(told)
        if status in {429, 529}:
            return OverloadedError(told, retry_after_s=_retry_after_s(headers))
        if status in {408, 409, 425, 503}:
            return UnbilledError(told, retry_after_s=_retry_after_s(headers))
        return ProviderRefusedError(told) if status < 500 else ProviderError(told)  # noqa: PLR2004

    def of_connection(self, cause: BaseException) -> ProviderError:
        """Return what a failure to get a whole response means, from the HTTP library's exception."""
        import httpx2

        kind = type(cause).__name__
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            return UnbilledError(f"{self._name} cannot be reached ({self.why(cause)}).")
        if isinstance(cause, httpx2.TimeoutException):
            return ProviderError(f"{self._name} did not answer in time ({kind}).")
        return ProviderError(f"{self._name} gave no whole answer ({kind}).")

    def why(self, cause: BaseException) -> str:
        """Return why nobody could be reached, such as "[Errno 111] Connection refused"."""
        return self.words(str(cause)) or type(cause).__name__

    def unreadable(self, where: str) -> ProviderError:
        """Return that an answer is not of the protocol's form."""
        return ProviderError(f"{self._name} answered what cannot be read ({self.words(where)}).")

    def require_no_key(self, completion: Completion) -> None:
        """Return if an answer does not give our key back, which would take it into a container and the archive.

        What local servers take for a key may be a word such as "ollama", which a model may say.

        Raises:
            ProviderError: it does, if only in one of its texts.
        """
        if len(self._key) >= _LEAST_SECRET_CHARS and self._key in repr(completion):
            raise ProviderError(f"{self._name} gave back the API key in its answer, which is not passed on.")

    def _of_request(self, status: int, words: str, told: str, *, code: str, field: str) -> Exception:
        """Return whose fault a bad request is.

        The agent's where the provider names a field that the agent chose, or says that it is too long. Where it names
        none, a provider that never answered yet is taken for one that we set up wrongly, for which no agent is scored.
        """
        if _OUR_LIMIT.search(words) and not self._has_answered.is_set():
            return ProviderRefusedError(told)
        if code == TOO_LONG or status == 413 or _TOO_LONG.search(words):  # noqa: PLR2004
            return RequestRefusedError(
                "The conversation is longer than the model's context.", code=TOO_LONG, detail=words
            )
        # Words on an agent's field, and those after a quotation mark, may quote the agent, who must not be able to stop
        # a run with them.
        own_words = _QUOTE.split(words)[0]
        if field not in self._agent_fields and _NO_MONEY.search(f"{code} {own_words}".lower()):
            return ProviderRefusedError(told)
        if code == REFUSED_CONTENT or _MODERATED.search(words):
            return self._refused_content(words)
        if field in self._agent_fields or (not field and self._has_answered.is_set()):
            named = f": see its {field}" if field else ""
            return RequestRefusedError(f"The model does not take this request{named}.", code=INVALID, detail=words)
        return ProviderRefusedError(told)

    def _refused_content(self, words: str) -> RequestRefusedError:
        return RequestRefusedError("The provider refuses this content.", code=REFUSED_CONTENT, detail=words)


def _is_address(url: str) -> bool:
    try:
        port = urlsplit(url).port
    except ValueError:
        return False
    return port != 0 and re.fullmatch(r"https?://[^\s/@?#]+(/\S*)?", url) is not None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for header, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(header, "")
        if _LONGEST_WAIT_SAID.fullmatch(text):
            return float(text) * unit_s
    return None
