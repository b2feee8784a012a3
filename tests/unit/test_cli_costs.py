"""What `status`, `show` and `lineage` say of costs."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.run import RunArchive, read_run
from dgm.cli.costs import cached_share, cap_words, dollars, role_table, usage_words
from dgm.cli.main import run_command
from dgm.config import Budget, ModelChoice, Models, RunConfig
from dgm.core.ids import AgentId, SessionId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, pay

MODEL = "anthropic:a-model-with-a-name-that-is-long"
PAID = RunConfig(
    models=Models(agent=ModelChoice(model=MODEL), diagnose=ModelChoice(model="openai:cheap")),
    budget=Budget(max_cost_usd=20.0, max_calls=100),
)
READ_A_LOT = Usage(2, input_tokens=1000, output_tokens=50, cost_usd=1.5, cache_read_tokens=900, cache_write_tokens=60)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that are not to be changed: "free" was rehearsed, "paid" was not, "fresh" called no model yet.

    In the first two, decision 1 measures the seed agent, 2 makes a child and 3 measures it.
    """
    runs = tmp_path_factory.mktemp("runs")
    for name, config in (("free", RunConfig()), ("paid", PAID)):
        with new_run(runs / name, config=config) as run:
            fill(run, free=name == "free")
    new_run(runs / "fresh").close()
    return runs


def fill(run: RunArchive, *, free: bool) -> None:
    root = run.agent_tree().root.id
    measure(run, root, [Verdict.RESOLVED])
    child = grow(run, root, SEED_CODE).id
    measure(run, child, [Verdict.UNRESOLVED])
    if free:
        pay(run, "00001.1.agent", Usage(1, input_tokens=1234, output_tokens=10))
        return
    pay(run, "00001.1.agent", READ_A_LOT)
    pay(run, "00002.1.diagnose", Usage(1, input_tokens=500, output_tokens=100, cost_usd=0.0625))
    pay(run, "00002.1.improve", Usage(1, input_tokens=500, output_tokens=100, cost_usd=2.25, cache_read_tokens=100))
    pay(run, "00002.1.probe", Usage(calls=1))
    pay(run, "00003.1.agent", Usage(1, input_tokens=1000, output_tokens=50, cost_usd=0.5))
    run.reserve_call(SessionId("00003.1.agent"), 2, worst_case=Usage(1, 2000, 700, 0.25))


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], runs: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that carries out one command line on the runs and returns what it printed."""

    def command(*arguments: str, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        assert run_command([*arguments, "--runs-dir", str(runs)]) == 0
        return capsys.readouterr().out

    return command


def ids(runs: Path, name: str) -> list[AgentId]:
    with read_run(runs / name) as run:
        return [agent.id for agent in run.agent_tree()]


def lines_after(printed: str, heading: str) -> list[str]:
    lines = printed.splitlines()
    return lines[lines.index(heading) + 1 :]


def test_status_shows_what_each_role_cost(dgm: Any) -> None:
    assert lines_after(dgm("status", "paid", columns=120), "Cost by role") == [
        "role      model                                       calls  input  cached  output   cost",
        "agent     anthropic:a-model-with-a-name-that-is-long      4  4,000     22%     800  $2.25",
        "improve   anthropic:a-model-with-a-name-that-is-long      1    500     20%     100  $2.25",
        "diagnose  openai:cheap                                    1    500      0%     100  $0.06",
        "probe     probe                                           1      0       -       0  $0.00",
        "all                                                       7  5,000     20%   1,000  $4.56",
    ]


def test_on_a_narrow_terminal_the_models_name_gives_way_and_no_number_does(dgm: Any) -> None:
    lines = lines_after(dgm("status", "paid", columns=60), "Cost by role")
    assert lines[1] == "agent     anthropic:a-…      4  4,000     22%     800  $2.25"


def facts_of(printed: str) -> list[str]:
    """Return the lines without the room that is left for the longest name of a fact."""
    return [" ".join(line.split()) for line in printed.splitlines()]


def test_status_shows_the_sum_the_cap_and_what_is_not_settled(dgm: Any) -> None:
    printed = facts_of(dgm("status", "paid"))
    for line in (
        "cost $4.56, 6,000 tokens in 7 calls, 20% of the input from cache",
        "not settled $0.25 reserved for 1 call, counted as spent",
        "cap $20.00, $15.44 left; 100 calls, 93 left",
    ):
        assert line in printed


def test_status_of_a_rehearsal_stays_short(dgm: Any) -> None:
    printed = dgm("status", "free")
    assert "cost $0.00, 1,244 tokens in 1 call" in facts_of(printed)
    assert ("not settled" in printed, "cap " in printed) == (False, False)
    assert lines_after(printed, "Cost by role") == [
        "role   model      calls  input  cached  output   cost",
        "agent  rehearsal      1  1,234      0%      10  $0.00",
    ]


def test_status_without_a_call_has_no_table_of_costs(dgm: Any) -> None:
    printed = dgm("status", "fresh")
    assert ("cost $0.00, 0 tokens in 0 calls" in facts_of(printed), "role" in printed) == (True, False)


def test_status_has_json_of_the_costs(dgm: Any) -> None:
    answer = json.loads(dgm("status", "paid", "--json"))
    assert (answer["cost_usd"], answer["tokens"], answer["cached_share"]) == (4.5625, 6000, 0.2)
    assert answer["usage"] == {
        "calls": 7,
        "input_tokens": 5000,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 60,
        "output_tokens": 1000,
        "cost_usd": 4.5625,
    }
    assert {name: (role["model"], role["cost_usd"]) for name, role in answer["by_role"].items()} == {
        "agent": (MODEL, 2.25),
        "improve": (MODEL, 2.25),
        "diagnose": ("openai:cheap", 0.0625),
        "probe": ("probe", 0.0),
    }
    assert (answer["unsettled"]["calls"], answer["unsettled"]["cost_usd"]) == (1, 0.25)
    assert answer["budget"] == {
        "max_cost_usd": 20.0,
        "max_tokens": None,
        "max_calls": 100,
        "left": {"cost_usd": 15.4375, "tokens": None, "calls": 93},
    }


def test_show_tells_what_an_agent_used_and_what_it_took_to_arrive_at_it(dgm: Any, runs: Path) -> None:
    root, child = ids(runs, "paid")
    lines = facts_of(dgm("show", "paid", root, columns=120))
    assert lines[7:10] == [
        "used $3.81, 2,250 tokens in 5 calls, 50% of the input from cache",
        "by role agent $1.50 in 2 calls, improve $2.25 in 1 call, diagnose $0.0625 in 1 call, probe $0.00 in 1 call",
        "lineage $1.50, 1,050 tokens in 2 calls, 90% of the input from cache, from the seed agent on",
    ]
    lines = facts_of(dgm("show", "paid", child, columns=120))
    assert lines[8:10] == [
        "used $0.75, 3,750 tokens in 2 calls",
        "lineage $4.56, 6,000 tokens in 7 calls, 20% of the input from cache, from the seed agent on",
    ]


def test_show_has_json_of_the_costs(dgm: Any, runs: Path) -> None:
    answer = json.loads(dgm("show", "paid", ids(runs, "paid")[0], "--json"))
    assert (answer["usage"]["calls"], answer["usage"]["cost_usd"], answer["cached_share"]) == (5, 3.8125, 0.5)
    assert {name: role["cost_usd"] for name, role in answer["by_role"].items()} == {
        "agent": 1.5,
        "improve": 2.25,
        "diagnose": 0.0625,
        "probe": 0.0,
    }
    assert answer["lineage_usage"]["cost_usd"] == 1.5


def test_lineage_shows_what_each_agent_and_all_of_them_took(dgm: Any, runs: Path) -> None:
    root, child = ids(runs, "paid")
    lines = dgm("lineage", "paid", child).splitlines()
    assert [line.rpartition("  ")[2] for line in lines if line.startswith((root[:7], child[:7]))] == ["$1.50", "$3.06"]
    assert lines[-1] == "lineage: $4.56, 6,000 tokens in 7 calls, 20% of the input from cache"


def test_lineage_has_json_of_the_costs(dgm: Any, runs: Path) -> None:
    answer = json.loads(dgm("lineage", "paid", ids(runs, "paid")[1], "--json"))
    assert [agent["usage"]["cost_usd"] for agent in answer["agents"]] == [1.5, 3.0625]
    assert answer["lineage_usage"]["cost_usd"] == 4.5625


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0.0, "$0.00"),
        (1e-9, "<$0.0001"),
        (0.0001, "$0.0001"),
        (0.0625, "$0.0625"),
        (0.1, "$0.10"),
        (12.345, "$12.35"),
        (20_000.0, "$20,000.00"),
    ],
)
def test_small_amounts_are_shown_more_exactly_and_never_as_nothing(usd: float, shown: str) -> None:
    assert dollars(usd) == shown


def test_one_role_of_many_never_looks_free_when_it_was_not() -> None:
    assert dollars(0.004, decimals=2) == "<$0.01"


def test_the_cached_share_of_no_input_is_none() -> None:
    assert cached_share(Usage(calls=1, output_tokens=5)) is None


def test_without_a_cache_nothing_is_said_of_it() -> None:
    assert usage_words(Usage(1, 10, 5, 0.5)) == "$0.50, 15 tokens in 1 call"


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(), ""),
        (Budget(max_cost_usd=5.0), "$5.00, $3.00 left"),
        (Budget(max_cost_usd=2.0), "$2.00, $0.00 left"),
        (Budget(max_cost_usd=1.99999999), "$2.00, $0.00 left"),
        (Budget(max_cost_usd=1.0), "$1.00, exceeded by $1.00"),
        (Budget(max_tokens=2000), "2,000 tokens, 1,000 left"),
        (Budget(max_cost_usd=5.0, max_calls=9), "$5.00, $3.00 left; 9 calls, 6 left"),
        (Budget(max_tokens=500, max_calls=3), "500 tokens, 0 left; 3 calls, 0 left"),
    ],
)
def test_caps_are_shown_with_what_is_left(budget: Budget, words: str) -> None:
    assert cap_words(budget, Usage(calls=3, input_tokens=900, output_tokens=100, cost_usd=2.0)) == words


def test_a_single_role_needs_no_sum() -> None:
    assert role_table({Role.AGENT: Usage(1, 10, 5, 0.5)}, Models()).row_count == 1
