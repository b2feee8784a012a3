"""An address at which a web page answers every question is found out before a run, for both protocols."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dgm.config import Price
from dgm.core.errors import ConfigError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.vendors.anthropic_provider import AnthropicProvider
from dgm.gateway.vendors.openai_provider import OpenAiProvider

PAGE = b"<!DOCTYPE html>\n<html><body>It works!</body></html>"


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("make", [OpenAiProvider, AnthropicProvider])
def test_a_web_page_is_no_server_of_models(address: str, make: type[OpenAiProvider] | type[AnthropicProvider]) -> None:
    connection = Connection("mine:m", "m", None, address)
    provider = make(connection, price=Price(input_usd=1.0, output_usd=1.0), parameters=ModelParameters())
    with pytest.raises(ConfigError) as caught:
        provider.check()
    provider.close()
    assert (str(caught.value), caught.value.__context__) == (
        "mine:m: a web page answers at its address, not a server of models; see base_url.",
        None,
    )
