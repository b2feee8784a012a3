"""SWE-bench through the command line, judged by the real harness on instances of our own, in real containers."""

import json
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dgm.archive.reader import read_run
from dgm.sandbox.engine import connect
from tests.e2e.commands import Command
from tests.e2e.failing_engine import failing_engine
from tests.e2e.scripted_solutions import scripted, scripts, write_agent
from tests.escape.watching import sdk
from tests.fakes.instances import built_images, instance_named, instances, sound_instances, write_records

pytestmark = [pytest.mark.docker, pytest.mark.slow]

TALLY = instance_named("pebbleworks__tally-11")
EVOLVED = [instance for instance in sound_instances() if instance.repo != "slowmill/sieve"]
SAMPLE = Path(__file__).parents[3] / "shared/spec/swebench/verified_sample.jsonl"
CONFIG = """
benchmark = "swebench"
children = {children}
workers = 2
seed = 4

[swebench]
dataset = "{dataset}"
grading_timeout_s = {timeout_s}

[integrity]
control_tasks = 0  # scripted agents speak to no model, which a run is not started with
"""
CREATES_FOR_THE_HARNESS = rb"POST \S+/containers/create\?name=sweb\.eval"


@dataclass
class Listener:
    """A port of the host that nothing in a container may reach."""

    port: int = 0
    callers: list[str] = field(default_factory=list[str])

    def serve(self, listening: socket.socket) -> None:
        """Note everyone who connects."""
        with suppress(OSError):
            while True:
                connection, (address, _) = listening.accept()
                self.callers.append(address)
                connection.close()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep this machine's cache out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of all instances of our own, whose images are built."""
    return write_records(tmp_path_factory.mktemp("dataset") / "instances.jsonl", built_images(connect()))


@pytest.fixture(scope="module")
def listener() -> Generator[Listener]:
    found = Listener()
    with socket.create_server(("0.0.0.0", 0)) as listening:  # noqa: S104 - also at the address that bridges have
        found.port = listening.getsockname()[1]
        thread = threading.Thread(target=found.serve, args=(listening,))
        thread.start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def gateways() -> list[str]:
    """Return the host's addresses on the bridge that containers have unless they are confined."""
    bridge = sdk(connect()).inspect_network("bridge")
    return [pool["Gateway"] for pool in bridge["IPAM"]["Config"]]


def call_from_a_plain_container(listener: Listener) -> None:
    script = f"import socket; socket.create_connection(({gateways()[0]!r}, {listener.port}), timeout=5)"
    client = sdk(connect())
    made = client.create_container(TALLY.image, ["python3", "-c", script])["Id"]
    try:
        client.start(made)
        assert client.wait(made)["StatusCode"] == 0
    finally:
        client.remove_container(made, force=True)


def write_config(path: Path, dataset: Path, *, children: int = 0, timeout_s: int = 120) -> str:
    path.write_text(CONFIG.format(children=children, dataset=dataset, timeout_s=timeout_s))
    return str(path)


def containers_of(run: str) -> list[Any]:
    return connect().containers(label=f"dgm.run={run}")


def processes_with(word: str) -> list[Path]:
    found: list[Path] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [path] if word.encode() in path.read_bytes() else []
    return found


def works_in(link: Path, directory: Path) -> bool:
    try:
        return link.readlink().is_relative_to(directory)
    except OSError:  # it has just ended
        return False


# --- many ways to behave, measured in one run --------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What a run says of each way to behave."""

    command: Command
    outcomes: Mapping[str, dict[str, Any]]
    agent: dict[str, Any]
    mark: str


@pytest.fixture(scope="module")
def measured(command: Command, listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    place, mark = tmp_path_factory.mktemp("behaving"), uuid4().hex
    TALLY.build(connect())
    told = scripts(addresses=gateways(), port=listener.port, mark=mark)
    records = [scripted(TALLY, name, script) for name, script in told.items()]
    config = write_config(place / "run.toml", write_records(place / "scripted.jsonl", records), timeout_s=10)
    done = command("run", "behaving", "--config", config, "--seed-agent", str(write_agent(place / "agent")))
    assert done.returncode == 0, done.stderr
    agent = command.json("show", "behaving", command.json("tree", "behaving")["agents"][0]["id"])
    outcomes = {outcome["task"].removeprefix(f"{TALLY.id}-"): outcome for outcome in agent["outcomes"]}
    assert set(outcomes) == set(told)
    return Measured(command, outcomes, agent, mark)


def patch_of(measured: Measured, name: str) -> str:
    with read_run(measured.command.runs / "behaving") as run:
        (patch,) = [
            outcome.patch
            for agent in run.agent_tree()
            for outcome in run.outcomes_of(agent.id)
            if outcome.task == f"{TALLY.id}-{name}"
        ]
    return patch


def test_a_right_solution_is_resolved(measured: Measured) -> None:
    outcome = measured.outcomes["right"]
    assert (outcome["verdict"], outcome["flags"]) == ("resolved", [])
    assert "2 of 2" in outcome["summary"]
    assert "6 of 6" in outcome["summary"]


def test_what_became_of_test_files_is_dropped_and_recorded(measured: Measured) -> None:
    outcome = measured.outcomes["right-and-untidy"]
    assert (outcome["verdict"], outcome["flags"]) == ("resolved", [])
    assert outcome["dropped_paths"] == ["tests/test_stats.py"]
    assert measured.outcomes["tests-only"]["verdict"] == "empty patch"


def test_a_solution_that_solves_nothing_is_unresolved(measured: Measured) -> None:
    outcome = measured.outcomes["wrong"]
    assert outcome["verdict"] == "unresolved"
    assert "0 of 2" in outcome["summary"]


def test_no_solution_is_an_empty_patch_that_is_not_run(measured: Measured) -> None:
    assert measured.outcomes["idle"]["verdict"] == "empty patch"


def test_a_suite_that_crashes_at_import_is_unresolved(measured: Measured) -> None:
    assert measured.outcomes["crash"]["verdict"] == "unresolved"


def test_a_solution_that_never_ends_is_unresolved_and_is_ended(measured: Measured) -> None:
    outcome = measured.outcomes["endless"]
    assert outcome["verdict"] == "unresolved"
    assert "time" in outcome["summary"]
    assert processes_with(measured.mark) == []
    assert containers_of("behaving") == []


def test_a_forged_verdict_is_stored_flagged_and_not_counted(measured: Measured) -> None:
    assert measured.outcomes["forged"]["verdict"] == "resolved"
    believed = {name: one["flags"] for name, one in measured.outcomes.items() if one["verdict"] == "resolved"}
    assert sorted(believed) == ["forged", "hooked", "linked", "right", "right-and-untidy"]
    assert believed.pop("forged")
    assert list(believed.values()) == [[], [], [], []], believed
    assert measured.agent["score"]["resolved"] == 4
    assert measured.command.json("status", "behaving")["flagged"] == 1


def test_a_solution_that_needs_the_network_gets_none(measured: Measured, listener: Listener) -> None:
    assert measured.outcomes["networked-agent"]["verdict"] == "empty patch"
    assert measured.outcomes["networked-tests"]["verdict"] == "unresolved"
    assert listener.callers == []
    # Else nothing would be said by that: a container that has a network gets there.
    call_from_a_plain_container(listener)
    assert len(listener.callers) == 1


def test_an_agent_finds_the_earlier_history_and_nothing_later(measured: Measured) -> None:
    assert measured.outcomes["historian"]["verdict"] == "unresolved"
    assert "later: False, earlier: True" in patch_of(measured, "historian")


def test_an_agent_whose_git_runs_programs_runs_none_of_them_on_the_host(measured: Measured) -> None:
    outcome = measured.outcomes["hooked"]
    assert (outcome["verdict"], outcome["dropped_paths"]) == ("resolved", [])
    assert not Path("/tmp", measured.mark).exists()


def test_links_and_pipes_are_left_out_and_recorded(measured: Measured) -> None:
    outcome = measured.outcomes["linked"]
    assert (outcome["verdict"], outcome["dropped_paths"]) == ("resolved", ["README.md", "pipe"])


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("flooding", "agent crashed", "more than 20,000 files"),
        ("killing", "unresolved", "tests"),
        ("chatty", "unresolved", "printed more than"),
        ("pretending", "unresolved", "no test's result could be read"),
    ],
)
def test_nothing_that_a_solution_does_makes_it_unmeasurable(
    measured: Measured, name: str, verdict: str, reason: str
) -> None:
    outcome = measured.outcomes[name]
    assert outcome["verdict"] == verdict
    assert reason in outcome["summary"]


def test_what_was_not_run_again_had_no_fault(measured: Measured) -> None:
    with read_run(measured.command.runs / "behaving") as run:
        assert run.faults() == ()


def test_a_graded_solution_is_kept_with_its_report_and_log(measured: Measured) -> None:
    session = measured.outcomes["right"]["session"].replace("agent", "grading")
    kept = measured.command.json("grading", "behaving", session)
    assert kept["report"]["resolved"] is True
    assert "test_even (tests.test_stats.MedianTest.test_even) ... ok" in kept["log"]


# --- controls ----------------------------------------------------------------------------------------------------


def test_the_controls_of_sound_instances_are_as_they_must_be(command: Command, dataset: Path) -> None:
    chosen = "pebbleworks__tally-14,repo:reedmill/*,slowmill__sieve-3"
    words = ("benchmarks", "check", "swebench", "--swebench-dataset", str(dataset), "--tasks", chosen, "--workers", "2")
    done = command.bare(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert [row["finding"] for row in json.loads(done.stdout)["tasks"]] == ["ok", "ok", "ok"]


def test_instances_whose_gold_patch_does_not_resolve_them_are_not_judged(command: Command, dataset: Path) -> None:
    broken = [instance.id for instance in instances() if instance.broken]
    words = ("benchmarks", "check", "swebench", "--swebench-dataset", str(dataset), "--tasks", ",".join(broken))
    done = command.bare(*words, "--json")
    assert done.returncode == 4, done.stderr
    assert [row["finding"] for row in json.loads(done.stdout)["tasks"]] == ["not judged"] * len(broken)


# --- faults of the engine ----------------------------------------------------------------------------------------


@pytest.fixture
def one_task(tmp_path: Path, listener: Listener) -> list[str]:
    """Return the options of a run of one evaluation."""
    TALLY.build(connect())
    told = scripts(addresses=[], port=listener.port, mark="none")
    dataset = write_records(tmp_path / "one.jsonl", [scripted(TALLY, "right", told["right"])])
    agent = write_agent(tmp_path / "agent")
    return ["--config", write_config(tmp_path / "one.toml", dataset), "--seed-agent", str(agent)]


def test_a_fault_of_the_engine_is_no_verdict_and_is_tried_again(
    command: Command, one_task: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_engine(tmp_path / "engine", CREATES_FOR_THE_HARNESS, failures=1) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        done = command("run", "retried", *one_task)
    assert (done.returncode, engine.failed) == (0, 1), done.stderr
    with read_run(command.runs / "retried") as run:
        assert len(run.faults()) == 1
        (outcome,) = [outcome for agent in run.agent_tree() for outcome in run.outcomes_of(agent.id)]
    assert outcome.resolved


def test_an_engine_that_keeps_failing_stops_the_run_without_a_verdict(
    command: Command, one_task: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        failing_engine(tmp_path / "engine", CREATES_FOR_THE_HARNESS, failures=100) as engine,
        monkeypatch.context() as m,
    ):
        m.setenv("DOCKER_HOST", engine.host)
        done = command("run", "stopped", *one_task)
    assert done.returncode == 4
    assert "not judged" in done.stderr
    assert command.json("status", "stopped")["evaluations"] == 0
    assert containers_of("stopped") == []
    resumed = command("resume", "stopped")
    assert resumed.returncode == 0, resumed.stderr
    assert command.json("status", "stopped")["evaluations"] == 1


# --- an evolution ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def temporary() -> Generator[Path]:
    """Return where the killed run has its temporary files; short, since paths of sockets are."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture(scope="module")
def evolved(command: Command, dataset: Path, temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return the command line of a run that was killed while it graded, and then resumed."""
    chosen = ",".join(instance.id for instance in EVOLVED)
    config = write_config(tmp_path_factory.mktemp("evolved") / "evolved.toml", dataset, children=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        process = command.start("run", "evolved", "--config", config, "--tasks", chosen)
        while not any(found["Labels"]["dgm.kind"] == "grading" for found in containers_of("evolved")):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # What it leaves hangs on the moment; one such thing is left in any case.
        (temporary / f"dgm-patch-{process.pid}-left").mkdir()
        done = command("resume", "evolved")
    assert done.returncode == 0, done.stderr
    return command


def test_a_rehearsal_that_was_killed_ends_with_its_children(evolved: Command) -> None:
    tree, status = evolved.json("tree", "evolved"), evolved.json("status", "evolved")
    assert (tree["model"], tree["benchmark"], len(tree["agents"])) == ("rehearsal", "swebench", 3)
    assert (status["state"], status["flagged"]) == ("finished", 0)
    assert {agent["score"]["attempted"] for agent in tree["agents"]} == {len(EVOLVED)}


def test_some_instance_was_resolved_and_some_was_not(evolved: Command) -> None:
    with read_run(evolved.runs / "evolved") as run:
        outcomes = [outcome for agent in run.agent_tree() for outcome in run.outcomes_of(agent.id)]
    assert {True, False} == {outcome.resolved for outcome in outcomes}


def test_the_digests_of_the_images_are_recorded(evolved: Command) -> None:
    with read_run(evolved.runs / "evolved") as run:
        images = run.images()
    engine = connect()
    for instance in EVOLVED:
        assert images[instance.image] == engine.image_id(instance.image)


@pytest.mark.usefixtures("evolved")
def test_nothing_is_left_of_the_killed_run(temporary: Path) -> None:
    assert containers_of("evolved") == []
    assert [path for path in Path("/proc").glob("[0-9]*/cwd") if works_in(path, temporary)] == []
    assert list(temporary.iterdir()) == []


def test_the_best_agent_is_measured_again_with_the_same_verdicts(evolved: Command, tmp_path: Path) -> None:
    best = max(evolved.json("tree", "evolved")["agents"], key=lambda agent: agent["score"]["low"])
    answer = evolved.json("replay", "evolved", best["id"], "--out", str(tmp_path / "out"))
    assert (answer["as_recorded"], answer["compared"]) == (len(EVOLVED), len(EVOLVED))
    assert answer["resolved"] == best["score"]["resolved"]
    assert list((tmp_path / "out" / "gradings").iterdir())


# --- the published dataset ---------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path: Path) -> list[str]:
    """Return the options of a run on the paper's smallest subset, whose images are at a registry that refuses at once.

    Nobody's tests are to pull gigabytes.
    """
    if not SAMPLE.is_file():
        pytest.skip(f"records of SWE-bench Verified are not at {SAMPLE}")
    records = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    moved = [{**record, "image": f"127.0.0.1:1/{record['image']}"} for record in records]
    dataset = write_records(tmp_path / "sample.jsonl", moved)
    options = {"benchmark": "swebench", "swebench-dataset": str(dataset), "tasks": "small", "children": "1"}
    return [word for option, value in options.items() for word in (f"--{option}", value)]


def test_a_run_on_the_papers_subset_says_how_much_it_downloads_before_it_starts(
    command: Command, published: list[str]
) -> None:
    process = command.start("run", "published", *published, errors=subprocess.STDOUT)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 4
    before, after = " ".join(said.split()).split("run published: swebench", 1)
    assert "0 of 10 are here" in before
    assert "To download: about 4.2 GB" in before
    assert "could not be pulled: the engine cannot reach its registry" in after
    assert command.json("status", "published")["evaluations"] == 0


def test_an_estimate_of_the_papers_subset_has_its_size_time_and_cost(evolved: Command, published: list[str]) -> None:
    model = ("--model", "openai:any", "--unknown-price", "1/2")
    done = evolved("estimate", *published, *model, "--from", "evolved")
    assert done.returncode == 0, done.stderr
    assert "To download: about 4.2 GB" in " ".join(done.stdout.split())
    first_words = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert {"cost", "time", "sessions"} <= first_words
