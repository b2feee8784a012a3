"""The verb `simulate`: tables, JSON, plots, runs to fit to, errors and interruptions."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.catalogue import outline_of
from dgm.cli import simulated
from dgm.cli.main import run_command
from dgm.config import RunConfig
from dgm.core.actions import Evaluate
from dgm.core.files import File
from dgm.core.ids import AgentId
from dgm.core.outcomes import Verdict
from dgm.core.ports import Archive
from dgm.simulation import Course
from dgm.simulation.sweep import Sweep
from tests.fakes.runs import grow, new_run, outcome

QUICK = ("simulate", "--children", "3", "--seeds", "2", "--jobs", "1", "--workers", "1,4")


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A function that carries out one command line and returns its exit code and what it printed."""

    def command(*arguments: str) -> tuple[int, str, str]:
        exit_code = run_command(arguments)
        printed = capsys.readouterr()
        return exit_code, printed.out, printed.err

    return command


def test_there_is_a_table_for_each_number_of_workers(dgm: Any) -> None:
    exit_code, out, err = dgm(*QUICK, "--policies", "dgm,dgm:greedy")
    one, four = out.split("\n4 workers\n")

    assert exit_code == 0
    assert out.startswith("Simulated: agents, tasks, times and dollars are made up.")
    assert "\n1 worker\npolicy " in one
    assert "\ndgm:greedy " in one
    assert ", rounds " not in one
    assert "\ndgm, rounds " in four
    assert err == "simulated 10 of 10 runs\n"


def test_json_has_the_same_results_and_their_courses(dgm: Any) -> None:
    exit_code, out, _ = dgm(*QUICK, "--json", "--policies", "dgm")
    answer = json.loads(out, parse_constant=lambda name: pytest.fail(f"JSON has no {name}"))

    assert exit_code == 0
    assert answer["simulated"] is True
    assert answer["landscape"]["name"] == "disagree"
    assert [answer["landscape"][name]["limit"] for name in ("evaluation_usd", "evaluation_s")] == [None, 3600.0]
    assert [(found["policy"], found["workers"], found["barrier"]) for found in answer["results"]] == [
        ("dgm", 1, False),
        ("dgm", 4, False),
        ("dgm", 4, True),
    ]
    assert answer["results"][0]["by_evaluations"][0]["median"] == pytest.approx(0.2)


@pytest.mark.slow
def test_no_result_hangs_on_the_number_of_processes(dgm: Any) -> None:
    arguments = ("simulate", "--children", "4", "--seeds", "3", "--json")

    assert dgm(*arguments, "--jobs", "1")[:2] == dgm(*arguments, "--jobs", "2")[:2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--policies", "dgm,luck"), "There is no policy 'luck'; there are: "),
        (("--policies", "dgm:luck"), "There is no ablation 'luck'; there are: greedy, no-open-ended, no-self-improve."),
        (("--policies", "hgm:greedy"), "The ablation greedy is of the policies dgm and dgm-adaptive, not of hgm."),
        (("--policies", ","), "--policies names none; there are: "),
        (("--landscape", "moon"), "There is no landscape 'moon'; there are: agree, disagree, rugged."),
        (("--workers", "4,some"), "--workers '4,some': give numbers from 1 to 4096, separated by commas."),
        (("--workers", "0"), "--workers '0': give numbers from 1 to 4096, separated by commas."),
        (("--workers", "9" * 5_000), f"--workers '{'9' * 100}': give numbers from 1 to 4096, separated by commas."),
        (("--workers", ""), "--workers '': give numbers from 1 to 4096, separated by commas."),
        (("--seeds", "0"), "Invalid value for '--seeds'"),
        (("--plot", "plot.gif"), "--plot plot.gif: give a file that ends with .png, .svg or .pdf."),
        (("--plot", "no-such-directory/plot.png"), "--plot no-such-directory/plot.png: there is no directory "),
        (("--from", "no-such-run"), "There is no run 'no-such-run'; "),
    ],
)
def test_bad_input_is_one_sentence(dgm: Any, arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    exit_code, out, err = dgm("simulate", "--runs-dir", str(tmp_path), *arguments)

    assert (exit_code, out) == (2, "")
    assert err.startswith(f"dgm: {sentence}")
    assert err.count("\n") == 1


def test_a_plot_without_its_library_is_refused_before_anything_is_simulated(
    dgm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    exit_code, out, err = dgm(*QUICK, "--plot", "plot.png")

    assert (exit_code, out) == (2, "")
    assert err.startswith("dgm: --plot needs matplotlib: pip install 'dgm[plots]'")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_plot_is_written(dgm: Any, tmp_path: Path, name: str, start: bytes) -> None:
    assert dgm(*QUICK, "--plot", str(tmp_path / name))[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_an_interruption_shows_the_seeds_that_were_done(dgm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(sweep: Sweep, seed: int) -> list[Course]:
        if seed == 1:
            raise KeyboardInterrupt
        return courses_of_seed(sweep, seed)

    courses_of_seed = simulated.courses_of_seed
    monkeypatch.setattr(simulated, "courses_of_seed", interrupted)
    exit_code, out, _ = dgm(*QUICK)

    assert exit_code == 130
    assert "\n1 seed of 2: interrupted, 3 children" in out


def test_an_interruption_before_the_first_seed_shows_nothing(dgm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_sweep: Sweep, _seed: int) -> list[Course]:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulated, "courses_of_seed", interrupted)

    assert dgm(*QUICK)[:2] == (130, "")


def measure(run: Archive, agent: AgentId, *, resolved: int) -> None:
    """Measure an agent on the first tasks of the katas."""
    tasks = [task for stage in outline_of(RunConfig()).stages() for task in stage.tasks][:6]
    for number, task in enumerate(tasks):
        decision = run.decide(Evaluate(agent, task, 0))
        run.add_outcome(
            decision.number, agent, outcome(task, Verdict.RESOLVED if number < resolved else Verdict.UNRESOLVED)
        )


def recorded_run(directory: Path, *, children: int) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        measure(run, root, resolved=1)
        for number in range(children):
            child = grow(run, root, {"main.py": File(f"# {number}\n".encode())})
            measure(run, child.id, resolved=number % 4)


@pytest.mark.slow
def test_a_landscape_fitted_to_a_run_says_what_was_fitted(dgm: Any, tmp_path: Path) -> None:
    recorded_run(tmp_path / "mine", children=6)
    exit_code, out, _ = dgm(*QUICK, "--from", "mine", "--runs-dir", str(tmp_path))

    assert exit_code == 0
    assert "landscape disagree, fitted to mine: " in out
    assert "\n  fitted: seed agent's score 25% from 6 measurements\n" in out
    assert "\n  fitted: dollars and seconds drawn from those of 6 steps and 42 measurements\n" in out
    assert "\n  not told by one run, so taken from landscape disagree: improvability" in out


def test_a_run_with_too_few_children_is_refused(dgm: Any, tmp_path: Path) -> None:
    recorded_run(tmp_path / "mine", children=0)

    assert dgm(*QUICK, "--from", "mine", "--runs-dir", str(tmp_path)) == (
        2,
        "",
        "dgm: Run mine has 0 measured children; a fit takes 5 or more.\n",
    )
