"""Evidence: which of a parent's measurements a step is to learn from, and what is to be learnt."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import assert_never

from dgm.core.actions import EvidenceKind
from dgm.core.ids import SessionId
from dgm.core.outcomes import Outcome
from dgm.evolution.prompts import prompt

CHANCE = 0.25  # of the paper: of each kind that goes before an unresolved task
LEAST_EMPTY = 0.1  # of the paper: share of the measurements
_FIRST = (EvidenceKind.EMPTY_PATCHES, EvidenceKind.STOCHASTICITY, EvidenceKind.CONTEXT_LENGTH)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a diagnosis is to explain."""

    kind: EvidenceKind
    outcome: Outcome
    """The measurement that stands for it."""
    finding: str = ""
    """One sentence on the measurements behind it, empty where there is nothing to say."""

    @property
    def question(self) -> str:
        """What the model is to find out, as Markdown."""
        return prompt(f"evidence_{self.kind.name.lower()}", finding=self.finding).strip()


def choose_evidence(
    outcomes: Sequence[Outcome],
    kinds: Collection[EvidenceKind],
    random: Random,
    *,
    overflowed: Callable[[SessionId], bool],
) -> Evidence | None:
    """Return what to diagnose, None where everything was resolved.

    First, in this order and each by a chance of its own, come the empty patches, if they are at least a tenth of the
    results, the stochasticity of the model, and its context length, if a session overflowed it. Else it is one task
    that was not resolved, at random.

    Args:
        outcomes: all that was measured of the parent.
        kinds: those that its benchmark has beside an unresolved task.
        random: hangs on the run's seed and the step.
        overflowed: whether a session's conversation became longer than its model's context.
    Source: Zhang et al. 2025, arXiv:2505.22954, App. B.
    """
    unresolved = [outcome for outcome in outcomes if not outcome.resolved]
    if not unresolved:
        return None
    for kind in _FIRST:
        if kind in kinds and random.random() < CHANCE:
            evidence = _evidence_of(kind, outcomes, random, overflowed)
            if evidence is not None:
                return evidence
    return Evidence(EvidenceKind.UNRESOLVED, random.choice(unresolved))


def _evidence_of(
    kind: EvidenceKind, outcomes: Sequence[Outcome], random: Random, overflowed: Callable[[SessionId], bool]
) -> Evidence | None:
    match kind:
        case EvidenceKind.EMPTY_PATCHES:
            return _empty_patches(outcomes, random)
        case EvidenceKind.STOCHASTICITY:
            return _stochasticity(outcomes, random)
        case EvidenceKind.CONTEXT_LENGTH:
            return _context_length(outcomes, random, overflowed)
        case EvidenceKind.UNRESOLVED:
            return None
        case _ as never:
            assert_never(never)


def _empty_patches(outcomes: Sequence[Outcome], random: Random) -> Evidence | None:
    empty = [outcome for outcome in outcomes if not outcome.patch]
    if not empty or len(empty) / len(outcomes) < LEAST_EMPTY:
        return None
    finding = f"{len(empty)} of its {len(outcomes)} measurements ended like that."
    return Evidence(EvidenceKind.EMPTY_PATCHES, random.choice(empty), finding)


def _stochasticity(outcomes: Sequence[Outcome], random: Random) -> Evidence:
    """Return a task that was resolved in some trials and not in others, or one that was not resolved."""
    resolved = {outcome.task for outcome in outcomes if outcome.resolved}
    unresolved = [outcome for outcome in outcomes if not outcome.resolved]
    mixed = [outcome for outcome in unresolved if outcome.task in resolved]
    finding = "The task below was resolved in another trial of the same agent." if mixed else ""
    return Evidence(EvidenceKind.STOCHASTICITY, random.choice(mixed or unresolved), finding)


def _context_length(
    outcomes: Sequence[Outcome], random: Random, overflowed: Callable[[SessionId], bool]
) -> Evidence | None:
    # In an order drawn by lot, up to the first: it is read off transcripts, which may be many and long.
    for outcome in random.sample(outcomes, len(outcomes)):
        if overflowed(outcome.session):
            return Evidence(EvidenceKind.CONTEXT_LENGTH, outcome)
    return None
