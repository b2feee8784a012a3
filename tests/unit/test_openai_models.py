"""The check before a run: through the real SDK, it costs nothing and says in one sentence what is wrong."""

import socket
from collections.abc import Generator

import pytest

from dgm.config import Price
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from tests.fakes.openai_rules import FakeModel, Refusal
from tests.fakes.openai_server import KEY, OpenAiServer, Script
from tests.fakes.providers import says

MODELS = [f"model-{number}" for number in range(7)]


@pytest.fixture
def server() -> Generator[OpenAiServer, None, None]:
    with OpenAiServer(Script(says("hello")), models={name: FakeModel() for name in MODELS}) as server:
        yield server


def check(base_url: str | None, *, model: str = "model-0", key: str = KEY) -> None:
    connection = Connection(f"openai:{model}", model, key, base_url)
    provider = OpenAiProvider(connection, price=Price(input_usd=1.0, output_usd=1.0), parameters=ModelParameters())
    try:
        provider.check()
    finally:
        provider.close()


@pytest.fixture
def as_openai(server: OpenAiServer, monkeypatch: pytest.MonkeyPatch) -> OpenAiServer:
    """Let the server stand at OpenAI's own address."""
    monkeypatch.setattr("dgm.gateway.vendors.openai_provider.OPENAI_URL", server.base_url)
    return server


def test_a_model_that_is_there_can_be_asked_and_nothing_was_billed(server: OpenAiServer) -> None:
    check(server.base_url)
    assert ([received.path for received in server.requests], server.bills) == (["/v1/models"], [])


def test_a_model_that_is_not_there_is_named_with_five_that_are(server: OpenAiServer) -> None:
    with pytest.raises(ConfigError) as caught:
        check(server.base_url, model="model-9")
    assert str(caught.value) == (
        "openai:model-9: the endpoint has no model 'model-9'; it has model-0, model-1, model-2, model-3, model-4 "
        "and 2 more."
    )


@pytest.mark.parametrize(
    ("listed", "model"),
    [
        ("llama:latest", "llama"),
        ("models/gemini-x", "gemini-x"),
        ("vendor/model", "vendor/model:nitro"),
        ("openai/*", "openai/gpt-x"),
    ],
)
def test_a_model_may_be_listed_under_the_name_that_its_server_gives_it(
    server: OpenAiServer, listed: str, model: str
) -> None:
    server.models = {listed: FakeModel()}
    check(server.base_url, model=model)


def test_a_wrong_key_is_a_wrong_configuration_that_does_not_quote_it(server: OpenAiServer) -> None:
    with pytest.raises(ConfigError) as caught:
        check(server.base_url, key="sk-wrong-key")
    assert (str(caught.value), caught.value.__context__) == (
        "openai:model-0 refused the API key (status 401).",
        None,
    )


def test_a_dead_address_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ProviderError) as caught:
        check(url)
    assert (str(caught.value), caught.value.__context__) == (
        f"openai:model-0 cannot be reached at {url}/ ([Errno 111] Connection refused); is that server running?",
        None,
    )


@pytest.mark.parametrize("status", [404, 405, 501, 429])
def test_a_server_that_tells_nothing_of_its_models_passes(server: OpenAiServer, status: int) -> None:
    server.models_reply = Refusal(status, "no")
    check(server.base_url, model="any")


@pytest.mark.parametrize("answer", [{"data": []}, {"models": ["a"]}, ["a"], "hello"])
def test_a_list_that_is_empty_or_cannot_be_read_passes(server: OpenAiServer, answer: object) -> None:
    server.models_reply = answer
    check(server.base_url, model="any")


def test_a_server_that_fails_is_a_providers_error(server: OpenAiServer) -> None:
    server.models_reply = Refusal(502, "bad gateway")
    with pytest.raises(ProviderError, match="status 502"):
        check(server.base_url)


def test_openai_itself_is_asked_for_the_one_model(as_openai: OpenAiServer) -> None:
    check(None)
    assert [received.path for received in as_openai.requests] == ["/v1/models/model-0"]


def test_a_model_that_openai_has_not_is_a_wrong_configuration(as_openai: OpenAiServer) -> None:  # noqa: ARG001
    with pytest.raises(ConfigError, match="OpenAI has no model 'gpt-0' for this key"):
        check(None, model="gpt-0")


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_make_calls_alone_passes(as_openai: OpenAiServer, status: int) -> None:
    as_openai.models_reply = Refusal(status, "You have insufficient permissions. Missing scopes: api.model.read.")
    check(None)


def test_a_key_that_may_do_nothing_is_refused(as_openai: OpenAiServer) -> None:
    as_openai.models_reply = Refusal(403, "Your country is not supported.")
    with pytest.raises(ProviderRefusedError, match="status 403"):
        check(None)
