"""Diagnosis: what held the parent back, and the one general change that would help."""

from dataclasses import dataclass

from dgm.boundary.answers import parse_diagnosis
from dgm.content import sandbox_directory
from dgm.core.actions import Diagnosis
from dgm.core.errors import HostileBytesError
from dgm.core.files import FileTree
from dgm.core.outcomes import Outcome, Usage
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.core.tampering import is_made_of_signs
from dgm.evolution.bench import Bench, Job
from dgm.evolution.evaluation import session_seed
from dgm.evolution.evidence import Evidence
from dgm.evolution.prompts import prompt
from dgm.evolution.quoting import clipped, quoted
from dgm.evolution.recollection import MAX_MEMORY_CHARS, tried_before

MAX_TRIES = 4  # of the paper
MAX_TRANSCRIPT_CHARS = 250_000  # of the paper
MAX_SOURCE_CHARS = 400_000
MAX_STATEMENT_CHARS = 100_000
MAX_HIDDEN_CHARS = 100_000
MAX_PATCH_CHARS = 40_000
MAX_SUMMARY_CHARS = 2_000


def contract() -> str:
    """Return the contract between the host and an agent, as Markdown."""
    return (sandbox_directory() / "CONTRACT.md").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What came of asking for a diagnosis."""

    diagnosis: Diagnosis | None
    """None when no answer could be read."""
    limit_reached: bool
    """It asked for more than it may use."""
    usage: Usage


def diagnose(job: Job, evidence: Evidence, bench: Bench, *, step: int, limits: SessionLimits) -> Diagnosed:
    """Ask the model what held the agent back, up to four times until its JSON parses.

    The paper's appendix C.3 shows the hidden tests here; ours does that only where a run is set to do so: the model
    gets counts. Each further try shows half as much of the code, the transcript and whatever else may be long, since an
    agent must not end a run by what it makes too long to be read.

    Args:
        job: with the agent's code, and what was tried before around it.
        evidence: what to explain.
        bench: what is behind the ports.
        step: its number.
        limits: on asking.
    Raises:
        OutOfBudgetError, InfrastructureError: the model could not be asked.
    """
    seed = session_seed(bench.run_seed, "diagnose", step)
    grant = Grant(session=job.session("diagnose"), role=Role.DIAGNOSE, seed=seed, limits=limits)
    transcript = bench.models.transcript(evidence.outcome.session)
    with bench.models.session(grant) as line:
        diagnosis = None
        for attempt in range(1, MAX_TRIES + 1):
            try:
                diagnosis = parse_diagnosis(line.ask(_question(job, evidence, transcript, bench, attempt)))
                break
            except HostileBytesError:
                continue
    return Diagnosed(diagnosis, line.limit_reached, line.usage)


def _question(job: Job, evidence: Evidence, transcript: str, bench: Bench, attempt: int) -> str:
    outcome, halvings = evidence.outcome, attempt - 1
    hidden_tests = _hidden_tests(outcome, bench, most=MAX_HIDDEN_CHARS >> halvings)
    memory = tried_before(job.memory, most=MAX_MEMORY_CHARS >> halvings)
    source = agent_source(job.code, MAX_SOURCE_CHARS >> halvings)
    return prompt(
        "diagnose",
        evidence=evidence.question,
        contract=contract(),
        agent_source=quoted(source, most=MAX_SOURCE_CHARS >> halvings),
        task_statement=quoted(bench.benchmark.task(outcome.task).statement, most=MAX_STATEMENT_CHARS),
        transcript=quoted(transcript, most=MAX_TRANSCRIPT_CHARS >> halvings),
        patch=quoted(outcome.patch or "(nothing was changed)", most=MAX_PATCH_CHARS),
        test_summary=quoted(f"{_finding(outcome)}: {outcome.summary}", most=MAX_SUMMARY_CHARS),
        hidden_tests=hidden_tests and f"\n{hidden_tests}",
        tried_before=memory and f"\n{memory}",
        attempt=str(attempt),
    )


def _hidden_tests(outcome: Outcome, bench: Bench, *, most: int) -> str:
    """Return the prompt's section on the hidden tests, "" unless the run shows them."""
    if not bench.diagnoses.hidden_tests:
        return ""
    return prompt("hidden_tests", tests=quoted(bench.benchmark.hidden_tests(outcome.task), most=most))


def _finding(outcome: Outcome) -> str:
    # Never the flags themselves: they may name hidden tests.
    if not outcome.flags:
        return outcome.verdict.value
    if all(map(is_made_of_signs, outcome.flags)):
        return "not counted, since the agent changed files beside the solution that could steer its tests"
    return "not counted, since its tests did not run as they should"


def agent_source(code: FileTree, most: int) -> str:
    """Return all text files of an agent's code, each under a line that names it, in at most `most` characters."""
    parts = [f"# file: {path}\n{_text(file.content)}" for path, file in sorted(code.items())]
    return clipped("\n".join(parts), most)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return "(not text)\n"
