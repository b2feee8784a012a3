"""Still an agent? The cheap gate before any task is spent on a child."""

from random import Random

from dgm.boundary.text import safe_line
from dgm.core.actions import Rejection
from dgm.core.files import File, FileTree
from dgm.core.ids import session_id
from dgm.core.ports import Attempt, Grant, Role, SessionLimits
from dgm.evolution.bench import Bench
from dgm.evolution.prompts import prompt
from dgm.evolution.session import Assignment, SessionResult, run_session

MAX_CODE_BYTES = 4 * 2**20
MAX_CODE_FILES = 1_000
# A probe is one tool call long. An agent that checks, plans or asks again needs a few calls more; one that never ends
# is told from it by these.
PROBE_CALLS = 12
PROBE_TIMEOUT_S = 30.0
PROBE_FILE = "probe.txt"


def size_problem(code: FileTree) -> str | None:
    """Return what is too large about an agent's code, None when it is of a sensible size."""
    size = sum(len(file.content) for file in code.values())
    if size > MAX_CODE_BYTES:
        return f"its code has {size:,} bytes; {MAX_CODE_BYTES:,} are allowed"
    if len(code) > MAX_CODE_FILES:
        return f"its code has {len(code):,} files; {MAX_CODE_FILES:,} are allowed"
    return None


def probe_child(child: FileTree, attempt: Attempt, bench: Bench) -> tuple[Rejection, str] | None:
    """Start the child with a scripted model on a small problem; return why it is no agent, None when it is one.

    The child must start, offer a tool that can change a file, carry out the call that the model answers with, and end.

    Args:
        child: its code.
        attempt: that the session is named after.
        bench: what is behind the ports.

    Raises:
        InfrastructureError: the probe could not be carried out.
    """
    if "main.py" not in child:
        return Rejection.NOT_AN_AGENT, "it has no main.py"
    token = f"probe-{Random(f'{bench.run_seed}:{attempt.decision}').randrange(10**9):09d}"
    limits = SessionLimits(calls=PROBE_CALLS)
    assignment = Assignment(
        grant=Grant(
            session=session_id(attempt.decision, attempt.number, "probe"), role=Role.PROBE, seed=0, limits=limits
        ),
        code=child,
        statement=prompt("probe", token=token),
        workspace={"README.md": File(b"An empty project.\n")},
        image=bench.benchmark.image,
        timeout_s=PROBE_TIMEOUT_S,
    )
    problem = _probe_problem(run_session(assignment, bench), token=token)
    return (Rejection.NOT_AN_AGENT, problem) if problem else None


def _probe_problem(result: SessionResult, *, token: str) -> str | None:
    if result.execution.timed_out:
        return f"it did not end within {PROBE_TIMEOUT_S:.0f} s"
    if result.limit_reached:
        return f"it did not end within {PROBE_CALLS} model calls"
    if result.execution.exit_code != 0:
        return f"it ended with {result.exit}{_last_line(result)}"
    if result.usage.calls == 0:
        return "it never called the model"
    if result.tree is None:
        return f"it left no plain tree of files: {result.refusal}"
    written = result.tree.get(PROBE_FILE)
    if written is None or written.content.strip() != token.encode():
        return "it did not carry out the tool call that the model answered with"
    return None


def _last_line(result: SessionResult) -> str:
    """Return the last line that it wrote on standard error, made safe, for people."""
    lines = result.execution.stderr[-2_000:].decode("utf-8", "replace").strip().splitlines()
    return f": {safe_line(lines[-1])[:200]}" if lines else ""
