"""`dgm replay --recorded` from the command line to the gateway's sockets; only sandboxes and grading are fakes."""

import gzip
import http.client
import json
import os
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.reader import RunReader, read_run
from dgm.archive.run import RunArchive
from dgm.boundary.chat import ChatRequest, FunctionCall, ToolCall
from dgm.cli.main import run_command
from dgm.config import Budget, Diagnoses, Integrity, ModelChoice, Models, RunConfig, Sessions, Steps
from dgm.core.actions import Evaluate
from dgm.core.errors import SandboxError
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Attempt, Execution, Role
from dgm.evolution.bench import Bench, Job
from dgm.evolution.evaluation import evaluate
from dgm.evolution.replay import attempt_of
from dgm.gateway.gateway import Gateway, by_role
from dgm.gateway.provider import Completion, KeptTurns, RoleModel
from dgm.gateway.recorded import LIMITS, ForgetfulLedger, recorded_models
from tests.fakes import sandbox as fake_sandbox
from tests.fakes.bench import StillClock
from tests.fakes.benchmark import FakeBenchmark, solved
from tests.fakes.providers import ScriptedProvider, Setting, SystemClock, UnixConnection, says, user
from tests.fakes.runs import new_run
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, ran

CONFIG = RunConfig(models=Models(agent=ModelChoice(model="openai:scripted")), workers=2)
TASKS = ("ant", "bee", "cat", "dog")


class TaskModel(ScriptedProvider):
    """Looks at the workspace and then tells what to write; knows all answers but the one of "dog"."""

    name = "openai:scripted"

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:  # noqa: ARG002
        if len(request.messages) == 1:
            return Completion(
                None, (ToolCall(id="c1", function=FunctionCall(name="ls", arguments="{}")),), "tool_calls", 9, 3
            )
        statement = request.messages[0].content or ""
        return says(next((task for task in TASKS[:3] if repr(task) in statement), "I do not know."))


def sees_answer_py(_: str) -> str:
    return "answer.py"


@dataclass
class Player:
    """Plays the agent in its container: asks twice, and writes what it is told."""

    output: Callable[[str], str] = sees_answer_py
    """What the only tool says, by the task's statement."""
    flags: tuple[str, ...] = ()
    """What is flagged of resolved tasks."""

    def __call__(self, container: FakeContainer, call: Call) -> Execution:
        del call
        statement = container.files["/task/problem.md"].content.decode()
        settings = json.loads(container.files["/task/task.json"].content)
        assert container.spec.gateway_directory is not None
        connection = UnixConnection(container.spec.gateway_directory / "model.sock")
        messages: list[dict[str, Any]] = [user(statement)]
        for _ in range(2):
            message = self.ask(connection, {"model": settings["model"], "messages": messages})
            if message is None:
                return ran(exit_code=1)
            messages.append(message)
            messages += [
                {"role": "tool", "tool_call_id": made["id"], "content": self.output(statement)}
                for made in message.get("tool_calls", ())
            ]
        container.files["/workspace/answer.py"] = solved(messages[-1]["content"])
        return ran()

    @staticmethod
    def ask(connection: http.client.HTTPConnection, body: dict[str, Any]) -> dict[str, Any] | None:
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode())
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return answer["choices"][0]["message"] if response.status == 200 else None


@pytest.fixture(autouse=True)
def same_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fake containers' user be the one that the tests run as: the gateway asks the kernel."""
    monkeypatch.setattr(fake_sandbox, "PEER_UID", os.getuid())


def bench_of(gateway: Gateway, player: Player) -> Bench:
    sandbox = FakeSandbox({("/usr/bin/python3", "/agent/main.py"): player})
    benchmark = FakeBenchmark(flags=player.flags)
    return Bench(
        benchmark,
        sandbox,
        gateway,
        limits=Sessions(),
        steps=Steps(),
        diagnoses=Diagnoses(),
        integrity=Integrity(),
        clock=StillClock(),
        run_seed=0,
    )


def measure_all(archive: RunArchive, directory: Path) -> None:
    """Measure the seed agent on all tasks with the scripted model, as an evolution does."""
    root = archive.agent_tree().root.id
    gateway = Gateway(
        by_role({Role.AGENT: RoleModel(TaskModel(), 100)}),
        archive,
        budget=Budget(),
        transcripts=directory / "transcripts",
        clock=SystemClock(),
        waiter=Setting(directory).waiter,
    )
    with gateway:
        for task in TASKS:
            action = Evaluate(root, TaskId(task), 0)
            attempt = archive.begin_attempt(archive.decide(action).number)
            job = Job(action, attempt, archive.code(root))
            archive.add_outcome(attempt.decision, root, evaluate(job, action, bench_of(gateway, Player())))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose seed agent was measured."""
    directory = tmp_path_factory.mktemp("template") / "first"
    with pytest.MonkeyPatch.context() as monkeypatch, new_run(directory, config=CONFIG) as archive:
        monkeypatch.setattr(fake_sandbox, "PEER_UID", os.getuid())
        measure_all(archive, directory)
        archive.end("finished")
    return directory


@pytest.fixture
def holding_run(tmp_path: Path) -> Path:
    """Return the same with two tasks held out from selection."""
    directory = tmp_path / "holding"
    with new_run(directory, config=CONFIG, held_out=[TaskId("ant"), TaskId("dog")]) as archive:
        measure_all(archive, directory)
    return directory


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "first"))


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Player:
    """Return who plays the agent in the replay; no container is started there."""
    player = Player()

    @contextmanager
    def fake_bench(
        config: RunConfig, recorded: RunReader, directory: Path, *, tasks: object, say: Callable[[str], None]
    ) -> Generator[tuple[Bench, Executor]]:
        del say, tasks
        gateway = Gateway(
            recorded_models(config, recorded.directory / "transcripts", recorded.prices()),
            ForgetfulLedger(),
            budget=Budget(),
            transcripts=directory / "transcripts",
            clock=SystemClock(),
            waiter=Setting(directory).waiter,
            limits=LIMITS,
        )
        with gateway, ThreadPoolExecutor(config.workers) as executor:
            yield bench_of(gateway, player), executor

    monkeypatch.setattr("dgm.wiring.recorded_bench", fake_bench)
    return player


@dataclass(frozen=True)
class Answer:
    """What `dgm replay --recorded --json` said."""

    code: int
    json: dict[str, Any]

    def of(self, task: str) -> dict[str, Any]:
        return next(outcome for outcome in self.json["outcomes"] if outcome["task"] == task)


def seed_of(run: Path) -> str:
    with read_run(run) as reader:
        return reader.agent_tree().root.id


def replay(run: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Answer:
    code = run_command(["replay", str(run), seed_of(run), "--recorded", "--json", *words])
    return Answer(code, json.loads(capsys.readouterr().out))


def transcript(run: Path, task: str) -> Path:
    with read_run(run) as reader:
        (session,) = [found.session for found in reader.outcomes_of(reader.agent_tree().root.id) if found.task == task]
    return run / "transcripts" / f"{session}.jsonl.gz"


def change(path: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    found = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    edit(found)
    path.write_bytes(b"".join(gzip.compress(json.dumps(record).encode()) for record in found))


def stored(run: Path) -> dict[str, bytes]:
    """Return what lies in a run but its replays."""
    paths = [path for path in run.rglob("*") if path.is_file() and "replays" not in path.parts]
    return {str(path): path.read_bytes() for path in paths if path.suffix not in {".db-wal", ".db-shm"}}


@pytest.mark.usefixtures("player")
def test_sessions_that_are_done_again_are_equal_and_cost_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = stored(run)
    answer = replay(run, capsys)
    assert (answer.code, answer.json["sessions"], answer.json["equal"]) == (0, 4, 4)
    assert answer.json["cost_usd"] == 0.0
    assert {outcome["verdict"] for outcome in answer.json["outcomes"][:3]} == {"resolved"}
    assert (answer.of("dog")["verdict"], answer.of("dog")["requests"], answer.of("dog")["matched"]) == (
        "unresolved",
        2,
        2,
    )
    assert stored(run) == before
    assert json.loads((run / "replays" / "0001" / "result.json").read_text()) == answer.json


@pytest.mark.usefixtures("player")
def test_held_out_sessions_are_done_again_after_the_others(
    holding_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = replay(holding_run, capsys)
    assert (answer.code, answer.json["equal"]) == (0, 4)
    assert [outcome["task"] for outcome in answer.json["outcomes"]] == ["bee", "cat", "ant", "dog"]


@pytest.mark.usefixtures("player")
def test_a_held_out_task_may_be_asked_for(holding_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = replay(holding_run, capsys, "--tasks", "dog")
    assert (answer.code, answer.json["sessions"], answer.of("dog")["recorded_verdict"]) == (0, 1, "unresolved")


@pytest.mark.usefixtures("player")
def test_without_json_it_is_told_in_words(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["replay", str(run), seed_of(run), "--recorded", "--tasks", "a*", "--workers", "1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:4] == [
        "1/1  ant  trial 0  equal: 2 of 2 requests, resolved",
        f"agent {seed_of(run)[:7]} on katas: 1 of 1 sessions equal",
        "No model was asked: $0.00 now, $0.00 when they were recorded.",
    ]


def test_a_changed_answer_is_reported_at_the_next_request_and_the_others_are_equal(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    del player
    change(transcript(run, "bee"), lambda found: found[0]["answer"].update(content="changed"))
    answer = replay(run, capsys)
    assert (answer.code, answer.json["equal"], answer.json["different"]) == (6, 3, 1)
    bee = answer.of("bee")
    assert (bee["way"], bee["verdict"], bee["difference"]["request"]) == ("different", None, 2)


def test_a_changed_last_answer_is_reported_by_its_verdict(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    del player
    change(transcript(run, "bee"), lambda found: found[1]["answer"].update(content="changed"))
    answer = replay(run, capsys, "--tasks", "bee")
    bee = answer.of("bee")
    assert (answer.code, bee["way"], bee["difference"]) == (6, "different", None)
    assert (bee["verdict"], bee["recorded_verdict"]) == ("unresolved", "resolved")


def test_what_is_flagged_now_and_was_not_then_is_different(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.flags = ("It ended early.",)
    answer = replay(run, capsys, "--tasks", "bee")
    bee = answer.of("bee")
    assert (answer.code, bee["way"], bee["verdict"], bee["recorded_verdict"]) == (6, "different", *["resolved"] * 2)
    assert (bee["flags"], bee["recorded_flags"]) == (["It ended early."], [])
    assert run_command(["replay", str(run), seed_of(run), "--recorded", "--tasks", "bee"]) == 6
    assert "different: 2 of 2 requests, resolved, flagged (then resolved)" in capsys.readouterr().out


def test_an_agent_that_sees_something_else_is_different(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    player.output = lambda statement: "other.py" if "'cat'" in statement else "answer.py"
    answer = replay(run, capsys)
    assert (answer.code, answer.json["equal"]) == (6, 3)
    assert answer.of("cat")["difference"] == {
        "request": 2,
        "what": "message 3 of 3 (tool)",
        "diff": ["- answer.py", "+ other.py"],
    }


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def fill(path: Path) -> None:
    change(path, lambda found: found[1].update(kept=0, messages=[], omitted=True))


def lose_the_end(path: Path) -> None:
    change(path, lambda found: found.pop())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (remove, "Its transcript is missing or empty, and it made 2 calls."),
        (truncate, "is damaged: it ends within record 2."),
        (fill, "was full: not all requests are in it."),
        (lose_the_end, "Its transcript has 1 requests, but it made 2 calls."),
    ],
)
@pytest.mark.usefixtures("player")
def test_what_cannot_be_replayed_is_a_result_with_a_reason(
    run: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], reason: str
) -> None:
    damage(transcript(run, "bee"))
    answer = replay(run, capsys)
    assert (answer.code, answer.json["sessions"], answer.json["equal"], answer.json["not_replayed"]) == (4, 4, 3, 1)
    assert answer.of("bee")["way"] == "not replayed"
    assert answer.of("bee")["reason"].endswith(reason)


def test_whatever_ends_it_keeps_what_was_replayed(run: Path, player: Player) -> None:
    def breaks(statement: str) -> str:
        if repr(TASKS[3]) in statement:
            raise BrokenPipeError
        return "answer.py"

    player.output = breaks
    assert run_command(["replay", str(run), seed_of(run), "--recorded", "--workers", "1"]) != 0
    found = json.loads((run / "replays" / "0001" / "result.json").read_text())
    assert (found["equal"], found["outcomes"][3]["reason"]) == (3, "interrupted")


def test_a_fault_of_the_machine_is_no_difference(
    run: Path, player: Player, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del player

    def full(*_: object, **__: object) -> None:
        raise SandboxError("The disk is full.")

    monkeypatch.setattr(FakeContainer, "write_files", full)
    answer = replay(run, capsys, "--tasks", "ant")
    assert (answer.code, answer.of("ant")["way"], answer.of("ant")["reason"]) == (
        4,
        "not replayed",
        "The disk is full.",
    )


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--model", "rehearsal"], "--model"),
        (["--benchmark", "katas", "--trials", "2"], "--benchmark, --trials"),
        (["--max-cost", "1", "--config", "x.toml"], "--config, --max-cost"),
        (["--attempts", "2"], "--attempts"),
    ],
)
def test_options_that_ask_for_something_else_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], names: str
) -> None:
    assert run_command(["replay", str(run), seed_of(run), "--recorded", *words]) == 2
    assert capsys.readouterr().err == (
        f"dgm: --recorded repeats what the run did, with the answers that it got; it cannot go with {names}.\n"
    )
    assert not (run / "replays").exists()


def test_a_task_that_was_not_measured_is_one_sentence(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["replay", str(run), seed_of(run), "--recorded", "--tasks", "elk"]) == 2
    assert "was not measured on 'elk'" in capsys.readouterr().err


def test_an_agent_without_measurements_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_run(tmp_path / "empty", config=CONFIG):
        pass
    assert run_command(["replay", str(tmp_path / "empty"), seed_of(tmp_path / "empty"), "--recorded"]) == 2
    assert "was never measured in this run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("session", "attempt"),
    [
        ("00012.1.agent", Attempt(12, 1)),
        ("123456.23.agent", Attempt(123456, 23)),
        ("12.1.agent", None),
        ("000012.1.agent", None),
        ("00012.0.agent", None),
        ("00012.1.improve", None),
        ("../12.1.agent", None),
        ("٠٠٠١٢.1.agent", None),
        ("00012.1.agent\n", None),
    ],
)
def test_a_sessions_id_tells_its_attempt_or_nothing(session: str, attempt: Attempt | None) -> None:
    assert attempt_of(SessionId(session)) == attempt
