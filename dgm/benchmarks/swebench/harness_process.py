"""The process that runs the official harness on one patch; the only one that imports `swebench` to judge.

It stands in a directory of its own with `request.json` and leaves there

    facts.json   what happened so far, rewritten at every step, so that the host knows it whatever becomes of us
    output.log   what the tests printed, up to a cap

The official verdict is `run_instance`'s, untouched.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import docker.errors
from requests.exceptions import RequestException

from dgm.benchmarks.swebench.harness_client import BoundedEngine, Facts, HarnessClient

REQUEST = Path("request.json")
MODEL = "dgm"
LOCAL_FAULT = 3
"""Exit code where a file of this process's own could not be read or written."""
CPU_SECONDS = 180
"""What reading an output may take; an honest one takes a hundredth. Regular expressions of the harness's log parsers
take without end on some outputs, which nothing within the process can stop."""
MEMORY_BYTES = 4 * 2**30
_MAX_STATUSES_CHARS = 4_000_000


def main() -> None:
    """Run the harness as `request.json` says, and end this process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Below the hard limit, so that the signal tells.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 10))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The files that it lays into a container keep their modes, and their owner is nobody there.
    os.umask(0o022)
    # A record may name files at addresses, which must not be files of this machine.
    urllib.request.install_opener(_https_alone())
    facts = Facts()
    try:
        facts.note()
        _run(json.loads(REQUEST.read_text("ascii")), facts)
    except OSError as error:
        if isinstance(error, RequestException):  # of the engine: that is written down already
            raise
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(LOCAL_FAULT)
    # The harness leaves a thread behind that reads from tests whose time is over.
    os._exit(0)


def _https_alone() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPSHandler(), urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    # Who would remove the directory is dead. It is one of ours only if there is a request in it.
    if REQUEST.is_file():
        # By another process, which begins when this one is gone: until then the main thread may write there.
        argv = ["sh", "-c", 'cat && rm -rf -- "$1"', "sh", str(Path.cwd())]
        subprocess.Popen(argv, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    os._exit(1)


def _run(request: Mapping[str, Any], facts: Facts) -> None:
    run_evaluation = _harness()
    client = HarnessClient(BoundedEngine(facts, output_bytes=request["output_bytes"]), request["options"])

    def note_end(client: object, container: Any, logger: object) -> None:  # noqa: ARG001
        _note_end(container, facts)

    # In the place of the harness's own clean-up, which needs docker's command and 15 s; the host removes containers.
    run_evaluation.cleanup_container = note_end
    run_evaluation.get_eval_report = noting_what_cannot_be_parsed(run_evaluation.get_eval_report, facts)
    # By its digest: the reference could be moved to another image.
    spec = run_evaluation.make_test_spec({**request["record"], "image": request["image_id"]})
    instance, run = spec.instance_id, request["run"]
    prediction = {"instance_id": instance, "model_name_or_path": MODEL, "model_patch": request["patch"]}
    result = run_evaluation.run_instance(spec, prediction, client, run, timeout=request["timeout_s"])
    if result is None:
        return
    report = result[1][instance]
    log = Path(run_evaluation.RUN_EVALUATION_LOG_DIR, run, MODEL, instance, run_evaluation.LOG_TEST_OUTPUT)
    facts.note(report=report, statuses=_statuses(spec, log))


def _harness() -> Any:
    # Modules that the harness imports and this process has no use for: they take a second.
    for name, attributes in {
        "datasets": ("Dataset", "load_dataset", "load_from_disk"),
        "swebench.harness.modal_eval": ("run_instances_modal", "validate_modal_credentials"),
    }.items():
        left_out = ModuleType(name)
        for attribute in attributes:
            setattr(left_out, attribute, None)
        sys.modules[name] = left_out
    from swebench.harness import run_evaluation

    return run_evaluation


def noting_what_cannot_be_parsed(official: Callable[..., Any], facts: Facts) -> Callable[..., Any]:
    """Return the official function, which raises what it raises; a file that cannot be read is not the tests' doing."""

    def get_eval_report(*args: Any, **kwargs: Any) -> Any:
        try:
            return official(*args, **kwargs)
        except Exception as error:
            facts.note(left_unusable=not isinstance(error, OSError))
            raise

    return get_eval_report


def _statuses(spec: Any, log: Path) -> dict[str, str]:
    from swebench.harness.grading import get_logs_eval

    found: dict[str, str] = get_logs_eval(spec, str(log))[0]
    return found if sum(map(len, found)) <= _MAX_STATUSES_CHARS else {}


def _note_end(container: Any, facts: Facts) -> None:
    if container is None:
        facts.note_fault("no container could be made of its image")
        return
    try:
        container.reload()
    except docker.errors.NotFound:
        facts.note_fault("its container was removed")
    except (docker.errors.DockerException, RequestException, OSError) as error:
        facts.note_fault(error)
    else:
        state = container.attrs["State"]
        if not state["Running"]:
            why = "out of memory" if state["OOMKilled"] else f"exit code {state['ExitCode']}"
            facts.note(container_ended=why)


if __name__ == "__main__":
    main()
