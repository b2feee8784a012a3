"""Diagnosis: why the parent failed on one task, and the one general change that would help."""

from dataclasses import dataclass
from random import Random

from dgm.boundary.answers import parse_diagnosis
from dgm.boundary.text import safe_text
from dgm.content import sandbox_directory
from dgm.core.actions import Diagnosis
from dgm.core.errors import HostileBytesError
from dgm.core.files import FileTree
from dgm.core.outcomes import Outcome, Usage
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.evolution.bench import Bench, Job
from dgm.evolution.evaluation import session_seed
from dgm.evolution.prompts import prompt

MAX_TRIES = 4  # of the paper
MAX_TRANSCRIPT_CHARS = 250_000  # of the paper
MAX_SOURCE_CHARS = 400_000
_TAGS = ("agent_source", "task_statement", "transcript", "patch", "test_summary", "contract")


def contract() -> str:
    """Return the contract between the host and an agent, as Markdown."""
    return (sandbox_directory() / "CONTRACT.md").read_text("utf-8")


def choose_evidence(unresolved: tuple[Outcome, ...], random: Random) -> Outcome:
    """Return the outcome to diagnose: one that was not resolved, at random.

    The three choices that the paper adds on SWE-bench (empty patches, stochasticity, context length) are not made.

    Args:
        unresolved: N >= 1 outcomes.
    Source: Zhang et al. 2025, arXiv:2505.22954, App. B.
    """
    return random.choice(unresolved)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What came of asking for a diagnosis."""

    diagnosis: Diagnosis | None
    """None when no answer could be read."""
    limit_reached: bool
    """It asked for more than it may use."""
    usage: Usage


def diagnose(job: Job, evidence: Outcome, bench: Bench, *, step: int, limits: SessionLimits) -> Diagnosed:
    """Ask the model what held the agent back, up to four times until its JSON parses.

    The paper's appendix C.3 shows the hidden tests here; ours never does: the model gets counts. Each further try shows
    half as much of the code and the transcript, since an agent must not end a run by what it makes too long to be read.

    Args:
        job: with the agent's code.
        evidence: what to explain.
        bench: what is behind the ports.
        step: its number.
        limits: on asking.
    Raises:
        OutOfBudgetError, InfrastructureError: the model could not be asked.
    """
    seed = session_seed(bench.run_seed, "diagnose", step)
    grant = Grant(session=job.session("diagnose"), role=Role.DIAGNOSE, seed=seed, limits=limits)
    transcript = bench.models.transcript(evidence.session)
    with bench.models.session(grant) as line:
        diagnosis = None
        for attempt in range(1, MAX_TRIES + 1):
            try:
                diagnosis = parse_diagnosis(line.ask(_question(job.code, evidence, transcript, bench, attempt)))
                break
            except HostileBytesError:
                continue
    return Diagnosed(diagnosis, line.limit_reached, line.usage)


def _question(code: FileTree, evidence: Outcome, transcript: str, bench: Bench, attempt: int) -> str:
    return prompt(
        "diagnose",
        contract=contract(),
        agent_source=_quoted(agent_source(code, MAX_SOURCE_CHARS >> (attempt - 1))),
        task_statement=_quoted(bench.benchmark.task(evidence.task).statement),
        transcript=_quoted(_clipped(transcript, MAX_TRANSCRIPT_CHARS >> (attempt - 1))),
        patch=_quoted(evidence.patch or "(nothing was changed)"),
        test_summary=f"{_finding(evidence)}: {_quoted(evidence.summary)}",
        attempt=str(attempt),
    )


def _finding(evidence: Outcome) -> str:
    # Never the flags themselves: they may name hidden tests.
    return "not counted, since its tests did not run as they should" if evidence.flags else evidence.verdict.value


def agent_source(code: FileTree, most: int) -> str:
    """Return all text files of an agent's code, each under a line that names it, in about `most` characters."""
    parts = [f"# file: {path}\n{_text(file.content)}" for path, file in sorted(code.items())]
    return _clipped("\n".join(parts), most)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return "(not text)\n"


def _quoted(text: str) -> str:
    """Return `text` with our closing tags broken, so that what an agent wrote cannot end its quotation."""
    for tag in _TAGS:
        text = text.replace(f"</{tag}>", f"<\\/{tag}>")
    return safe_text(text)


def _clipped(text: str, most: int) -> str:
    """Return `text`, or its head and its tail where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[-half:]}"
