"""Evidence: what a step learns from, by lot as in the paper, and what the diagnosing model is told of it."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from random import Random

import pytest

from dgm.benchmarks.catalogue import benchmark_named, definition_named
from dgm.benchmarks.definition import read_definition
from dgm.benchmarks.swebench.benchmark import InstancesBenchmark
from dgm.benchmarks.swebench.judge import Judging
from dgm.benchmarks.swebench.records import read_record
from dgm.config import SweBench
from dgm.core.actions import EvidenceKind, Rejection, Step
from dgm.core.errors import MalformedContentError, UnknownNameError
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import ModelAccess
from dgm.core.stages import Stage
from dgm.evolution.bench import Job
from dgm.evolution.evidence import Evidence, choose_evidence
from dgm.evolution.step import expand
from dgm.gateway.provider import REFUSED_CONTENT, TOO_LONG, RequestRefusedError
from tests.fakes.bench import CODE, Fakes, expand_job
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.providers import ScriptedProvider, Setting, grant, says
from tests.fakes.records import TEST_PATCH, record

ALL = (EvidenceKind.EMPTY_PATCHES, EvidenceKind.STOCHASTICITY, EvidenceKind.CONTEXT_LENGTH)
PATCH = "--- a/owl.py\n+++ b/owl.py\n"


def outcome(name: str, verdict: Verdict = Verdict.UNRESOLVED, *, trial: int = 0, patch: str = PATCH) -> Outcome:
    return Outcome(
        TaskId(name), trial, verdict, "1 of 2 tests passed", 1.0, SessionId(f"{name}.{trial}.agent"), patch=patch
    )


def empty(name: str) -> Outcome:
    return outcome(name, Verdict.EMPTY_PATCH, patch="")


def chosen(
    outcomes: Collection[Outcome], seed: int, *, kinds: Collection[EvidenceKind] = ALL, overflows: Collection[str] = ()
) -> Evidence | None:
    return choose_evidence(
        tuple(outcomes), kinds, Random(f"3:evidence:{seed}"), overflowed=lambda session: session in overflows
    )


def kinds_drawn(outcomes: Collection[Outcome]) -> set[EvidenceKind]:
    """Return which kinds come up, over many draws."""
    return {evidence.kind for seed in range(200) if (evidence := chosen(outcomes, seed))}


# --- what is drawn ---------------------------------------------------------------------------------------------------


def test_each_kind_has_its_chance_in_the_papers_order() -> None:
    counts = Counter(
        evidence.kind
        for seed in range(2_000)
        if (evidence := chosen([empty("ant"), outcome("bee")], seed, overflows=["bee.0.agent"]))
    )
    # A quarter; a quarter of the rest; a quarter of what is left then; all others.
    expected = {
        EvidenceKind.EMPTY_PATCHES: 0.25,
        EvidenceKind.STOCHASTICITY: 0.1875,
        EvidenceKind.CONTEXT_LENGTH: 0.140625,
        EvidenceKind.UNRESOLVED: 0.421875,
    }
    assert {kind: count / 2_000 for kind, count in counts.items()} == pytest.approx(expected, abs=0.04)


def test_a_benchmark_without_other_kinds_draws_unresolved_tasks_as_it_always_did() -> None:
    outcomes = [outcome("ant", Verdict.RESOLVED), empty("bee"), outcome("cat"), outcome("dog")]
    drawn = [evidence.outcome.task for seed in range(20) if (evidence := chosen(outcomes, seed, kinds=()))]
    assert drawn == [Random(f"3:evidence:{seed}").choice(("bee", "cat", "dog")) for seed in range(20)]


@pytest.mark.parametrize(("empties", "is_drawn"), [(1, False), (2, True)])
def test_empty_patches_are_drawn_from_a_tenth_of_the_results_on(empties: int, is_drawn: bool) -> None:
    outcomes = [*(empty(f"ant{n}") for n in range(empties)), *(outcome(f"bee{n}") for n in range(20 - empties))]
    assert (EvidenceKind.EMPTY_PATCHES in kinds_drawn(outcomes)) is is_drawn


def test_context_length_is_not_drawn_where_no_session_overflowed() -> None:
    assert EvidenceKind.CONTEXT_LENGTH not in kinds_drawn([outcome("ant")])


def drawn_for(kind: EvidenceKind, outcomes: Collection[Outcome], *, overflows: Collection[str] = ()) -> set[str]:
    """Return the tasks that stand for a kind, over many draws."""
    draws = (chosen(outcomes, seed, overflows=overflows) for seed in range(200))
    return {evidence.outcome.task for evidence in draws if evidence and evidence.kind is kind}


def test_an_empty_patch_stands_for_empty_patches() -> None:
    outcomes = [outcome("ant"), empty("bee"), empty("cat"), outcome("dog", Verdict.RESOLVED)]
    assert drawn_for(EvidenceKind.EMPTY_PATCHES, outcomes) == {"bee", "cat"}


def test_a_task_that_is_resolved_now_and_then_stands_for_stochasticity() -> None:
    outcomes = [outcome("ant"), outcome("bee", Verdict.RESOLVED), outcome("bee", trial=1)]
    assert drawn_for(EvidenceKind.STOCHASTICITY, outcomes) == {"bee"}


def test_any_unresolved_task_stands_for_stochasticity_where_each_was_tried_once() -> None:
    outcomes = [outcome("ant"), outcome("bee", Verdict.RESOLVED), outcome("cat")]
    assert drawn_for(EvidenceKind.STOCHASTICITY, outcomes) == {"ant", "cat"}


def test_a_session_that_overflowed_stands_for_context_length_even_if_its_task_was_resolved() -> None:
    outcomes = [outcome("ant"), outcome("bee", Verdict.RESOLVED), outcome("cat")]
    overflows = ["bee.0.agent", "cat.0.agent"]
    assert drawn_for(EvidenceKind.CONTEXT_LENGTH, outcomes, overflows=overflows) == {"bee", "cat"}


def test_the_same_step_draws_the_same_again() -> None:
    outcomes = [empty("ant"), *(outcome(f"bee{n}") for n in range(9))]
    assert [chosen(outcomes, seed) for seed in range(50)] == [chosen(outcomes, seed) for seed in range(50)]


@pytest.mark.parametrize("outcomes", [(), (outcome("ant", Verdict.RESOLVED),)])
def test_where_everything_was_resolved_there_is_no_evidence(outcomes: tuple[Outcome, ...]) -> None:
    assert [chosen(outcomes, seed, overflows=["ant.0.agent"]) for seed in range(20)] == [None] * 20


# --- what a benchmark has --------------------------------------------------------------------------------------------


def test_swebench_has_the_papers_kinds_and_the_others_have_none() -> None:
    assert {name: definition_named(name).evidence for name in ("katas", "polyglot", "polyglot-mini", "swebench")} == {
        "katas": (),
        "polyglot": (),
        "polyglot-mini": (),
        "swebench": ALL,
    }


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path) -> None:
    text = 'name = "ants"\nimage = "python"\ndataset = "a/b"\nevidence = ["luck"]\n[[stages]]\ntasks = ["a__a-1"]\n'
    (tmp_path / "benchmark.toml").write_text(text)
    with pytest.raises(MalformedContentError, match=r"wrong at evidence\.0"):
        read_definition(tmp_path)


def test_the_hidden_tests_of_an_exercise_are_its_test_files() -> None:
    hidden = benchmark_named("katas").hidden_tests(TaskId("boat-names"))
    assert hidden.startswith("# file: boat_names_test.py\n")
    assert "unittest.TestCase" in hidden


def test_the_hidden_tests_of_an_instance_are_its_test_patch(tmp_path: Path) -> None:
    task = TaskId("pond__pond-1")
    instance = read_record(record(task), number=1, source="x")
    judge = Judging(SweBench(), keep=None, cache=tmp_path)
    benchmark = InstancesBenchmark(definition_named("swebench"), [Stage((task,), 0.0)], [instance], judge=judge)
    assert benchmark.hidden_tests(task) == TEST_PATCH


def test_no_task_has_no_hidden_tests() -> None:
    with pytest.raises(UnknownNameError):
        benchmark_named("katas").hidden_tests(TaskId("kiwi"))


# --- what is asked ---------------------------------------------------------------------------------------------------


def step_of(kind: EvidenceKind, outcomes: tuple[Outcome, ...], *, overflows: Collection[str] = ()) -> tuple[str, Step]:
    """Return the first prompt of that kind, and the step that it belongs to."""
    job, action = expand_job()
    for run_seed in range(200):
        fakes = Fakes(models=FakeModelAccess(("no",)))
        fakes.run_seed = run_seed
        fakes.benchmark.evidence_kinds = ALL
        fakes.models.overflows = set(map(SessionId, overflows))
        step = expand(Job(action, job.attempt, CODE, outcomes=outcomes), action, fakes.bench)
        if step.evidence_kind is kind:
            return fakes.models.prompts[0], step
    raise AssertionError(f"{kind} was never drawn")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (EvidenceKind.UNRESOLVED, "The agent did not resolve the task below."),
        (EvidenceKind.EMPTY_PATCHES, "an empty patch never resolves a task. 1 of its 3 measurements ended like that."),
        (EvidenceKind.STOCHASTICITY, "The model that drives the agent is stochastic"),
        (EvidenceKind.CONTEXT_LENGTH, "became longer than the model's context"),
    ],
)
def test_each_kind_asks_for_its_own_improvement_and_is_recorded(kind: EvidenceKind, says: str) -> None:
    outcomes = (empty("ant"), outcome("bee"), outcome("cat", Verdict.RESOLVED))
    question, step = step_of(kind, outcomes, overflows=["cat.0.agent"])
    assert says in question
    assert step.evidence_kind is kind
    assert f"Let `answer()` return {step.evidence_task!r}" in question


def test_a_parent_that_resolved_everything_ends_in_a_rejection_that_cost_nothing() -> None:
    job, action = expand_job()
    fakes = Fakes()
    step = expand(Job(action, job.attempt, CODE, outcomes=(outcome("ant", Verdict.RESOLVED),)), action, fakes.bench)
    assert (step.rejection, step.evidence_task, step.child) == (Rejection.NO_DIAGNOSIS, "", None)
    assert (fakes.models.sessions, fakes.sandbox.containers) == ([], [])


# --- how an overflow is known ----------------------------------------------------------------------------------------


def asked(access: ModelAccess, name: str) -> None:
    with access.session(grant(name)) as session:
        session.ask("Go on.")


def test_a_session_overflowed_if_its_model_refused_a_call_as_too_long(tmp_path: Path) -> None:
    refusals = [RequestRefusedError("No.", code=code) for code in (REFUSED_CONTENT, TOO_LONG)]
    with Setting(tmp_path, provider=ScriptedProvider(says("fine"), *refusals)).gateway() as gateway:
        for name in ("00001.1.agent", "00002.1.agent", "00003.1.agent"):
            asked(gateway, name)
        sessions = [SessionId(f"{number:05}.1.agent") for number in range(1, 5)]
        assert [gateway.overflowed(session) for session in sessions] == [False, False, True, False]
