"""`dgm estimate`: what it is made from, what it says, and what is known of a run that goes on."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.averages import Samples, samples_of
from dgm.archive.run import RunArchive, read_run
from dgm.benchmarks.averages import assumed_averages, averages_toml, read_assumed, read_rehearsed, rehearsed_averages
from dgm.benchmarks.catalogue import benchmark_named
from dgm.cli.basis import basis_for
from dgm.cli.forecast import resumed_run_ahead
from dgm.cli.main import run_command
from dgm.config import REHEARSAL, ModelChoice, Models, Price, RunConfig
from dgm.core.actions import Evaluate, Expand, Rejection
from dgm.core.averages import AS_MEASURED, REAL_FROM_SIMULATED, Amounts, FlatRates, Stretch, average_of
from dgm.core.counting import Share
from dgm.core.errors import MalformedContentError
from dgm.core.estimate import Ahead
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.sandbox.references import Reference
from dgm.sandbox.registry import RegistryError, RemoteImage
from tests.fakes.runs import SEED_CODE, new_run, outcome, pay, step

ALL_STAGES = benchmark_named("katas").stages()
FIRST, LATER = ALL_STAGES[0].tasks[:2], ALL_STAGES[1].tasks[:1]
TASKS = (*FIRST, *LATER)
STAGES = benchmark_named("katas", TASKS).stages()
REAL = "openai:gpt-x"
CLAUDE_SONNET_4 = FlatRates(input_usd=3.0, output_usd=15.0, cache_read_usd=0.3, cache_write_usd=3.75)
GPT_5 = FlatRates(input_usd=1.25, output_usd=10.0, cache_read_usd=0.125, cache_write_usd=1.25)
SWEBENCH = ("--benchmark", "swebench", "--tasks", "small")
MakeRun = Callable[..., None]
PRICES = f"""
[prices."{REAL}"]
input_usd = 1.0
output_usd = 10.0
cache_read_usd = 0.1
"""


def used(*, calls: int = 1, read: int = 0, written: int = 0, tokens: int = 1_000) -> Usage:
    return Usage(calls, tokens, 100, 0.001, read, written)


def measured(run: RunArchive, agent: AgentId, tasks: tuple[TaskId, ...], *, resolved: int = 0) -> None:
    """Measure an agent in sessions of two calls; the second sends what the first did, and 500 tokens more."""
    for number, task in enumerate(tasks):
        decision = run.decide(Evaluate(agent, task, 0))
        session = f"{decision.number:05}.1.agent"
        pay(run, session, used(tokens=1_000), number=1)
        pay(run, session, used(tokens=1_500), number=2)
        verdict = Verdict.RESOLVED if number < resolved else Verdict.UNRESOLVED
        run.add_outcome(decision.number, agent, replace(outcome(task, verdict), session=SessionId(session)))


def expanded(run: RunArchive, number: int, *, is_accepted: bool) -> AgentId | None:
    """Carry out a step of two sessions."""
    root = run.agent_tree().root.id
    decision = run.decide(Expand(root, number))
    sessions = tuple(SessionId(f"{decision.number:05}.1.{purpose}") for purpose in ("diagnose", "improve", "probe"))
    pay(run, sessions[0], used(tokens=9_000))
    pay(run, sessions[1], used(tokens=3_000))
    pay(run, sessions[2], Usage(calls=1))
    code = {**SEED_CODE, "number": File(str(number).encode())} if is_accepted else None
    rejection = None if is_accepted else Rejection.NOT_AN_AGENT
    child = run.add_step(
        decision.number, replace(step(number, root, child=code, rejection=rejection), sessions=sessions)
    )
    return None if child is None else child.id


def write_run(path: Path, *, model: str, children: int, finished: bool) -> None:
    """Make a run on three tasks: the seed agent on all, a rejected step, children on the two of the first stage."""
    with new_run(path, config=config_of(model)) as run:
        measured(run, run.agent_tree().root.id, TASKS)
        expanded(run, 1, is_accepted=False)
        for number in range(children):
            child = expanded(run, number + 2, is_accepted=True)
            assert child is not None
            measured(run, child, FIRST, resolved=1 if number == 0 else 0)  # more than 40 %, and less
        if finished:
            run.end("finished")


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """A function that makes a run; each kind is written once, and then copied."""
    templates = tmp_path_factory.mktemp("templates")

    def make(path: Path, *, model: str = REHEARSAL, children: int = 2, finished: bool = True) -> None:
        template = templates / f"{model}-{children}-{finished}"
        if not template.exists():
            write_run(template, model=model, children=children, finished=finished)
        shutil.copytree(template, path)

    return make


def config_of(model: str) -> RunConfig:
    return RunConfig(
        tasks=TASKS,
        models=Models(agent=ModelChoice(model=model)),
        prices={} if model == REHEARSAL else {model: Price(input_usd=1.0, output_usd=10.0, cache_read_usd=0.1)},
    )


def samples(path: Path) -> Samples:
    with read_run(path) as run:
        return samples_of(run, STAGES)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def prices(tmp_path: Path) -> str:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    return str(path)


def no_registry(reference: Reference, *, architecture: str) -> RemoteImage:
    raise RegistryError(f"{reference} for {architecture} cannot be asked for")


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], runs: Path, monkeypatch: pytest.MonkeyPatch, prices: str) -> Any:
    """A function that estimates with the options given and returns what was printed."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setattr("dgm.sandbox.downloads.remote_image", no_registry)
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)

    def command(*words: str) -> str:
        code = run_command(["estimate", "--runs-dir", str(runs), "--config", prices, *words])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out

    return command


def answer(text: str) -> Any:
    return json.loads(text)


def test_a_run_says_what_its_sessions_used(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "one", model=REAL)
    found = samples(runs / "one")
    session = Amounts(calls=2, input_tokens=2_500, output_tokens=200, seconds=1.25)
    assert found.seed == (session,) * 3
    assert found.child == (session,) * 2
    assert found.improve == (Amounts(calls=1, input_tokens=3_000, output_tokens=100, seconds=2.5),) * 3
    assert found.diagnose == (Amounts(calls=1, input_tokens=9_000, output_tokens=100),) * 3
    assert (found.accepted, found.passed) == (Share(2, 3), (Share(1, 2),))


def test_of_a_simulated_models_growing_conversation_a_cache_would_have_had_what_was_sent_before(
    runs: Path, make_run: MakeRun
) -> None:
    make_run(runs / "one")
    found = samples(runs / "one")
    assert (found.seed[0].cache_read_tokens, found.seed[0].cache_write_tokens) == (1_000, 1_500)
    assert (found.diagnose[0].cache_read_tokens, found.diagnose[0].cache_write_tokens) == (0, 9_000)


def test_of_a_real_model_what_its_provider_said_of_the_cache_counts(runs: Path) -> None:
    with new_run(runs / "one", config=config_of(REAL)) as run:
        root = run.agent_tree().root.id
        decision = run.decide(Evaluate(root, TASKS[0], 0))
        pay(run, "00001.1.agent", used(read=600, written=300))
        run.add_outcome(decision.number, root, replace(outcome(TASKS[0]), session=SessionId("00001.1.agent")))
    (session,) = samples(runs / "one").seed
    assert (session.cache_read_tokens, session.cache_write_tokens) == (600, 300)


def test_a_run_without_a_measured_child_has_no_averages(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "one", children=0)
    assert samples(runs / "one").averages is None


def test_runs_add_up(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "one")
    one = samples(runs / "one")
    both = one + one
    assert (len(both.seed), len(both.child), both.accepted, both.passed) == (6, 4, Share(4, 6), (Share(2, 4),))
    assert Samples() + one == one


def test_averages_can_be_written_and_read(tmp_path: Path) -> None:
    shipped = rehearsed_averages("katas")
    assert shipped is not None
    (tmp_path / "table.toml").write_text(averages_toml(shipped.averages))
    assert read_rehearsed(tmp_path / "table.toml") == shipped


def test_a_benchmark_without_rehearsals_has_no_averages() -> None:
    assert (rehearsed_averages("chess"), assumed_averages("katas")) == (None, None)


@pytest.mark.parametrize("read", [read_rehearsed, read_assumed])
def test_a_wrong_table_names_its_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "table.toml").write_text("accepted = 3")
    with pytest.raises(MalformedContentError, match=r"table\.toml"):
        read(tmp_path / "table.toml")


@pytest.mark.parametrize("benchmark", ["katas", "swebench"])
def test_a_shipped_table_says_how_it_was_measured(benchmark: str) -> None:
    text = (Path(__file__).parents[2] / "benchmarks" / benchmark / "rehearsed.toml").read_text()
    assert text.startswith("# scripts/measure-averages ")
    assert rehearsed_averages(benchmark) is not None


def test_assumed_averages_have_the_ends_of_their_range() -> None:
    shipped = assumed_averages("swebench")
    assert shipped is not None
    found = shipped.averages
    assert (found.seed, found.child.mean.input_tokens, found.child.spread) == (found.child, 800_000, Amounts())
    for average in (found.child, found.improve, found.diagnose):
        belief = average.assumption
        assert (belief.low.input_tokens, belief.expected, belief.high.seconds) == (0.2, Stretch(), 5.0)


def test_an_assumed_session_costs_what_published_ones_did() -> None:
    shipped = assumed_averages("swebench")
    assert shipped is not None
    session = shipped.averages.child
    for rates, published_usd in ((CLAUDE_SONNET_4, 1.24), (GPT_5, 0.126)):
        low, expected, high = (
            stretch.of(session.mean).cost_usd(rates)
            for stretch in (session.assumption.low, session.assumption.expected, session.assumption.high)
        )
        assert low < published_usd < high
        assert 0.3 < expected < 1.3


def test_without_any_run_rehearsals_are_the_basis(runs: Path) -> None:
    found = basis_for(config_of(REHEARSAL), runs=runs)
    assert (found.run, found.is_assumed, found.assumption) == (None, False, None)


def test_of_a_real_model_that_was_not_measured_more_is_assumed(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "simulated")
    found = basis_for(config_of(REAL), runs=runs)
    assert (found.run, found.averages.seed.assumption) == (None, REAL_FROM_SIMULATED)


def test_of_a_real_model_on_swebench_all_is_assumed(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "katas", model=REAL)
    found = basis_for(config_of(REAL).model_copy(update={"benchmark": "swebench", "tasks": ()}), runs=runs)
    assert (found.run, found.is_assumed) == (None, True)
    assert found.averages.seed.assumption not in (AS_MEASURED, REAL_FROM_SIMULATED)


def test_of_the_simulated_model_on_swebench_nothing_is_assumed(runs: Path) -> None:
    found = basis_for(RunConfig(benchmark="swebench"), runs=runs)
    assert (found.run, found.is_assumed, found.assumption) == (None, False, None)


def test_only_roles_of_real_models_are_assumed_to_use_more(runs: Path) -> None:
    models = Models(agent=ModelChoice(model=REAL), diagnose=ModelChoice(model=REHEARSAL))
    found = basis_for(config_of(REAL).model_copy(update={"models": models}), runs=runs).averages
    assert (found.improve.assumption, found.diagnose.assumption) == (REAL_FROM_SIMULATED, AS_MEASURED)


def test_the_newest_finished_run_like_it_is_the_basis(runs: Path, make_run: MakeRun) -> None:
    for age, (name, model, finished) in enumerate(
        [("running", REAL, False), ("other", REHEARSAL, True), ("new", REAL, True), ("old", REAL, True)]
    ):
        make_run(runs / name, model=model, finished=finished)
        os.utime(runs / name / "run.toml", (2_000_000_000 - age, 2_000_000_000 - age))
    found = basis_for(config_of(REAL), runs=runs)
    assert (found.run, found.assumption) == ("new", None)


def test_a_run_that_measured_enough_goes_before_a_newer_one_with_a_single_child(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "trial", model=REAL, children=1)
    assert basis_for(config_of(REAL), runs=runs).run == "trial"
    make_run(runs / "older", model=REAL)
    os.utime(runs / "older" / "run.toml", (1, 1))
    assert basis_for(config_of(REAL), runs=runs).run == "older"


def test_of_a_run_that_holds_tasks_out_the_pass_rate_is_that_of_what_selection_saw(runs: Path) -> None:
    with new_run(runs / "one", config=config_of(REAL), held_out=FIRST[1:]) as run:
        measured(run, run.agent_tree().root.id, (FIRST[0], *LATER))
        for number in range(3):
            child = expanded(run, number + 1, is_accepted=True)
            assert child is not None
            measured(run, child, FIRST[:1], resolved=1 if number == 0 else 0)
        run.end("finished")
    found = basis_for(config_of(REAL), runs=runs)
    assert (found.run, found.averages.passed) == ("one", (Share(1, 3),))


def test_a_run_that_cannot_be_read_is_passed_over(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "good", model=REAL)
    (runs / "bad").mkdir()
    (runs / "bad" / "archive.db").write_bytes(b"rubbish")
    assert basis_for(config_of(REAL), runs=runs).run == "good"


def test_a_run_that_goes_on_is_its_own_basis(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "own", model=REAL, finished=False)
    make_run(runs / "other", model=REAL)
    with read_run(runs / "own") as own:
        assert basis_for(config_of(REAL), runs=runs, own=own).run == "own"


def test_what_a_run_has_still_to_do(runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "own", finished=False)
    with new_run(runs / "begun", config=config_of(REAL)) as run:
        measured(run, run.agent_tree().root.id, TASKS[:1])
    with read_run(runs / "own") as own, read_run(runs / "begun") as begun:
        # One child earned the second stage, and three of the 30 steps are done.
        assert resumed_run_ahead(own, STAGES, children=10, workers=4) == Ahead(
            seed_sessions=0, stage_sessions=(2, 1), children=8, steps_allowed=27, workers=4, due_sessions=1
        )
        assert resumed_run_ahead(begun, STAGES, children=1, workers=1) == Ahead(
            seed_sessions=2, stage_sessions=(2, 1), children=1, steps_allowed=3, workers=1
        )


def test_it_needs_no_key_no_docker_and_no_run(dgm: Any) -> None:
    assert "Rehearsed: the simulated model's sessions. A real model's are longer" in dgm("--model", REAL)


def test_a_rehearsal_costs_nothing_and_shows_no_cost(dgm: Any) -> None:
    said = dgm()
    assert ("$" in said, "At most" in said) == (False, False)


@pytest.mark.parametrize("benchmark", [(), SWEBENCH])
def test_nothing_is_wider_than_a_terminal(dgm: Any, benchmark: tuple[str, ...]) -> None:
    words = ("--model", REAL, "--children", "500", "--max-cost", "20", *benchmark)
    assert max(len(line) for line in dgm(*words).splitlines()) <= 80


def test_an_estimate_of_what_was_never_measured_says_so_and_from_what(dgm: Any) -> None:
    said = " ".join(dgm("--model", REAL, *SWEBENCH).split())
    assert "Assumed, not measured, after costs of $0.04 to $1.24 and times of 136 to 2,328 s for a task" in said
    assert "a task takes 40 calls, 800.0 k input and 15.0 k output tokens and 8 min." in said
    assert "In the range are 0.2 to 2.5 times the tokens and 0.2 to 5 times the time" in said


def test_json_says_that_an_estimate_is_assumed(dgm: Any) -> None:
    found = answer(dgm("--model", REAL, "--children", "0", "--json", *SWEBENCH))
    assert (found["basis"]["assumed"], found["basis"]["run"]) == (True, None)
    assert found["basis"]["assumption"]["high"]["input_tokens"] == 2.5
    tokens = found["total"]["input_tokens"]
    assert tokens == {"low": 1_600_000, "expected": 8_000_000, "high": 20_000_000}
    hours = found["hours"]
    assert (hours["high"] / hours["expected"], hours["low"] / hours["expected"]) == pytest.approx((5, 0.2), rel=1e-4)


def test_an_estimate_of_a_rehearsal_on_swebench_says_that_real_instances_take_longer(dgm: Any) -> None:
    said = " ".join(dgm(*SWEBENCH).split())
    assert (
        "Rehearsed: the simulated model's sessions on instances of a few small files; real ones, whose tests run for"
        in said
    )


def test_json_has_every_quantity_with_its_range(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "one", model=REAL)
    found = answer(dgm("--model", REAL, "--children", "0", "--max-cost", "5", "--json"))
    assert (found["basis"]["run"], found["basis"]["assumption"], found["level"]) == ("one", None, 0.9)
    total = found["total"]
    assert total["sessions"] == {"low": 28, "expected": 28, "high": 28}
    assert [total[name]["expected"] for name in ("calls", "input_tokens", "output_tokens")] == [56, 70_000, 5_600]
    assert total["cost_usd"]["expected"] == pytest.approx(0.07 + 0.056)
    assert total["cost_usd"]["low"] < total["cost_usd"]["expected"] < total["cost_usd"]["high"]
    assert found["by_role"]["agent"]["cost_usd"] == total["cost_usd"]
    # 28 sessions of 1.25 s at two workers, and half of a session, which cannot be divided
    assert found["hours"]["expected"] == pytest.approx((28 * 1.25 / 2 + 1.25 / 2) / 3600, abs=1e-6)
    assert found["at_most"] == {
        "steps": 0,
        "sessions": {"agent": 28, "improve": 0, "diagnose": 0},
        "sessions_cost_usd": 28 * 5.0,
        "cap_usd": 5.0,
        "left_usd": 5.0,
    }
    assert found["basis"]["averages"]["seed"]["mean"]["input_tokens"] == 2_500


def test_from_takes_the_averages_of_that_run(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    make_run(runs / "simulated")
    make_run(runs / "real", model=REAL)
    assert "Measured in real." in dgm("--model", REAL)
    assert "Measured in simulated, with the simulated model. A real model's" in dgm(
        "--model", REAL, "--from", "simulated"
    )


def test_from_a_run_without_children_is_refused(
    capsys: pytest.CaptureFixture[str], runs: Path, make_run: MakeRun
) -> None:
    make_run(runs / "empty", children=0)
    assert run_command(["estimate", "--from", "empty", "--runs-dir", str(runs)]) == 2
    assert "empty has no measured child yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "openai:gpt-x"], "price of openai:gpt-x is unknown"),
        (["--model", "oracle"], "no model 'oracle'"),
        (["--policy", "magic"], "no policy 'magic'"),
        (["--benchmark", "chess"], "no benchmark 'chess'"),
        (["--from", "nobody"], "no run 'nobody'"),
    ],
)
def test_what_a_run_would_refuse_is_refused(
    capsys: pytest.CaptureFixture[str], runs: Path, words: list[str], says: str
) -> None:
    assert run_command(["estimate", *words, "--runs-dir", str(runs)]) == 2
    assert says in capsys.readouterr().err


def said_of_budget(dgm: Any, runs: Path, make_run: MakeRun, cap: str) -> str:
    make_run(runs / "one", model=REAL)
    return " ".join(dgm("--model", REAL, "--max-cost", cap).split())


# Measured in the run "one": the seed agent is 28 x $0.0045, a step $0.014 and with its child's first stage $0.0356.
def test_a_budget_below_the_seed_agents_measurement_is_said_so(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    said = said_of_budget(dgm, runs, make_run, "0.12")
    assert "$0.12 does not pay for a single step: measuring the seed agent alone is about $0.13." in said


def test_a_budget_below_three_steps_is_said_so(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    said = said_of_budget(dgm, runs, make_run, "0.151")
    assert "$0.15 pays for about 0.7 of a step, which is too few" in said
    assert "one with its child's first stage is about $0.0356" in said
    assert "measuring the seed agent alone is about $0.13" in said


def test_a_budget_for_three_steps_but_not_for_all_says_how_far_it_goes(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    said = said_of_budget(dgm, runs, make_run, "0.4")
    assert "too few" not in said
    assert "the run then stops, keeps all results, and goes on with more money" in said


def test_a_budget_that_is_enough_is_only_named(dgm: Any, runs: Path, make_run: MakeRun) -> None:
    said = said_of_budget(dgm, runs, make_run, "50")
    assert said.endswith(
        "At most: $50.00, the run's cap ($1,840.00 if every session came to its own cap and none had to be repeated)."
    )


def test_the_most_that_a_run_may_cost_is_with_the_repeated_trials_of_one_agent(
    dgm: Any, runs: Path, make_run: MakeRun
) -> None:
    make_run(runs / "one", model=REAL)
    said = " ".join(dgm("--model", REAL, "--best-trials", "2").split())
    assert (
        "if every session came to its own cap, one agent was the best throughout and none had to be repeated;" in said
    )


def test_an_average_needs_a_sample() -> None:
    with pytest.raises(ZeroDivisionError):
        average_of([])
