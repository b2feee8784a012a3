"""What lies ahead of a run: its sessions by stages, with a bound on evaluations, and with tasks held out."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from dgm.archive.run import RunArchive, create_run
from dgm.benchmarks.averages import rehearsed_averages
from dgm.cli.basis import Basis
from dgm.cli.forecast import Forecast, forecast, new_run_ahead, resumed_run_ahead
from dgm.config import REHEARSAL, Diagnoses, ModelChoice, Models, Price, RunConfig, Search, Steps
from dgm.core.actions import Evaluate
from dgm.core.estimate import Ahead
from dgm.core.files import File
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.ports import Role
from dgm.core.stages import Stage
from dgm.gateway.provider import FREE
from tests.fakes.runs import SEED_CODE, TickingClock, grow, outcome

TASKS = tuple(TaskId(f"task-{number}") for number in range(30))
STAGES = (Stage(TASKS[:10], above=0.0), Stage(TASKS[10:], above=0.4))


def config(
    *,
    policy: str = "dgm",
    children: int = 4,
    trials: int = 1,
    evaluations: int | None = None,
    holdout: float = 0.0,
    best_trials: int = 0,
) -> RunConfig:
    search = Search(evaluations=evaluations, holdout=holdout, best_trials=best_trials)
    return RunConfig(policy=policy, children=children, trials=trials, workers=1, search=search)


def ahead(
    seed: int, stages: tuple[int, ...], *, children: int = 4, due: int = 0, most: int | None = None, steps: int = 12
) -> Ahead:
    return Ahead(
        seed_sessions=seed,
        stage_sessions=stages,
        children=children,
        steps_allowed=steps,
        workers=1,
        due_sessions=due,
        most_agent_sessions=most,
    )


def test_each_stage_has_its_tasks_times_the_trials() -> None:
    assert new_run_ahead(config(trials=2), STAGES) == ahead(60, (20, 40))


def test_a_stage_for_the_best_is_one_unless_a_run_or_its_policy_has_it_otherwise() -> None:
    stages = (STAGES[0], Stage(TASKS[10:], above=0.4, top=2))
    without = config().model_copy(update={"search": Search(stage_tops=False)})
    found = [new_run_ahead(each, stages).stage_tops for each in (config(), without, config(policy="hgm"))]
    assert found == [{1: 2}, {}, {}]


def test_what_is_held_out_is_measured_for_the_seed_agent_and_the_best_one_and_for_no_other() -> None:
    assert new_run_ahead(config(holdout=0.3), STAGES) == ahead(21 + 9, (7, 14), due=9)


def test_without_children_the_seed_agent_is_the_best_one() -> None:
    assert new_run_ahead(config(holdout=0.3, children=0), STAGES) == ahead(30, (7, 14), children=0, steps=0)


def test_a_bound_on_evaluations_is_one_on_sessions() -> None:
    assert new_run_ahead(config(evaluations=50), STAGES) == ahead(30, (10, 20), most=50)
    assert new_run_ahead(config(evaluations=20), STAGES) == ahead(20, (10, 20), most=20)


def test_what_is_held_out_does_not_count_as_an_evaluation() -> None:
    assert new_run_ahead(config(evaluations=50, holdout=0.3), STAGES) == ahead(30, (7, 14), due=9, most=68)


def test_repeated_trials_of_the_best_agent_come_on_top() -> None:
    assert new_run_ahead(config(best_trials=3), STAGES) == ahead(30, (10, 20), due=60)


def test_policy_hgm_divides_its_evaluations_among_the_children() -> None:
    assert new_run_ahead(config(policy="hgm", evaluations=50), STAGES) == ahead(10, (10,), most=50)


def test_policy_hgm_without_a_bound_takes_what_growing_the_children_takes() -> None:
    # 5 agents: the least B with B^0.6 >= 5 is 15, and 10 for the seed agent's first stage.
    assert new_run_ahead(config(policy="hgm"), STAGES) == ahead(10, (4,), most=25)


def test_policy_hgm_measures_nothing_twice() -> None:
    assert new_run_ahead(config(policy="hgm", evaluations=10_000), STAGES) == ahead(10, (30,), most=10_000)


@pytest.mark.parametrize(("policy", "evaluations"), [("dgm", 60), ("dgm", 12), ("hgm", 60)])
def test_an_estimate_has_no_more_sessions_than_the_bound(policy: str, evaluations: int) -> None:
    settings = config(policy=policy, children=40, evaluations=evaluations)
    found = estimated(settings).estimate.roles[Role.AGENT].sessions
    assert found.low <= found.expected <= found.high <= evaluations


def test_an_estimate_with_a_bound_has_as_many_steps_as_can_be_measured() -> None:
    bounded, whole = (estimated(config(children=40, evaluations=bound)).estimate for bound in (60, 10_000))
    assert bounded.children.expected < 4
    assert whole.children.expected > 30


def estimated(settings: RunConfig, prices: Mapping[str, Price] = MappingProxyType({})) -> Forecast:
    shipped = rehearsed_averages("katas")
    assert shipped is not None
    basis = Basis(shipped.averages, dict.fromkeys(Role, REHEARSAL), run=None, benchmark="katas")
    return forecast(settings, prices, basis, new_run_ahead(settings, STAGES))


def most_cost_usd(*, interest: bool, free: str = "", step_usd: float | None = None) -> float:
    """Return the most that a run of 12 steps and no measurement may cost, sessions at $5 each."""
    settings = config(evaluations=1).model_copy(
        update={
            "models": Models(
                **{role: ModelChoice(model=f"openai:{role}") for role in ("agent", "improve", "diagnose")}
            ),
            "diagnoses": Diagnoses(interest=interest),
            "steps": Steps(max_cost_usd=step_usd),
        }
    )
    paid = Price(input_usd=1.0, output_usd=1.0)
    prices = {f"openai:{role}": FREE if role == free else paid for role in ("improve", "diagnose")}
    return estimated(settings, prices).most_cost_usd


def test_a_step_has_at_most_its_diagnosis_its_judgement_and_its_modification_to_pay_for() -> None:
    assert most_cost_usd(interest=False) == 12 * 2 * 5.0
    assert most_cost_usd(interest=True) == 12 * 3 * 5.0


def test_a_judgement_by_a_free_model_costs_nothing() -> None:
    assert most_cost_usd(interest=True, free="diagnose") == 12 * 5.0


def test_a_steps_own_cap_holds_for_its_judgement_too() -> None:
    assert most_cost_usd(interest=True, step_usd=12.0) == 12 * 12.0


# --- runs that go on -------------------------------------------------------------------------------------------------


def measured(run: RunArchive, agent: AgentId, tasks: tuple[TaskId, ...], verdict: Verdict = Verdict.UNRESOLVED) -> None:
    for task in tasks:
        run.add_outcome(run.decide(Evaluate(agent, task, 0)).number, agent, outcome(task, verdict))


def begun(directory: Path, settings: RunConfig, held_out: frozenset[TaskId] = frozenset()) -> RunArchive:
    return create_run(
        directory,
        config=settings,
        image="python",
        images={"python": "sha256:" + "0" * 64},
        seed_code=SEED_CODE,
        held_out=held_out,
        clock=TickingClock(),
    )


def test_a_run_that_goes_on_has_what_is_held_out_still_to_be_measured(tmp_path: Path) -> None:
    held_out = frozenset(TASKS[7:10])
    with begun(tmp_path / "run", config(holdout=0.3), held_out) as run:
        root = run.agent_tree().root.id
        measured(run, root, TASKS[:7])
        found = resumed_run_ahead(run, STAGES, children=4, workers=1)
        assert found == ahead(20 + 3, (7, 20), due=3)
        measured(run, root, TASKS[10:])
        child = grow(run, root, {**SEED_CODE, "x": File(b"")}).id
        measured(run, child, TASKS[:7], Verdict.RESOLVED)
        found = resumed_run_ahead(run, STAGES, children=1, workers=1)
        assert found == ahead(3, (7, 20), children=0, due=20 + 3, steps=2)
        measured(run, child, (*TASKS[10:], *TASKS[7:10]), Verdict.RESOLVED)
        measured(run, root, TASKS[7:9])
        assert resumed_run_ahead(run, STAGES, children=1, workers=1) == ahead(1, (7, 20), children=0, steps=2)


def test_a_stage_for_the_best_is_due_of_them_alone_as_a_run_goes_on(tmp_path: Path) -> None:
    stages = (STAGES[0], Stage(TASKS[10:], above=0.4, top=2))
    with begun(tmp_path / "run", config()) as run:
        root = run.agent_tree().root.id
        measured(run, root, TASKS)
        children = [grow(run, root, {**SEED_CODE, f"x{number}": File(b"")}).id for number in range(3)]
        for child in children:
            measured(run, child, TASKS[:10], Verdict.RESOLVED)
        measured(run, children[2], TASKS[10:14])
        bounded, whole = (resumed_run_ahead(run, each, children=3, workers=1) for each in (stages, STAGES))
    assert (bounded.due_sessions, whole.due_sessions) == (20 + 20, 20 + 20 + 16)


def test_a_run_that_goes_on_has_what_is_left_of_its_evaluations(tmp_path: Path) -> None:
    with begun(tmp_path / "run", config(evaluations=40)) as run:
        measured(run, run.agent_tree().root.id, TASKS)
        left = [
            resumed_run_ahead(run, STAGES, children=4, workers=1, evaluations=bound) for bound in (20, 40, 60, None)
        ]
        assert [found.most_agent_sessions for found in left] == [0, 10, 30, None]


def test_policy_hgm_has_what_is_left_of_its_evaluations(tmp_path: Path) -> None:
    with begun(tmp_path / "run", config(policy="hgm", evaluations=40)) as run:
        measured(run, run.agent_tree().root.id, TASKS[:12])
        assert resumed_run_ahead(run, STAGES, children=4, workers=1, evaluations=40) == ahead(0, (7,), most=28)
