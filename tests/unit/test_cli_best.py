"""`dgm best`, and the probabilities, held-out scores and monitoring that other verbs show."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.run import RunArchive, create_run
from dgm.cli.best import Pick, gain
from dgm.cli.chances import equation, probability, signed
from dgm.config import RunConfig
from dgm.core.actions import Evaluate, EvidenceKind, Expand, Judgement, Rejection
from dgm.core.agents import Agent, AgentTree
from dgm.core.files import File
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.paired import Paired
from dgm.core.scores import Score
from tests.fakes.commands import Answer, answered
from tests.fakes.runs import SEED_CODE, TickingClock, grow, outcome, step

UNSEEN = tuple(TaskId(f"unseen-{number}") for number in range(4))


def run_in(directory: Path, *, held_out: Collection[TaskId] = (), config: RunConfig | None = None) -> RunArchive:
    return create_run(
        directory,
        config=config or RunConfig(),
        image="python",
        images={"python": "sha256:" + "0" * 64},
        seed_code=SEED_CODE,
        clock=TickingClock(),
        held_out=held_out,
    )


def measure(run: RunArchive, agent: AgentId, resolved: str, *, name: str = "task") -> None:
    """Measure an agent on one task for each digit, 1 where it resolved it."""
    for number, digit in enumerate(resolved):
        task = TaskId(f"{name}-{number}")
        found = outcome(task, Verdict.RESOLVED if digit == "1" else Verdict.UNRESOLVED)
        run.add_outcome(run.decide(Evaluate(agent, task, 0)).number, agent, found)


def child_of(run: RunArchive, parent: AgentId, name: str) -> AgentId:
    return grow(run, parent, {"main.py": File(name.encode())}).id


@dataclass(frozen=True)
class First:
    """The run "first", which holds four tasks out. On eight others the best agent is better than the seed on 5."""

    path: str
    seed: AgentId
    middle: AgentId
    best: AgentId
    waiting: AgentId
    """Not measured."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    directory = tmp_path_factory.mktemp("runs") / "first"
    with run_in(directory, held_out=UNSEEN) as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "10000001")
        middle = child_of(run, seed, "middle")
        measure(run, middle, "1100")
        best = child_of(run, middle, "best")
        measure(run, best, "11111100")
        measure(run, seed, "1000", name="unseen")
        measure(run, best, "1010", name="unseen")
        waiting = child_of(run, best, "waiting")
        run.end("finished")
    return First(str(directory), seed, middle, best, waiting)


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that carries out one command line on the runs of the test."""
    monkeypatch.setenv("COLUMNS", "160")

    def command(*words: str) -> Answer:
        return answered(capsys, *words, "--runs-dir", str(tmp_path))

    return command


def words_of(answer: Answer) -> list[str]:
    return [" ".join(line.split()) for line in answer.out.splitlines()]


def test_the_best_agent_is_named_with_how_sure_that_is(dgm: Any, first: First) -> None:
    assert words_of(dgm("best", first.path))[2:8] == [
        f"best {first.best}, child of {first.middle[:7]}: the highest lower end (2.5 %), 40.0%",
        "score 6/8 resolved, mean 70%, 95 % 40-93",
        "P(best) 0.58, of 4 agents; 1 not measured, which can be anything",
        "vs parent on 4 common tasks 2 better, 0 worse: P = 0.88",
        "vs seed on 8 common tasks 5 better, 1 worse: P = 0.94",
        "held out seed 1/4, 33 % (5-72); best 2/4, 50 % (15-85); of 4 tasks that selection never sees",
    ]


def test_by_how_much_luck_flatters_is_told_by_the_held_out_tasks(dgm: Any, first: First) -> None:
    printed = " ".join(words_of(dgm("best", first.path)))
    assert (
        "Here by +25 points, as far as 4 held-out results can tell: it gained +50 points on the seed agent" in printed
    )
    assert "where selection saw it, and +25 where it did not." in printed


def test_the_next_best_stand_below_the_best(dgm: Any, first: First) -> None:
    printed = words_of(dgm("best", first.path))
    assert printed[printed.index("The best and the next") + 1 :] == [
        "agent resolved mean 95 % P(best) P(better than parent)",
        f"{first.best[:7]} 6/8 70% 40-93 0.58 0.88",
        f"{first.middle[:7]} 2/4 50% 15-85 0.14 0.75",
        f"{first.seed[:7]} 2/8 30% 7-60 0.01 -",
    ]


def test_best_has_json(dgm: Any, first: First) -> None:
    answer = dgm("best", first.path, "--json").json
    assert [answer[key] for key in ("run", "percentile", "agents", "optimism")] == ["first", 2.5, 4, 0.25]
    assert [answer["best"][key] for key in ("id", "parent")] == [first.best, first.middle]
    assert answer["best"]["better_than_seed"] == {"common": 8, "better": 5, "worse": 1, "chance": 0.9375}
    assert answer["best"]["percentile_end"] == answer["best"]["score"]["low"]
    assert [agent["id"] for agent in answer["next"]] == [first.middle, first.seed]
    assert answer["held_out"]["best"]["resolved"] == 2


def test_the_chances_of_all_agents_in_a_tree_sum_to_one(dgm: Any, first: First) -> None:
    agents = dgm("tree", first.path, "--json").json["agents"]
    assert len(agents) == 4
    assert sum(agent["chance_best"] for agent in agents) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("percentile", ["0", "-1", "50.1", "nan"])
def test_what_is_no_lower_percentile_is_refused(dgm: Any, first: First, percentile: str) -> None:
    answer = dgm("best", first.path, "--percentile", percentile)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("dgm: A lower percentile is above 0 and up to 50, not ")


def test_another_percentile_may_take_another_agent(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "two") as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "1101101101101101101101101101")
        lucky = child_of(run, seed, "lucky")
        measure(run, lucky, "111")
    taken = [dgm("best", "two", "--percentile", p, "--json").json["best"]["id"] for p in ("1", "50")]
    assert taken == [seed, lucky]
    assert "1 % end" in dgm("best", "two", "--percentile", "1").out


def test_where_nothing_was_measured_no_agent_is_the_best(dgm: Any, tmp_path: Path) -> None:
    run_in(tmp_path / "new").close()
    assert "Nothing was measured yet" in dgm("best", "new").out
    assert [dgm("best", "new", "--json").json[key] for key in ("best", "next", "optimism")] == [None, [], None]


def test_a_lone_seed_agent_is_the_best_for_sure(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "lone") as run:
        measure(run, run.agent_tree().root.id, "10")
    printed = words_of(dgm("best", "lone"))
    assert "P(best) 1.00, of 1 agent" in printed
    assert "No agent is surely better than the seed agent so far." in printed


def test_of_equal_agents_the_oldest_is_taken_and_all_are_as_likely(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "equal") as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "10")
        for name in ("one", "two", "three"):
            measure(run, child_of(run, seed, name), "10")
    answer = dgm("best", "equal", "--json").json
    assert (answer["best"]["id"], answer["best"]["chance_best"]) == (seed, 0.25)
    assert [agent["better_than_parent"]["chance"] for agent in answer["next"]] == [0.5] * 3


def test_a_run_that_holds_nothing_out_says_how_to(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "open") as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "00")
        measure(run, child_of(run, seed, "better"), "11")
    printed = " ".join(words_of(dgm("best", "open")))
    assert "as no tasks are held out; `dgm run --holdout 0.3` holds some out." in printed
    assert dgm("best", "open", "--json").json["held_out"] is None


def test_what_is_held_out_and_not_measured_yet_is_told_so(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "early", held_out=UNSEEN) as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "00")
        measure(run, child_of(run, seed, "better"), "11")
    printed = " ".join(words_of(dgm("best", "early")))
    assert "seed not measured; best not measured; of 4 tasks" in printed
    assert "By how much is told once both agents are measured on the 4 held-out tasks." in printed


def pick_of(seen: Paired, unseen: Paired) -> Pick:
    """Return a pick of a child, as far as its optimism hangs on it."""
    seed, child = AgentId("a" * 12), AgentId("b" * 12)
    tree = AgentTree([Agent(seed, (), 0, 0, 0.0), Agent(child, (seed,), 1, 1, 0.0)])
    scores = {seed: Score(1, 2), child: Score(2, 2)}
    return Pick(2.5, tree, scores, {}, [child], {}, seen, unseen, holds_out=4, trials=1)


@pytest.mark.parametrize(
    ("seen", "unseen", "optimism"),
    [
        (Paired(8, 5, 1), Paired(4, 1, 0), 0.25),
        (Paired(8, 1, 1), Paired(4, 2, 0), -0.5),
        (Paired(8, 5, 1), Paired(0, 0, 0), None),
        (Paired(0, 0, 0), Paired(4, 1, 0), None),
    ],
)
def test_optimism_is_what_was_gained_only_where_selection_saw(
    seen: Paired, unseen: Paired, optimism: float | None
) -> None:
    assert pick_of(seen, unseen).optimism == optimism


def test_a_gain_is_a_share_of_what_both_were_measured_on() -> None:
    assert gain(Paired(common=8, better=5, worse=1)) == 0.5


@pytest.mark.parametrize(
    ("chance", "said"),
    [(0.0, "P = 0.00"), (0.004, "P < 0.01"), (0.005, "P = 0.01"), (0.8125, "P = 0.81"), (0.996, "P > 0.99")],
)
def test_what_is_not_certain_does_not_look_so(chance: float, said: str) -> None:
    assert equation(chance) == said


def test_what_is_certain_up_to_rounding_is_certain() -> None:
    assert probability(1 - 1e-12) == "1.00"


def test_no_change_has_no_minus() -> None:
    assert (signed(-0.04, decimals=1), signed(-0.06, decimals=1)) == ("+0.0", "-0.1")


def test_show_has_the_same_beside_the_parent_and_all_others(dgm: Any, first: First) -> None:
    printed = words_of(dgm("show", first.path, first.best))
    assert "vs parent on 4 common tasks 2 better, 0 worse: P = 0.88" in printed
    assert "P(best) 0.58, of 4 agents" in printed
    assert "held out 2/4, 50 % (15-85); of 4 tasks that selection never sees" in printed
    answer = dgm("show", first.path, first.best, "--json").json
    assert answer["better_than_parent"] == {"common": 4, "better": 2, "worse": 0, "chance": 0.875}
    assert answer["score"]["attempted"] == 8
    assert [found["task"] for found in answer["held_out_outcomes"]] == list(UNSEEN)


def test_the_seed_agent_has_no_parent_to_be_better_than(dgm: Any, first: First) -> None:
    assert dgm("show", first.path, first.seed, "--json").json["better_than_parent"] is None
    assert "vs parent" not in dgm("show", first.path, first.seed).out


def test_an_agent_with_nothing_in_common_with_its_parent_may_be_better_or_worse(dgm: Any, first: First) -> None:
    assert "vs parent nothing measured that both have: P = 0.50" in words_of(dgm("show", first.path, first.waiting))


def test_status_tells_held_out_scores_apart(dgm: Any, first: First) -> None:
    answer = dgm("status", first.path, "--json").json
    assert (answer["best"]["id"], answer["best"]["score"]["attempted"]) == (first.best, 8)
    assert [answer["held_out"][name]["resolved"] for name in ("seed", "best")] == [1, 2]
    assert "held out seed 1/4, 33 % (5-72); best 2/4, 50 % (15-85)" in " ".join(words_of(dgm("status", first.path)))


def test_status_tells_how_the_run_explores(dgm: Any, first: First) -> None:
    printed = words_of(dgm("status", first.path))
    section = printed[printed.index("Exploration and exploitation") + 1 :]
    assert section[:5] == [
        "parent choice 1.6 of at most 1.6 bits in 3 steps",
        "new behaviour 1 of 1 child resolved another set of the first 8 tasks than all before",
        "",
        "part results best's lower end points cost points per $",
        "1 of 4 3 7.5% to 29.2% +21.8 $0.25 +87.02",
    ]


def test_status_has_it_as_json(dgm: Any, first: First) -> None:
    found = dgm("status", first.path, "--json").json["monitoring"]
    assert found["parent_choice"]["all"] == {"steps": 3, "bits": 1.584963, "most_bits": 1.584963}
    assert found["new_behaviour"] == {"new": 1, "children": 1, "compared_tasks": 8}
    # Three steps and twelve measurements of children, none of what is held out.
    assert [part["results"] for part in found["parts"]] == [3, 4, 4, 4]
    assert found["parts"][-1]["low_after"] == dgm("status", first.path, "--json").json["best"]["score"]["low"]


def test_runs_shows_the_best_score_with_its_interval(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "listed") as run:
        measure(run, run.agent_tree().root.id, "11111100")
    assert "6/8, 70 % (40-93)" in dgm("runs").out


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, AgentId]:
    """Agents of the run "merged": a merge with conflicts that the seed agent edited, and a step that was not new."""
    directory = tmp_path_factory.mktemp("runs") / "merged"
    with run_in(directory) as run:
        seed = run.agent_tree().root.id
        one, two = child_of(run, seed, "one"), child_of(run, seed, "two")
        made = replace(
            step(3, one, child={"main.py": File(b"both")}),
            evidence_task=TaskId(""),
            diagnosis=None,
            partner=two,
            conflicts=("main.py", "a\x1b[2Jb"),
        )
        child = run.add_step(run.decide(Expand(one, 3, editor=seed, partner=two)).number, made)
        assert child is not None
        measure(run, one, "00")
        measure(run, two, "11")
        measure(run, child.id, "11")
        judged = replace(
            step(4, child.id, rejection=Rejection.NOT_NEW),
            evidence_kind=EvidenceKind.EMPTY_PATCHES,
            judgement=Judgement(is_new=False, reason="It \x1b[2Jretries as others do."),
        )
        run.add_step(run.decide(Expand(child.id, 4)).number, judged)
    return {"seed": seed, "one": one, "two": two, "child": child.id, "path": AgentId(str(directory))}


def test_show_tells_who_took_part_in_a_step(dgm: Any, merged: Mapping[str, AgentId]) -> None:
    printed = words_of(dgm("show", merged["path"], merged["child"]))
    assert f"editor {merged['seed'][:7]} changed the parent's code" in printed
    assert f"merged with {merged['two'][:7]}" in printed
    assert "conflicts main.py, ab" in printed
    assert not [line for line in printed if line.startswith("evidence")]


def test_a_merge_is_better_or_worse_than_its_first_parent(dgm: Any, merged: Mapping[str, AgentId]) -> None:
    beside = dgm("show", merged["path"], merged["child"], "--json").json["better_than_parent"]
    assert beside == {"common": 2, "better": 2, "worse": 0, "chance": 0.875}


def test_what_is_flagged_makes_no_agent_better_than_its_parent(dgm: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "flagged") as run:
        seed = run.agent_tree().root.id
        measure(run, seed, "00")
        child = child_of(run, seed, "child")
        flagged = outcome("task-0", flags=("It ended early.",))
        run.add_outcome(run.decide(Evaluate(child, TaskId("task-0"), 0)).number, child, flagged)
    agents = dgm("tree", "flagged", "--json").json["agents"]
    assert agents[1]["better_than_parent"] == {"common": 1, "better": 0, "worse": 0, "chance": 0.5}


def test_show_has_it_as_json(dgm: Any, merged: Mapping[str, AgentId]) -> None:
    answer = dgm("show", merged["path"], merged["child"], "--json").json
    assert {key: answer[key] for key in ("evidence_kind", "editor", "partner", "judgement", "conflicts")} == {
        "evidence_kind": None,
        "editor": merged["seed"],
        "partner": merged["two"],
        "judgement": None,
        "conflicts": ["main.py", "ab"],
    }


def test_a_rejected_step_is_told_with_its_evidence_and_its_judgement(dgm: Any, merged: Mapping[str, AgentId]) -> None:
    printed = " ".join(words_of(dgm("show", merged["path"], merged["child"])))
    assert "evidence empty patches; judged not new: It retries as others do." in printed
    (rejected,) = dgm("show", merged["path"], merged["child"], "--json").json["rejected_steps"]
    assert (rejected["evidence_kind"], rejected["judgement"]) == (
        "empty patches",
        {"is_new": False, "reason": "It retries as others do."},
    )
