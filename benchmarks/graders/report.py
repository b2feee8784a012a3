"""What all graders share: the report that the host reads, and running a child that may do anything.

Runs inside a grading container, as the agent user. What is built and run here is hostile, and shares the user with
this process: so nothing that is printed is believed as it stands. The host knows which tests there are and which of
them must fail, and a report that is missing or malformed resolves nothing.
"""

import ctypes
import json
import os
import subprocess

MAX_OUTPUT_BYTES = 20_000_000
MAX_MESSAGES = 60
MAX_MESSAGE_CHARS = 2_000
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
PR_SET_DUMPABLE = 4


class Report:
    """The standard output as it was at the start; whatever else is printed from now on goes nowhere."""

    def __init__(self):
        self._descriptor = os.dup(1)  # not inheritable, so no child has it
        os.dup2(2, 1)
        # A child that runs the solution is of this process's user, and could open its descriptors in /proc, print a
        # report of its own and kill this process before it prints one.
        if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError("this process cannot be closed to others")

    def ready(self):
        """Say that every tool works and nothing of the solution was loaded: what fails from here on is its doing."""
        os.write(self._descriptor, b"ready\n")
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)

    def end(self, outcomes=(), messages=(), problem=""):
        """Print the report and end this process.

        outcomes: (test, "passed", "failed" or "skipped") pairs; messages: (test, text) pairs of failed tests;
        problem: "", "import", "build" or "output".
        """
        shown = [[name, clipped(text)] for name, text in list(messages)[:MAX_MESSAGES]]
        document = {"problem": problem, "outcomes": list(map(list, outcomes)), "messages": shown}
        line = json.dumps(document).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]
        # At once: exit handlers and threads get to add nothing.
        os._exit(0)


def clipped(text):
    """Return the beginning and the end of a long text."""
    if len(text) <= MAX_MESSAGE_CHARS:
        return text
    half = MAX_MESSAGE_CHARS // 2 - 10
    return text[:half] + "\n[...]\n" + text[-half:]


def require_tool(argv):
    """End this process with an error, before it is ready, where a tool cannot even tell its version."""
    try:
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"{argv[0]} does not work: {error}") from None


def run_child(argv, directory, environment=None, max_bytes=MAX_OUTPUT_BYTES, keep_errors=True):
    """Run a child to its end, or until it printed too much.

    Returns (exit code, None when it was ended for its output; what it printed, as text). Standard error is part of
    the output with keep_errors, and goes nowhere without.
    """
    child = subprocess.Popen(
        argv,
        cwd=directory,
        env=None if environment is None else {**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if keep_errors else subprocess.DEVNULL,
    )
    # One byte more than may be, so that exactly so much can be told from too much.
    output = bytearray()
    while len(output) <= max_bytes:
        piece = os.read(child.stdout.fileno(), 65_536)
        if not piece:
            return child.wait(), output.decode("utf-8", "replace")
        output += piece
    child.kill()
    child.wait()
    return None, output[:max_bytes].decode("utf-8", "replace")
