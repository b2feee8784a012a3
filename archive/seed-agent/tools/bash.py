"""Runs a command in a fresh shell."""

import os
import signal
import subprocess
import tempfile

TIMEOUT_S = 120

SCHEMA = {
    "name": "bash",
    "description": (
        "Run a command with bash in the repository and return what it prints. "
        "Each call is a fresh shell; it is ended after 120 seconds."
    ),
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "The command to run."},
        },
        "required": ["command"],
    },
}


def run(command):
    """Return what the command printed, with its exit code if that is not 0."""
    # A file, not a pipe: a pipe stays open for as long as any process left in the background holds it.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
        )
        ending = wait(process)
        output.seek(0)
        return output.read().decode("utf-8", "replace") + ending


def wait(process):
    """Wait for the end of the shell, end its process group, and return what to say of it."""
    try:
        code = process.wait(timeout=TIMEOUT_S)
        return "\n[exit code %d]" % code if code else ""
    except subprocess.TimeoutExpired:
        return "\n[ended after %d seconds]" % TIMEOUT_S
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nothing was left
        process.wait()
