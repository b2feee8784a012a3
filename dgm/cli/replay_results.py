"""What came of a replay: as JSON, and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.boundary.text import safe_line
from dgm.cli.answers import Answer
from dgm.cli.groups import group_answer, group_table, scores_by_group
from dgm.cli.render import simulated_note
from dgm.cli.scores import score_answer, score_line
from dgm.cli.tampering import signs_answer, tampering_answer, tampering_words
from dgm.cli.verdicts import counts_alike, safe_flags, verdict_words
from dgm.config import REHEARSAL, RunConfig
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome
from dgm.core.scores import score_of
from dgm.core.tampering import tampering_of
from dgm.evolution.replay import INTERRUPTED, Replayed, Second


@dataclass(frozen=True, slots=True)
class Results:
    """A replay that ended."""

    config: RunConfig
    attempts: int
    results: Sequence[Replayed]
    """N, in the order that was asked for."""
    images: Mapping[str, str]
    """Digest by name."""
    cost_usd: float
    """Of all sessions, those included that had to be done again."""

    @property
    def first(self) -> list[Outcome]:
        """What was measured: pass@1 is made of these alone."""
        return [result.outcome for result in self.results if result.outcome is not None]

    @property
    def after_second(self) -> list[Outcome]:
        """The same with the second outcome where there is one; without tasks whose second attempt was not judged."""
        pairs = [(result.outcome, result.second) for result in self.results if result.outcome is not None]
        return [_later(first, second) for first, second in pairs if second is None or second.outcome is not None]

    @property
    def judged(self) -> list[Outcome]:
        """All that was judged, second attempts too."""
        seconds = [result.second.outcome for result in self.results if result.second is not None]
        return self.first + [outcome for outcome in seconds if outcome is not None]

    @property
    def not_judged(self) -> int:
        """How many second attempts could not be judged."""
        return sum(result.second is not None and result.second.outcome is None for result in self.results)


def _later(first: Outcome, second: Second | None) -> Outcome:
    return first if second is None or second.outcome is None else second.outcome


def progress_line(count: str, result: Replayed) -> str:
    """Return what is said of a result as soon as it is there."""
    task, trial = result.measurement
    head = f"{count}  {task}  trial {trial}  "
    if result.outcome is None:
        return f"{head}not measured: {safe_line(result.fault)}"
    if result.second is None or result.second == Second(None, INTERRUPTED):
        return head + verdict_words(result.outcome)
    if result.second.outcome is None:
        return f"{head}second attempt not judged: {safe_line(result.second.fault)}"
    return f"{head}second attempt {verdict_words(result.second.outcome)}"


def answer_of(reader: RunReader, agent: AgentId, found: Results) -> Answer:
    """Return what `--json` prints and the result file holds."""
    recorded = _recorded(reader, agent, found.config)
    then = [(outcome, recorded.get((outcome.task, outcome.trial))) for outcome in found.first]
    compared = [counts_alike(outcome, other) for outcome, other in then if other is not None]
    return {
        "run": reader.facts().name,
        "agent": agent,
        "benchmark": found.config.benchmark,
        "model": found.config.models.agent.model,
        "images": dict(found.images),
        "attempts": found.attempts,
        **_counts(found.first, found.config),
        "after_second": _counts(found.after_second, found.config) if found.attempts > 1 else None,
        "as_recorded": sum(compared),
        "compared": len(compared),
        "tampering": tampering_answer(tampering_of(found.judged)),
        "cost_usd": found.cost_usd,
        "outcomes": [_outcome(result, recorded.get(result.measurement)) for result in found.results],
    }


def _counts(outcomes: Sequence[Outcome], config: RunConfig) -> Answer:
    return score_answer(score_of(outcomes)) | group_answer(outcomes, config.benchmark)


def _recorded(reader: RunReader, agent: AgentId, config: RunConfig) -> dict[tuple[TaskId, int], Outcome]:
    """Return what the run found, where the replay asks the same: the same benchmark and the same model.

    On what is held out from selection too, which a replay measures like any other task.
    """
    then = reader.config()
    if (then.benchmark, then.models.agent.model) != (config.benchmark, config.models.agent.model):
        return {}
    found = (*reader.outcomes_of(agent), *reader.held_out_of(agent))
    return {(outcome.task, outcome.trial): outcome for outcome in found}


def _outcome(result: Replayed, recorded: Outcome | None) -> Answer:
    task, trial = result.measurement
    outcome = result.outcome
    return {
        "task": task,
        "trial": trial,
        "verdict": outcome.verdict.value if outcome else None,
        "flags": safe_flags(outcome) if outcome else None,
        "signs": signs_answer(outcome) if outcome else None,
        "summary": safe_line(outcome.summary if outcome else result.fault),
        "seconds": round(outcome.seconds, 3) if outcome else None,
        "cost_usd": outcome.usage.cost_usd if outcome else None,
        "recorded_verdict": recorded.verdict.value if recorded else None,
        "recorded_flags": safe_flags(recorded) if recorded else None,
        "second": _second(result.second),
    }


def _second(second: Second | None) -> Answer | None:
    if second is None:
        return None
    outcome = second.outcome
    return {
        "verdict": outcome.verdict.value if outcome else None,
        "flags": safe_flags(outcome) if outcome else None,
        "signs": signs_answer(outcome) if outcome else None,
        "summary": safe_line(outcome.summary if outcome else second.fault),
        "seconds": round(outcome.seconds, 3) if outcome else None,
        "usage": asdict(outcome.usage) if outcome else None,
    }


def summary(agent: AgentId, found: Results, answer: Answer, directory: Path) -> list[RenderableType]:
    """Return what people are told in the end.

    Args:
        agent: that was replayed.
        found: what came of it.
        answer: the same as JSON.
        directory: where everything lies.
    """
    lines = [f"agent {agent[:7]} on {found.config.benchmark}: {score_line(score_of(found.first))}"]
    if missing := len(found.results) - len(found.first):
        lines.append(f"{missing} could not be measured; they are not scored.")
    if found.attempts > 1:
        lines += _second_lines(found)
    if flagged := sum(bool(outcome.flags) for outcome in found.judged):
        lines.append(f"{flagged} flagged as tampered with; they do not count as resolved.")
    if (tampered := tampering_of(found.judged)).with_signs:
        lines.append(f"Signs of tampering: {tampering_words(tampered)}.")
    if answer["compared"]:
        lines.append(f"{answer['as_recorded']} of {answer['compared']} verdicts are as the run recorded them.")
    if found.config.models.agent.model == REHEARSAL:
        lines.append(simulated_note())
    lines.append(f"Results, transcripts and costs are in {directory}.")
    return [*_groups(found), Text("\n".join(lines))]


def _second_lines(found: Results) -> list[str]:
    lines = [f"after a second attempt: {score_line(score_of(found.after_second))}"]
    if found.not_judged:
        lines.append(f"{found.not_judged} second attempts could not be judged; these tasks are not counted there.")
    return lines


def _groups(found: Results) -> list[RenderableType]:
    columns = {"resolved": found.first} | ({"after a second attempt": found.after_second} if found.attempts > 1 else {})
    scores = {name: scores_by_group(outcomes, found.config.benchmark) for name, outcomes in columns.items()}
    return [group_table(scores)] if any(scores.values()) else []
