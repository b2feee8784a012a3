"""`dgm replay --attempts 2` from the command line; only sandboxes, models and grading are fakes."""

import errno
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.reader import read_run
from dgm.cli.main import run_command
from dgm.config import RunConfig
from dgm.core.errors import SandboxError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.ports import Execution, Ledger
from dgm.core.tasks import KnownTask
from dgm.evolution.bench import Bench
from tests.fakes.bench import Fakes
from tests.fakes.benchmark import FakeBenchmark, solved, tiny_task
from tests.fakes.gateway import ONE_CALL, FakeModelAccess
from tests.fakes.runs import new_run
from tests.fakes.sandbox import Call, FakeContainer, ran

IMAGES = {"python": "sha256:1", "polyglot-go": "sha256:2"}
GONE = SandboxError("No engine.")


def in_go(known: KnownTask) -> KnownTask:
    task = TaskId(f"go/{known.task.id}")
    return replace(known, task=replace(known.task, id=task))


@dataclass
class Player:
    """Plays the agent: resolves tasks named in `first` at once, those in `second` with what the tests said."""

    fakes: Fakes
    first: Sequence[str] = ("ant",)
    second: Sequence[str] = ("bee",)
    fault: BaseException | None = None
    """Raised in every second attempt."""
    started: list[str] = field(default_factory=list[str])

    def __call__(self, container: FakeContainer, call: Call) -> Execution:
        del call
        self.fakes.models.sessions[-1][1].call("?")
        problem = container.files["/task/problem.md"].content.decode()
        name = problem.split("'")[1]
        again = "## Second attempt" in problem
        self.started.append(name)
        if again and self.fault:
            raise self.fault
        resolves = name in self.first or (again and name in self.second)
        container.files["/workspace/answer.py"] = solved(name) if resolves else File(b"wrong = %d\n" % again)
        return ran()


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Player:
    """Return who plays the agent; no container is started, and no model asked."""
    known = [in_go(tiny_task(name)) for name in ("ant", "bee", "cat")]
    fakes = Fakes(benchmark=FakeBenchmark(known=known))
    found = Player(fakes)
    fakes.sandbox.programs = {("/usr/bin/python3",): found}

    @contextmanager
    def fake_bench(
        config: RunConfig, directory: Path, ledger: Ledger, *, say: Callable[[str], None]
    ) -> Generator[tuple[Bench, Executor, Mapping[str, str]]]:
        del config, directory, say
        fakes.models = FakeModelAccess(ledger=ledger)
        with ThreadPoolExecutor(1) as executor:
            yield fakes.bench, executor, IMAGES

    monkeypatch.setattr("dgm.wiring.replay_bench", fake_bench)
    return found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    new_run(tmp_path / "run").close()
    return tmp_path / "run"


def replay(run: Path, *words: str) -> int:
    with read_run(run) as reader:
        agent = reader.agent_tree().root.id
    return run_command(["replay", str(run), agent, *words])


def answer(run: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = replay(run, "--json", *words)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("player")
def test_the_second_attempt_is_reported_apart(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = answer(run, capsys, "--attempts", "2")
    assert (code, found["attempts"], found["resolved"], found["attempted"]) == (0, 2, 1, 3)
    after = found["after_second"]
    assert (after["resolved"], after["attempted"]) == (2, 3)
    ant, bee, cat = found["outcomes"]
    assert (ant["verdict"], ant["second"]) == ("resolved", None)
    assert (bee["verdict"], bee["second"]["verdict"]) == ("unresolved", "resolved")
    assert (cat["verdict"], cat["second"]["verdict"]) == ("unresolved", "unresolved")
    assert cat["second"]["summary"] == "0 of 1 tests passed"
    assert cat["second"]["usage"]["cost_usd"] == ONE_CALL.cost_usd
    assert cat["second"]["seconds"] == 0.0


def test_what_is_flagged_does_not_count_and_is_told(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.fakes.benchmark.flags = ("It ended early\x1b[2J.",)
    _, found = answer(run, capsys)
    assert (found["resolved"], found["attempted"]) == (0, 3)
    ant, bee, _ = found["outcomes"]
    assert (ant["verdict"], ant["flags"], ant["recorded_flags"]) == ("resolved", ["It ended early."], None)
    assert (bee["verdict"], bee["flags"]) == ("unresolved", [])
    replay(run)
    printed = capsys.readouterr().out
    assert "go/ant  trial 0  resolved, flagged\n" in printed
    assert "1 flagged as tampered with; they do not count as resolved." in printed


@pytest.mark.usefixtures("player")
def test_both_sessions_count_in_the_cost(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = answer(run, capsys, "--attempts", "2")
    assert found["cost_usd"] == pytest.approx(5 * ONE_CALL.cost_usd)


@pytest.mark.usefixtures("player")
def test_the_images_and_the_results_by_language_are_in_the_result_file(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = answer(run, capsys, "--attempts", "2")
    assert found["images"] == IMAGES
    assert found["by_language"]["languages"] == {"go": {"resolved": 1, "attempted": 3}}
    assert found["after_second"]["by_language"]["languages"] == {"go": {"resolved": 2, "attempted": 3}}
    assert json.loads((run / "replays" / "0001" / "result.json").read_text()) == found


def test_once_is_what_is_done_unless_asked_for_more(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = answer(run, capsys)
    assert (code, found["attempts"], found["after_second"], len(player.started)) == (0, 1, None, 3)
    assert [outcome["second"] for outcome in found["outcomes"]] == [None] * 3


@pytest.mark.usefixtures("player")
def test_it_is_told_in_words_in_lines_and_columns_of_its_own(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(run, "--attempts", "2") == 0
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "3/3 go/bee trial 0 second attempt resolved" in printed
    assert "3/3 go/cat trial 0 second attempt unresolved" in printed
    assert "language resolved after a second attempt" in printed
    assert "go 1/3 2/3" in printed
    assert "after a second attempt: 2/3 resolved, mean 60%, 95 % 19-93" in printed


def test_a_second_attempt_that_cannot_be_judged_leaves_the_first_as_it_is(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.fault = GONE
    code, found = answer(run, capsys, "--attempts", "2")
    assert (code, found["resolved"], found["attempted"]) == (4, 1, 3)
    assert (found["after_second"]["resolved"], found["after_second"]["attempted"]) == (1, 1)
    assert found["outcomes"][1]["second"] == {
        "verdict": None,
        "flags": None,
        "signs": None,
        "summary": "No engine.",
        "seconds": None,
        "usage": None,
    }


def test_what_could_not_be_judged_is_told_in_words(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.fault = GONE
    assert replay(run, "--attempts", "2") == 4
    printed = capsys.readouterr().out
    assert "go/bee  trial 0  second attempt not judged: No engine." in printed
    assert "after a second attempt: 1/1 resolved, mean 67%, 95 % 16-99\n" in printed
    assert "\n2 second attempts could not be judged" in printed


def test_an_interruption_keeps_the_first_attempts(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.fault = KeyboardInterrupt()
    code, found = answer(run, capsys, "--attempts", "2")
    assert (code, found["attempted"]) == (130, 3)
    assert [outcome["verdict"] for outcome in found["outcomes"]] == ["resolved", "unresolved", "unresolved"]
    assert [outcome["second"] and outcome["second"]["summary"] for outcome in found["outcomes"]] == [
        None,
        "interrupted",
        "interrupted",
    ]


def result_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "replays" / "0001" / "result.json").read_text())


def test_whatever_else_ends_it_keeps_the_first_attempts(run: Path, player: Player) -> None:
    player.fault = BrokenPipeError()
    assert replay(run, "--attempts", "2") != 0
    found = result_of(run)
    assert [outcome["verdict"] for outcome in found["outcomes"]] == ["resolved", "unresolved", "unresolved"]
    assert found["cost_usd"] >= 3 * ONE_CALL.cost_usd


@pytest.mark.usefixtures("player")
def test_what_is_measured_when_nobody_can_be_told_is_kept(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise BrokenPipeError

    monkeypatch.setattr("dgm.cli.replay_results.progress_line", broken)
    assert replay(run) != 0
    assert [outcome["summary"] for outcome in result_of(run)["outcomes"]].count("interrupted") == 2


def test_without_a_result_there_is_no_result_file(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def broken(*_: object, **__: object) -> Generator[tuple[Bench, Executor, Mapping[str, str]]]:
        raise GONE
        yield

    monkeypatch.setattr("dgm.wiring.replay_bench", broken)
    assert replay(run) == GONE.exit_code
    assert [path.name for path in (run / "replays" / "0001").iterdir()] == ["calls.jsonl"]


@pytest.mark.usefixtures("player")
def test_results_that_cannot_be_written_are_printed(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "result.json")

    monkeypatch.setattr("dgm.cli.results.write_result", full)
    assert replay(run, "--json") == 4
    printed = capsys.readouterr()
    assert json.loads(printed.out)["resolved"] == 1
    assert printed.err.endswith("dgm: The disk is full (result.json).\n")


@pytest.mark.usefixtures("player")
def test_there_is_no_third_attempt(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(run, "--attempts", "3") == 2
    assert "Invalid value for '--attempts'" in capsys.readouterr().err


def test_help_says_that_it_shows_text_of_hidden_tests(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(["replay", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "a second session is told what the hidden tests said, which holds text of them." in words
