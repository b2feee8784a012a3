"""What the vendors' SDKs have in common: keys, addresses, and what their errors mean."""

from dataclasses import replace

import pytest

from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.provider import OverloadedError, RequestRefusedError, UnbilledError
from dgm.gateway.vendors.vendor import Faults, checked_key, checked_url

KEY = "sk-test-abcdefghijklmnop"
RATE_REFUSAL = "Rate limit reached. Add a payment method at https://platform.example/account/billing."
OUR_LIMIT = "'max_tokens' is too large: 16384. This model's maximum context length is 8192 tokens."


def connection(key: str | None = KEY, base_url: str | None = None) -> Connection:
    return Connection("openai:m", "m", key, base_url)


def faults(key: str = KEY) -> Faults:
    return Faults(connection(), key, agent_fields=("messages", "tools"))


def of_status(status: int, message: str = "no", *, code: str = "", field: str = "") -> Exception:
    return faults().of_status(status, message, code=code, field=field, headers={})


@pytest.mark.parametrize(
    ("status", "message", "code", "field", "kind"),
    [
        (400, "no", "", "", ProviderRefusedError),
        (400, "no", "", "messages", RequestRefusedError),
        (400, "no", "", "max_tokens", ProviderRefusedError),
        (400, "prompt is too long: 300000 tokens", "", "", RequestRefusedError),
        (400, "no", "context_length_exceeded", "max_tokens", RequestRefusedError),
        (400, OUR_LIMIT, "", "max_tokens", ProviderRefusedError),
        (400, "Your credit balance is too low", "", "", ProviderRefusedError),
        (400, "'credit balance' is no schema", "", "tools", RequestRefusedError),
        (400, "no", "content_filter", "", RequestRefusedError),
        (400, "Your prompt was flagged", "", "", RequestRefusedError),
        (401, "no", "", "", ProviderRefusedError),
        (402, "no", "", "", ProviderRefusedError),
        (403, "no", "", "", ProviderRefusedError),
        (403, "flagged by moderation", "", "", RequestRefusedError),
        (403, "no", "content_filter", "", RequestRefusedError),
        (404, "no", "", "messages", ProviderRefusedError),
        (307, "moved", "", "", ProviderRefusedError),
        (408, "no", "", "", UnbilledError),
        (409, "no", "", "", UnbilledError),
        (413, "no", "", "", RequestRefusedError),
        (418, "no", "", "", ProviderRefusedError),
        (422, "no", "", "tools", RequestRefusedError),
        (425, "no", "", "", UnbilledError),
        (429, "no", "", "", OverloadedError),
        (429, RATE_REFUSAL, "rate_limit_exceeded", "", OverloadedError),
        (429, "no", "insufficient_quota", "", ProviderRefusedError),
        (
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            "",
            "",
            ProviderRefusedError,
        ),
        (500, "no", "", "", ProviderError),
        (503, "no", "", "", UnbilledError),
        (529, "no", "", "", OverloadedError),
    ],
)
def test_each_status_has_its_meaning(status: int, message: str, code: str, field: str, kind: type[Exception]) -> None:
    assert type(of_status(status, message, code=code, field=field)) is kind


@pytest.mark.parametrize("message", ["no", OUR_LIMIT, "wrong: {'content': 'You exceeded your current quota'}"])
def test_once_it_has_answered_a_provider_is_set_up_rightly_and_the_request_is_wrong(message: str) -> None:
    made = faults()
    made.answered()
    assert type(made.of_status(400, message, code="", field="", headers={})) is RequestRefusedError


def test_a_provider_that_answered_before_the_run_was_interrupted_is_set_up_rightly() -> None:
    made = Faults(replace(connection(), has_answered=True), KEY, agent_fields=("messages",))
    assert type(made.of_status(400, "no", code="", field="", headers={})) is RequestRefusedError


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [(413, "no", "context_length_exceeded"), (403, "flagged", "content_filter"), (400, "no", "invalid_request")],
)
def test_the_agent_gets_a_code_and_a_sentence_of_ours(status: int, message: str, code: str) -> None:
    refused = of_status(status, f"{message} in /srv/secret.py", field="messages")
    assert isinstance(refused, RequestRefusedError)
    assert (refused.code, "/srv" in str(refused), "/srv/secret.py" in refused.detail) == (code, False, True)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "20", "retry-after": "2"}, 0.02),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_how_long_to_wait_is_what_the_provider_says(status: int, headers: dict[str, str], wait_s: float | None) -> None:
    fault = faults().of_status(status, "no", code="", field="", headers=headers)
    assert isinstance(fault, UnbilledError)
    assert fault.retry_after_s == wait_s


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_the_key_is_in_no_message(status: int) -> None:
    fault = of_status(status, f"Incorrect key {KEY}", field="messages")
    assert KEY not in f"{fault} {getattr(fault, 'detail', '')}"


def test_words_are_one_safe_short_line() -> None:
    told = faults().words(f"a\x1b[31m\nb {KEY} " + "x" * 500)
    assert (told.startswith("a b [key] xxx"), len(told)) == (True, 300)


@pytest.mark.parametrize(("given", "key"), [(f" {KEY}\n", KEY), (None, "no-key"), ("  ", "no-key")])
def test_a_key_is_trimmed_and_a_server_of_ones_own_needs_none(given: str | None, key: str) -> None:
    assert checked_key(connection(given, "http://localhost/v1"), variable="KEY") == key


@pytest.mark.parametrize("key", [None, "", " "])
def test_a_vendor_needs_a_key(key: str | None) -> None:
    with pytest.raises(ConfigError, match="There is no key for openai:m: set OPENAI_API_KEY or a key_file"):
        checked_key(connection(key), variable="OPENAI_API_KEY")


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-é", "sk-\x7f"])
def test_a_key_that_fits_into_no_header_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_key(connection(key), variable="KEY")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url", [None, "http://localhost:8000/v1", "https://host", "http://[::1]:8000/v1", "https://host/v1?version=2"]
)
def test_an_address_is_taken_as_it_is(url: str | None) -> None:
    assert checked_url(connection(base_url=url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000/v1",
        "ftp://x/v1",
        "http://user:pw@host/v1",
        "http://",
        "http://a b",
        "http://host:port/v1",
        "http://host:99999/v1",
        "http://host:0/v1",
        "http://[::1/v1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        checked_url(connection(base_url=url))
