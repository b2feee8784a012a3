"""What an engine says of a pull, and the one sentence that is made of it where it failed."""

import json
from collections.abc import Iterable, Iterator

import pytest
from requests import Response
from requests.exceptions import ChunkedEncodingError, RequestException

from dgm.core.errors import SandboxError
from dgm.sandbox.pull_stream import PullEvent, PullStream

PREFIX = "Image a/one could not be pulled: "
REMEDY = "see to the engine's network, or bring the image in with `docker load`"


class Answer(Response):
    """An engine's answer, line by line; an exception is raised where it stands."""

    def __init__(self, *lines: object, status: int = 200, body: bytes = b"") -> None:
        super().__init__()
        self.lines = lines
        self.status_code = status
        self._content = body
        self.shut_down = 0
        self.raw = self

    def shutdown(self) -> None:
        self.shut_down += 1

    def iter_lines(self, *_: object, **__: object) -> Iterator[bytes]:
        for line in self.lines:
            if isinstance(line, Exception):
                raise line
            yield line if isinstance(line, bytes) else json.dumps(line).encode()


def events(*lines: object) -> Iterable[PullEvent]:
    return PullStream("a/one", Answer(*lines), silence_s=30).events()


def why(answer: Answer) -> str:
    with pytest.raises(SandboxError) as raised:
        list(PullStream("a/one", answer, silence_s=30).events())
    return str(raised.value)


def test_each_line_is_an_event() -> None:
    assert list(
        events(
            {"status": "Pulling from a/one", "id": "latest"},
            b"",
            {"status": "Downloading", "id": "l1", "progressDetail": {"current": 5, "total": 9}},
            {"status": "Status: Downloaded", "progressDetail": {}},
        )
    ) == [
        PullEvent("latest", "Pulling from a/one", 0, 0),
        PullEvent("l1", "Downloading", 5, 9),
        PullEvent("", "Status: Downloaded", 0, 0),
    ]


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            "failed to register layer: write /usr/lib/x: no space left on device",
            "the engine's disk is full; free some, or lower swebench.image_quota_bytes",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit",
            "its registry allows no more pulls for now; `docker login` allows more, or go on later with `dgm resume`",
        ),
        (
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            "it is not made for the engine's architecture",
        ),
        (
            "pull access denied for a/one, repository does not exist or may require 'docker login'",
            "its registry has none of that name, or shows it only after `docker login`",
        ),
        (
            "Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io: no such host",
            f"the engine cannot reach its registry; {REMEDY}",
        ),
    ],
)
def test_what_engines_say_is_told_with_its_meaning(said: str, meaning: str) -> None:
    sentence = f"{PREFIX}{meaning} ({said})."
    assert why(Answer({"error": said, "errorDetail": {"message": said}})) == sentence
    assert why(Answer(status=500, body=json.dumps({"message": said}).encode())) == sentence


def test_what_is_not_known_is_told_in_the_engines_words() -> None:
    assert why(Answer({"error": "odd\n\x1b[2J thing."})) == f"{PREFIX}odd thing."


def test_an_answer_that_is_no_json_is_told_by_its_status() -> None:
    assert why(Answer(status=502, body=b"<html>")) == f"{PREFIX}HTTP 502."


def test_silence_is_told() -> None:
    assert why(Answer({}, RequestException("Read timed out."))) == f"{PREFIX}nothing came for 30 s."


@pytest.mark.parametrize("broken", [ChunkedEncodingError("broken"), OSError("broken"), b"{"])
def test_an_answer_that_breaks_off_is_told(broken: object) -> None:
    assert "the engine's answer broke off" in why(Answer({}, broken))


def test_a_stream_that_was_ended_says_so_however_its_reader_stops() -> None:
    for answer in (Answer({}, RequestException("reset")), Answer({})):
        stream = PullStream("a/one", answer, silence_s=30)
        stream.end()
        with pytest.raises(SandboxError, match="was not pulled: everything was stopped"):
            list(stream.events())
        assert answer.shut_down == 1
