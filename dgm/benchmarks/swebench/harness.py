"""Runs the official harness on one patch, in a process of its own, and tells what came of it."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.boundary.scratch import scratch_directory
from dgm.boundary.text import safe_line
from dgm.core.errors import SandboxError

MAX_OUTPUT_BYTES = 32 * 2**20
"""Of the tests of one run; those of SWE-bench print some MB at most."""
SLACK_S = 300.0
"""For all but the tests: starting a container, applying patches, reading the output."""
_MAX_FACTS_BYTES = 64 * 2**20
_MAX_HARNESS_LOG_BYTES = 4 * 2**20
_SHOWN_OF_STDERR = 300
_APPLY_FAILED = ">>>>> Patch Apply Failed"
"""What the harness logs when it gives a patch up; all else that keeps tests from beginning is no patch's doing."""
_LOCAL_FAULT = 3
"""Exit code of the process, see there."""
_TOO_LONG_TO_READ = "what its tests printed takes too long to read"
_PROCESS = (sys.executable, "-I", "-X", "utf8", "-m", "dgm.benchmarks.swebench.harness_process")
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Results(BaseModel):
    """Which tests of a group passed."""

    model_config = _STRICT

    success: tuple[str, ...]
    failure: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.success) + len(self.failure)


class TestsStatus(BaseModel):
    """What the official report says of each group of tests."""

    __test__ = False  # no tests for pytest
    model_config = ConfigDict(extra="ignore", frozen=True)

    fail_to_pass: Results = Field(alias="FAIL_TO_PASS")
    pass_to_pass: Results = Field(alias="PASS_TO_PASS")


class OfficialReport(BaseModel):
    """The report of one instance as the harness writes it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    resolved: bool
    infra_failure_reason: str = ""
    """What the harness suspects where it could not read any test's result."""
    tests_status: TestsStatus | None = None
    """None where it could not read any test's result."""


class Facts(BaseModel):
    """What the process wrote down; see `harness_client.Facts`."""

    model_config = _STRICT

    fault: str
    tests_began: bool
    tests_ended: bool
    timed_out: bool
    too_much_output: bool
    container_ended: str
    left_unusable: bool
    seconds: float | None
    report: dict[str, Any] | None
    statuses: dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """One run of the harness."""

    record: Mapping[str, Any]
    image_id: str
    patch: str
    timeout_s: float
    options: Mapping[str, object]
    """Of containers, see `HarnessContainers`."""


@dataclass(frozen=True, slots=True)
class HarnessRun:
    """What came of it."""

    fault: str
    """Why nothing can be said of the patch; "" where something can."""
    failure: str = ""
    """What the patch did so that there is no official report; "" where there is one."""
    report: OfficialReport | None = None
    raw_report: Mapping[str, Any] | None = None
    statuses: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float | None = None
    """That the tests took; None where that is not known."""
    log: str = ""
    """What the tests printed; as hostile as the patch."""
    harness_log: str = ""


def run_harness(request: Request, *, environment: Mapping[str, str]) -> HarnessRun:
    """Run the harness on a patch, and end its process.

    Args:
        request: what is judged.
        environment: tells where the engine is.
    Raises:
        SandboxError: the process cannot be started, or there is no room for its files.
    """
    try:
        with scratch_directory("swebench") as place:
            run = secrets.token_hex(8)
            (place / "request.json").write_text(json.dumps(_request(request, run=run)), "ascii")
            problem = _run_process(place, environment, deadline_s=request.timeout_s + SLACK_S)
            return _told(place, problem, run=run)
    except OSError as error:
        raise SandboxError(f"A file for the official harness could not be read or written: {error}.") from error


def _request(request: Request, *, run: str) -> dict[str, object]:
    return {
        "record": dict(request.record),
        "image_id": request.image_id,
        "patch": request.patch,
        "timeout_s": request.timeout_s,
        "options": dict(request.options),
        "output_bytes": MAX_OUTPUT_BYTES,
        # A run's id that was used before would get that run's report.
        "run": run,
    }


def _run_process(place: Path, environment: Mapping[str, str], *, deadline_s: float) -> str:
    """Run the process to its end and return what was wrong with it, "" where nothing was."""
    with (place / "stderr").open("wb") as stderr:
        try:
            process = subprocess.Popen(
                _PROCESS,
                cwd=place,
                env=_environment(place) | dict(environment),
                # It ends when this end of the pipe is closed, also by our death.
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"The process of the official harness could not be started: {error}.") from error
    with process:
        try:
            code = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return f"the harness did not end within {deadline_s:.0f} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if code == -signal.SIGXCPU:
        return _TOO_LONG_TO_READ
    reason = safe_line((place / "stderr").read_text("utf-8", "replace")[-2_000:])[-_SHOWN_OF_STDERR:]
    if code == _LOCAL_FAULT:
        raise SandboxError(f"A file of the official harness's process could not be read or written: {reason}.")
    return "" if code == 0 else f"the harness's process ended with exit code {code}: {reason}"


def _environment(place: Path) -> dict[str, str]:
    """Return everything that the process knows of ours: no key, no .env, no configuration of the user's."""
    return {
        "PATH": os.defpath,
        "HOME": str(place),
        "TMPDIR": str(place),
        "DOCKER_CONFIG": str(place),
        "LC_ALL": "C.UTF-8",
        # The harness would load any .env above its package.
        "PYTHON_DOTENV_DISABLED": "1",
    }


def _told(place: Path, problem: str, *, run: str) -> HarnessRun:
    facts = _facts(place)
    if facts is None:
        return HarnessRun(fault=problem or "the harness's process said nothing")
    log = _text(place / "output.log", limit=MAX_OUTPUT_BYTES)
    harness_log = _harness_log(place, run=run)
    if facts.fault or (problem and not facts.tests_began):
        return HarnessRun(fault=facts.fault or problem, log=log, harness_log=harness_log)
    failure = "" if facts.report is not None else _failure(facts, problem, harness_log)
    return HarnessRun(
        fault="" if facts.report is not None or failure else problem or "the harness ended without a report",
        failure=failure,
        report=None if facts.report is None else OfficialReport.model_validate(facts.report),
        raw_report=facts.report,
        statuses=facts.statuses,
        seconds=facts.seconds,
        log=log,
        harness_log=harness_log,
    )


def _failure(facts: Facts, problem: str, harness_log: str) -> str:
    """Return what the patch was seen to do; "" where nothing was, so that the fault may be ours."""
    if not facts.tests_began:
        if facts.container_ended:
            return f"applying it ended its container ({facts.container_ended})"
        return "the patch does not apply" if _APPLY_FAILED in harness_log else ""
    if facts.too_much_output:
        return f"its tests printed more than {MAX_OUTPUT_BYTES // 2**20} MiB"
    if facts.container_ended:
        return f"its tests ended their container ({facts.container_ended})"
    if facts.timed_out:
        return "its tests ran into the time limit"
    if problem == _TOO_LONG_TO_READ:
        return problem
    # Once the tests have ended, the process has nothing to do but to read what they printed.
    if facts.left_unusable or (facts.tests_ended and problem):
        return "what its tests printed or left behind cannot be read"
    return ""


def _facts(place: Path) -> Facts | None:
    try:
        facts = Facts.model_validate_json(_text(place / "facts.json", limit=_MAX_FACTS_BYTES))
        if facts.report is not None:
            OfficialReport.model_validate(facts.report)
    except ValidationError:
        return None
    return facts


def _harness_log(place: Path, *, run: str) -> str:
    found = sorted((place / "logs" / "run_evaluation" / run).glob("*/*/run_instance.log"))
    text = _text(found[0], limit=_MAX_HARNESS_LOG_BYTES) if found else ""
    return re.sub(re.escape(str(place)), "", text)


def _text(path: Path, *, limit: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
