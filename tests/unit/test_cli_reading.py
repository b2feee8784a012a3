"""The reading verbs, as a user calls them."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.run import open_run
from dgm.archive.schema import SCHEMA_VERSION
from dgm.cli.answers import json_text
from dgm.config import ModelChoice, Models, Price, RunConfig
from dgm.core.actions import Rejection
from dgm.core.files import File
from dgm.core.outcomes import Verdict
from tests.fakes.commands import Answer, answered
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, reject
from tests.unit.test_archive_opening import edit

HOSTILE = "[bold]Loud[/] \x1b[2J\x1b]0;title\x07\u202etxet\nsecond line"
NOTHING = {
    "calls": 0,
    "input_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "output_tokens": 0,
    "cost_usd": 0.0,
}
REAL = RunConfig(
    models=Models(agent=ModelChoice(model="openai:model")),
    prices={"openai:model": Price(input_usd=1.0, output_usd=1.0)},
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs directory with the run "first": a seed agent, two children, a rejected step."""
    runs = tmp_path_factory.mktemp("template") / "runs"
    with new_run(runs / "first") as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.RESOLVED, Verdict.UNRESOLVED, Verdict.TIMED_OUT])
        child = grow(
            run, root, {"main.py": File(b"print('child')\n", executable=True), "tools/edit.py": File(b"E = 1\n")}
        )
        measure(run, child.id, [Verdict.RESOLVED] * 3)
        reject(run, root, Rejection.NOT_AN_AGENT)
        grow(run, child.id, SEED_CODE, proposal=HOSTILE)
        run.end("finished")
    return runs


@pytest.fixture
def runs(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "runs"))


@pytest.fixture
def ids(runs: Path) -> list[str]:
    """The ids of the run's agents, the seed agent's first."""
    with open_run(runs / "first") as run:
        found = [agent.id for agent in run.agent_tree()]
        run.end("finished")
    return [str(agent) for agent in found]


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], runs: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that carries out one command line on the runs directory of the test."""
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str) -> Answer:
        return answered(capsys, *arguments, "--runs-dir", str(runs))

    return command


def assert_one_sentence(answer: Answer, *, code: int, saying: str) -> None:
    assert answer.code == code
    assert answer.out == ""
    assert answer.err.startswith("dgm: ")
    assert answer.err.count("\n") == 1
    assert saying in answer.err


def test_tree_has_the_agreed_json(dgm: Any, ids: list[str]) -> None:
    answer = dgm("tree", "first", "--json").json
    assert {key: answer[key] for key in ("run", "model", "benchmark")} == {
        "run": "first",
        "model": "rehearsal",
        "benchmark": "katas",
    }
    assert [agent["id"] for agent in answer["agents"]] == ids
    assert answer["agents"][1] | {"created_at": "", "score": {}} == {
        "id": ids[1],
        "parent": ids[0],
        "generation": 1,
        "step": 1,
        "score": {},
        "better_than_parent": {"common": 3, "better": 2, "worse": 0, "chance": 0.875},
        "tampering": {
            "measurements": 3,
            "with_signs": 3,
            "with_grave_signs": 3,
            "kinds": {"settings of tests": 3},
        },
        "chance_best": pytest.approx(0.7615, abs=1e-3),
        "children": 1,
        "created_at": "",
    }


def test_a_score_in_json_has_counts_mean_and_interval(dgm: Any) -> None:
    score = dgm("tree", "first", "--json").json["agents"][1]["score"]
    assert score == {"resolved": 3, "attempted": 3, "mean": 0.8, "low": pytest.approx(0.397635), "high": 0.993691}


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_no_number_is_printed_that_json_has_not(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"seconds": number})


def test_times_in_json_are_iso_8601_in_utc(dgm: Any) -> None:
    assert dgm("tree", "first", "--json").json["agents"][0]["created_at"] == "2027-01-15T08:00:01+00:00"


def test_status_has_the_agreed_json(dgm: Any) -> None:
    answer = dgm("status", "first", "--json").json
    assert (set(answer["monitoring"]), answer["held_out"]) == ({"parent_choice", "new_behaviour", "parts"}, None)
    assert answer["best"]["score"]["resolved"] == 3
    apart = {"best", "controls", "held_out", "monitoring", "oversight", "savings"}
    assert {key: value for key, value in answer.items() if key not in apart} == {
        "run": "first",
        "state": "finished",
        "agents": 3,
        "steps": {"accepted": 2, "rejected": 1},
        "evaluations": 6,
        "flagged": 0,
        "tampering": {
            "agents_with_signs": 2,
            "agents_with_grave_signs": 2,
            "measurements": 6,
            "with_signs": 6,
            "with_grave_signs": 6,
            "kinds": {"settings of tests": 6},
        },
        "cost_usd": 0.0,
        "tokens": 0,
        "elapsed_s": 21.0,
        "usage": NOTHING,
        "cached_share": None,
        "unsettled": NOTHING,
        "by_role": {},
        "budget": {
            "max_cost_usd": None,
            "max_tokens": None,
            "max_calls": None,
            "left": {"cost_usd": None, "tokens": None, "calls": None},
        },
    }


def test_show_adds_how_the_agent_came_to_be_and_what_was_measured(dgm: Any, ids: list[str]) -> None:
    answer = dgm("show", "first", ids[1], "--json").json
    assert (answer["id"], answer["parent"], answer["evidence_task"]) == (ids[1], ids[0], "anagram")
    assert answer["diff_stat"] == {"files_changed": 2, "insertions": 2, "deletions": 2}
    assert answer["diagnosis"]["improvement_proposal"] == "Retry when the reply is empty\nbecause it happens."
    assert [outcome["verdict"] for outcome in answer["outcomes"]] == ["resolved"] * 3
    assert answer["outcomes"][0]["task"] == "task-0"


def test_show_of_the_seed_agent_has_no_change(dgm: Any, ids: list[str]) -> None:
    answer = dgm("show", "first", ids[0], "--json").json
    assert [answer[key] for key in ("parent", "diff_stat", "diagnosis", "evidence_task")] == [None] * 4
    assert [step["rejection"] for step in answer["rejected_steps"]] == ["not an agent"]


def test_lineage_goes_from_the_seed_agent_to_the_agent(dgm: Any, ids: list[str]) -> None:
    answer = dgm("lineage", "first", ids[2][:8], "--json").json
    assert [agent["id"] for agent in answer["agents"]] == ids


def test_lineage_shows_each_change_when_asked(dgm: Any, ids: list[str]) -> None:
    answer = dgm("lineage", "first", ids[1], "--diff", "--json").json
    assert ["+print('child')" in agent["diff"] for agent in answer["agents"]] == [False, True]


def test_diff_shows_what_differs(dgm: Any, ids: list[str]) -> None:
    assert "-print('seed')\n+print('child')\n" in dgm("diff", "first", ids[0], ids[1]).out


def test_diff_has_json(dgm: Any, ids: list[str]) -> None:
    answer = dgm("diff", "first", ids[1], ids[0], "--json").json
    assert (answer["before"], answer["after"], answer["diff_stat"]["files_changed"]) == (ids[1], ids[0], 2)


def test_runs_lists_runs_with_their_best_agent(dgm: Any, ids: list[str]) -> None:
    (answer,) = dgm("runs", "--json").json["runs"]
    assert (answer["run"], answer["state"], answer["best"]["id"]) == ("first", "finished", ids[1])


def test_runs_says_of_a_broken_run_that_it_is_broken(dgm: Any, runs: Path) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "archive.db").write_bytes(b"rubbish" * 100)
    answer = dgm("runs")
    said = " ".join(answer.out.split())  # a long path wraps the sentence
    assert (answer.code, "unreadable" in said, "is damaged" in said) == (0, True, True)


def test_runs_without_any_run_says_how_to_start_one(dgm: Any, runs: Path) -> None:
    shutil.rmtree(runs)
    assert "`dgm run` starts one" in dgm("runs").out


def test_the_newest_run_is_meant_when_none_is_named(dgm: Any, runs: Path) -> None:
    new_run(runs / "second").close()
    assert dgm("tree", "--json").json["run"] == "second"


def test_a_run_can_be_named_by_its_path(dgm: Any, runs: Path) -> None:
    assert dgm("status", str(runs / "first"), "--json").json["run"] == "first"


def test_a_run_that_a_process_holds_is_shown_as_running(dgm: Any, runs: Path) -> None:
    with open_run(runs / "first"):
        assert dgm("status", "first", "--json").json["state"] == "running"


def test_a_tree_for_people_marks_the_best_and_cuts_long_changes(dgm: Any, ids: list[str]) -> None:
    lines = dgm("tree", "first").out.splitlines()
    assert [line.split() for line in lines[3:5]] == [
        [ids[0][:7] + "!", "1/3", "40%", "7-81", "-", "0", "seed", "agent"],
        ["└─" + ids[1][:7] + "*!", "3/3", "80%", "40-99", "0.88", "1", "Retry", "when", "the", "reply", "is", "empty"],
    ]
    assert max(len(line) for line in lines) <= 100


@pytest.mark.parametrize("verb", ["tree", "status", "show", "lineage", "runs"])
def test_every_screen_of_a_rehearsal_says_so(dgm: Any, ids: list[str], verb: str) -> None:
    arguments = {"show": ["first", ids[1]], "lineage": ["first", ids[1]], "runs": []}.get(verb, ["first"])
    assert "rehearsal (simulated; scores say nothing about real models)" in dgm(verb, *arguments).out


def test_a_run_with_a_real_model_names_it(dgm: Any, runs: Path) -> None:
    new_run(runs / "real", config=REAL).close()
    printed = dgm("tree", "real").out
    assert ("model: openai:model" in printed, "rehears" in printed) == (True, False)


def test_a_run_in_which_only_the_diagnosis_is_rehearsed_says_so(dgm: Any, runs: Path) -> None:
    models = Models(agent=ModelChoice(model="openai:model"), diagnose=ModelChoice(model="rehearsal"))
    new_run(runs / "mixed", config=REAL.model_copy(update={"models": models})).close()
    assert "rehearsal is simulated" in dgm("tree", "mixed").out


@pytest.mark.parametrize("verb", ["tree", "show", "lineage"])
def test_what_a_model_wrote_is_shown_as_text(dgm: Any, ids: list[str], verb: str) -> None:
    arguments = ["first"] if verb == "tree" else ["first", ids[2]]
    printed = dgm(verb, *arguments).out
    assert "[bold]Loud[/] txet" in printed
    assert not set(printed) & {"\x1b", "\x07", "\u202e"}


def test_what_a_model_wrote_is_safe_in_json_too(dgm: Any, ids: list[str]) -> None:
    proposal = dgm("show", "first", ids[2], "--json").json["diagnosis"]["improvement_proposal"]
    assert proposal == "[bold]Loud[/] txet\nsecond line"


def test_code_with_terminal_sequences_is_shown_without_them(dgm: Any, runs: Path) -> None:
    with open_run(runs / "first") as run:
        root = run.agent_tree().root.id
        child = grow(run, root, {"main.py": File(b"print('\x1b[2J\xff')\n")}).id
    printed = dgm("diff", "first", root, child).out
    assert ("\x1b" in printed, "+print('\ufffd')" in printed) == (False, True)


def test_checkout_writes_plain_files_with_their_modes(dgm: Any, ids: list[str], tmp_path: Path) -> None:
    answer = dgm("checkout", "first", ids[1], str(tmp_path / "new" / "code"), "--json")
    written = {path.relative_to(tmp_path / "new" / "code").as_posix() for path in (tmp_path / "new").rglob("*.py")}
    assert written == set(answer.json["files"]) == {"main.py", "tools/edit.py"}
    assert (tmp_path / "new" / "code" / "main.py").read_bytes() == b"print('child')\n"
    modes = [(tmp_path / "new" / "code" / name).stat().st_mode & 0o111 != 0 for name in ("main.py", "tools/edit.py")]
    assert modes == [True, False]


def test_checkout_takes_an_empty_directory(dgm: Any, ids: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert dgm("checkout", "first", ids[0], str(tmp_path / "empty")).code == 0


def test_checkout_leaves_a_directory_with_something_in_it_alone(dgm: Any, ids: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.py").write_text("mine")
    answer = dgm("checkout", "first", ids[0], str(tmp_path / "mine"))
    assert_one_sentence(answer, code=2, saying="is not empty")
    assert (tmp_path / "mine" / "main.py").read_text() == "mine"


def test_checkout_leaves_a_file_alone(dgm: Any, ids: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_one_sentence(dgm("checkout", "first", ids[0], str(tmp_path / "file")), code=2, saying="is a file")


def test_an_unknown_run_is_answered_with_those_that_there_are(dgm: Any) -> None:
    assert_one_sentence(dgm("tree", "nope"), code=2, saying="There is no run 'nope'; there are first.")


def test_no_run_at_all_says_how_to_start_one(dgm: Any, runs: Path) -> None:
    shutil.rmtree(runs)
    assert_one_sentence(dgm("tree"), code=2, saying="`dgm run` starts one")


def test_a_path_that_is_a_file_is_no_run(dgm: Any, runs: Path) -> None:
    answer = dgm("tree", str(runs / "first" / "run.toml"))
    assert_one_sentence(answer, code=2, saying="is a file; a run is a directory")


def test_a_directory_that_is_no_run_is_refused(dgm: Any, runs: Path) -> None:
    (runs / "empty").mkdir()
    assert_one_sentence(dgm("tree", "empty"), code=3, saying="not a run of dgm")


def test_an_unknown_agent_is_refused(dgm: Any) -> None:
    assert_one_sentence(dgm("show", "first", "zzz"), code=2, saying="No agent starts with 'zzz'")


def test_an_ambiguous_agent_is_refused(dgm: Any, runs: Path) -> None:
    with open_run(runs / "first") as run:
        for number in range(16):  # the 17th agent shares its first digit with another one
            grow(run, run.agent_tree().root.id, {"main.py": File(str(number).encode())})
        digits = [agent.id[0] for agent in run.agent_tree()]
    shared = next(digit for digit in digits if digits.count(digit) > 1)
    assert_one_sentence(dgm("show", "first", shared), code=2, saying="is ambiguous: it could be")


def test_a_corrupt_archive_is_one_sentence(dgm: Any, runs: Path) -> None:
    (runs / "first" / "archive.db").write_bytes(b"rubbish" * 1000)
    assert_one_sentence(dgm("status", "first"), code=3, saying="is damaged or is not an archive of dgm")


def test_a_truncated_archive_is_one_sentence(dgm: Any, runs: Path) -> None:
    database = runs / "first" / "archive.db"
    database.write_bytes(database.read_bytes()[:30_000])
    assert_one_sentence(dgm("status", "first"), code=3, saying="is damaged")


def test_a_newer_archive_is_one_sentence(dgm: Any, runs: Path) -> None:
    edit(runs / "first" / "archive.db", f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert_one_sentence(dgm("status", "first"), code=3, saying="was written by a newer version of dgm")


def test_missing_code_is_one_sentence(dgm: Any, runs: Path, ids: list[str], tmp_path: Path) -> None:
    shutil.rmtree(runs / "first" / "agents.git" / "objects")
    (runs / "first" / "agents.git" / "objects").mkdir()
    answer = dgm("checkout", "first", ids[0], str(tmp_path / "code"))
    assert_one_sentence(answer, code=3, saying="is missing or damaged")
    assert not (tmp_path / "code").exists()


def test_facts_that_make_no_sense_are_one_sentence(dgm: Any, runs: Path) -> None:
    database = runs / "first" / "archive.db"
    trigger = (
        "TRIGGER agents_no_update BEFORE UPDATE ON agents BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END"
    )
    edit(database, "DROP TRIGGER agents_no_update")
    edit(database, "UPDATE agents SET id = char(27) || '[2J' WHERE step = 3")
    edit(database, f"CREATE {trigger}")
    answer = dgm("tree", "first")
    assert_one_sentence(answer, code=3, saying="holds facts that make no sense")
    assert "\x1b" not in answer.err
