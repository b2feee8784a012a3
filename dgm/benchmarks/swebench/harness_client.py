"""The docker client that the official harness is given: containers under our options, and bounded commands.

It runs in the harness's own process and writes down there what happens, since to the harness a broken engine, a
time-out and a patch that ends its container are all the same.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import docker
import docker.errors
from docker.models.containers import ContainerCollection
from docker.utils import kwargs_from_env
from docker.utils.socket import SocketError
from requests.exceptions import RequestException

FACTS, OUTPUT = Path("facts.json"), Path("output.log")
_COMMAND_OUTPUT_BYTES = 1_000_000
"""Of `git diff` and the like."""
_SHOWN_OF_A_FAULT = 400
_ENGINE_TIMEOUT_S = 300
_START, _END = b">>>>> Start Test Output", b">>>>> End Test Output"


@dataclass(slots=True)
class Facts:
    """What happened."""

    fault: str = ""
    """What failed that no patch can make fail: the engine, or a container that somebody removed."""
    tests_began: bool = False
    """From here on code of the patch runs."""
    tests_ended: bool = False
    timed_out: bool = False
    too_much_output: bool = False
    container_ended: str = ""
    """How the container ended by itself; "" while it runs."""
    left_unusable: bool = False
    """Whether the tests left a container in which no command can be started, or an output that cannot be parsed."""
    seconds: float | None = None
    """From the harness's mark before the tests to that behind them; None unless both were seen."""
    report: Mapping[str, Any] | None = None
    """The official one of this instance."""
    statuses: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the official log parser says of each test."""

    def note(self, **found: object) -> None:
        """Write down what was found."""
        for name, value in found.items():
            setattr(self, name, value)
        fresh = FACTS.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), "ascii")
        fresh.replace(FACTS)

    def note_fault(self, error: object) -> None:
        """Write down the first fault; later ones follow from it."""
        if not self.fault:
            explanation = error.explanation if isinstance(error, docker.errors.APIError) else None
            self.note(fault=str(explanation or error)[:_SHOWN_OF_A_FAULT])


class TooMuchOutputError(Exception):
    """The tests printed more than they may."""


class BoundedEngine(docker.APIClient):
    """The engine's API with bounded commands, and its faults told apart from what goes on in a container."""

    def __init__(self, facts: Facts, *, output_bytes: int) -> None:
        settings = cast("dict[str, Any]", kwargs_from_env())
        super().__init__(**settings, version="auto", timeout=_ENGINE_TIMEOUT_S)
        self._facts = facts
        self._output_bytes = output_bytes

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request; no patch can cut the line to the engine."""
        try:
            return super().request(*args, **kwargs)
        except (RequestException, OSError) as error:
            self._facts.note_fault(error)
            raise

    def start(self, container: Any, *args: Any, **kwargs: Any) -> None:
        """Start a container, in which nothing of the patch ran yet."""
        try:
            super().start(container, *args, **kwargs)
        except docker.errors.APIError as error:
            self._facts.note_fault(error)
            raise

    def exec_create(self, *args: Any, **kwargs: Any) -> Any:
        """Prepare a command. Once code of the patch ran, the container may be in any state: that is no fault."""
        create: Any = super().exec_create  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        try:
            return create(*args, **kwargs)
        except docker.errors.APIError as error:
            self._note_refusal(error)
            raise

    def exec_inspect(self, exec_id: Any) -> Any:
        """Return a command's state. While the tests run the harness asks for it only when their time is over."""
        facts = self._facts
        if facts.tests_began and not facts.tests_ended and not facts.too_much_output:
            facts.note(timed_out=True)
        return super().exec_inspect(exec_id)

    def exec_start(self, exec_id: Any, detach: bool = False, *args: Any, stream: bool = False, **kwargs: Any) -> Any:
        """Run a command; the harness streams the tests' output and no other."""
        if detach:
            return super().exec_start(exec_id, detach, *args, **kwargs)
        return self._tests(exec_id) if stream else self._command(exec_id)

    def _command(self, exec_id: Any) -> bytes:
        kept = bytearray()
        # To its end: the exit code counts.
        for chunk in self._chunks(exec_id):
            kept += chunk[: _COMMAND_OUTPUT_BYTES - len(kept)]
        # The harness decodes it strictly.
        return bytes(kept).decode("utf-8", "replace").encode()

    def _tests(self, exec_id: Any) -> Iterator[bytes]:
        facts = self._facts
        facts.note(tests_began=True)
        log, marks = bytearray(), _Marks()
        with OUTPUT.open("wb", buffering=0) as output:
            for chunk in self._chunks(exec_id):
                log += chunk
                output.write(chunk)
                marks.look_at(log, fresh=len(chunk))
                if len(log) > self._output_bytes:
                    facts.note(too_much_output=True)
                    raise TooMuchOutputError
        if not facts.timed_out:
            facts.note(tests_ended=True, seconds=marks.seconds)
        # As one piece: the harness adds piece by piece to one string, which takes quadratic time.
        yield bytes(log)

    def _chunks(self, exec_id: Any) -> Iterator[bytes]:
        try:
            yield from cast("Iterator[bytes]", super().exec_start(exec_id, stream=True))
        except (OSError, SocketError) as error:
            # An answer of the engine is an OSError too.
            if isinstance(error, docker.errors.APIError):
                self._note_refusal(error)
            else:
                self._facts.note_fault(error)
            raise

    def _note_refusal(self, error: docker.errors.APIError) -> None:
        if self._facts.tests_began:
            self._facts.note(left_unusable=True)
        else:
            self._facts.note_fault(error)


class _Marks:
    """When the harness's marks around the tests' output came."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._end: float | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds between them."""
        return None if self._start is None or self._end is None else self._end - self._start

    def look_at(self, log: bytearray, *, fresh: int) -> None:
        """Look for them in the last `fresh` bytes."""
        if self._start is None and log.find(_START, max(0, len(log) - fresh - len(_START))) >= 0:
            self._start = time.monotonic()
        if self._end is None and log.find(_END, max(0, len(log) - fresh - len(_END))) >= 0:
            self._end = time.monotonic()


class _Containers(ContainerCollection):
    """Makes containers under options that go before the harness's own."""

    def __init__(self, client: docker.DockerClient, options: Mapping[str, Any]) -> None:
        super().__init__(client=client)
        self._options = options

    def create(self, image: Any, command: Any = None, **kwargs: Any) -> Any:
        """Create a container."""
        arguments = {"command": command, **kwargs, **self._options}
        return super().create(image, **arguments)


class HarnessClient(docker.DockerClient):
    """The client that the harness is given."""

    def __init__(self, engine: BoundedEngine, options: Mapping[str, Any]) -> None:
        self.api = engine
        self._options = options

    @property
    def containers(self) -> ContainerCollection:
        """Containers under our options."""
        return _Containers(self, self._options)
