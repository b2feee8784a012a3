"""Bad input: one clear sentence on standard error, an exit code of its own, and nothing made or lost."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgm.cli.main import run_command
from dgm.content import seed_agent_directory


@dataclass(frozen=True)
class Done:
    """How a command line ended."""

    returncode: int
    stderr: str


@dataclass(frozen=True)
class Inside:
    """The command line in this process, which spares each case the start of an interpreter."""

    runs: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Done:
        code = run_command([*words, "--runs-dir", str(self.runs)])
        return Done(code, self.capture.readouterr().err)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Inside:
    return Inside(tmp_path, capsys)


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["run", "--benchmark", "chess"], 2, "no benchmark 'chess'"),
        (["run", "--policy", "magic"], 2, "no policy 'magic'"),
        (["run", "--model", "oracle"], 2, "no model 'oracle'"),
        (["run", "--model", "openai:"], 2, "no model 'openai:'"),
        (["run", "--model", "openai:gpt"], 2, "price of openai:gpt is unknown"),
        (["run", "--seed-agent", "nowhere"], 2, "no directory nowhere"),
        (["run", "--config", "nowhere.toml"], 2, "cannot be read"),
        (["run", "no such name!"], 2, "is no name for a run"),
        (["run", "--children", "-1"], 2, "--children"),
        (["run", "--workers", "0"], 2, "--workers"),
        (["run", "--tasks", "go/*"], 2, "no task 'go/*'"),
        (["run", "--tasks", "stage:3"], 2, "stage:3"),
        (["run", "--tasks", "leap-cake,"], 2, "no task ''"),
        (["run", "--benchmark", "polyglot", "--tasks", "java/hangman"], 2, "cannot be judged"),
        (["run", "--benchmark", "polyglot", "--polyglot-dir", "/dev/null"], 2, "no directory /dev/null"),
        (["run", "--benchmark", "polyglot", "--polyglot-dir", str(seed_agent_directory())], 2, "is missing"),
        (["estimate", "--tasks", "go/*"], 2, "no task 'go/*'"),
        (["resume", "nobody"], 2, "no run 'nobody'"),
        (["tree", "nobody"], 2, "no run 'nobody'"),
        (["replay", "nobody", "abc"], 2, "no run 'nobody'"),
        (["fly"], 2, "fly"),
    ],
)
def test_a_wrong_word_is_one_sentence(command: Inside, words: list[str], exit_code: int, says: str) -> None:
    done = command(*words)
    assert done.returncode == exit_code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(path.is_dir() for path in command.runs.iterdir())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("childern = 3", "childern: is not a known key"),
        ("children = 'many'", "children: input should be a valid integer"),
        ("[sessions]\ntask_timeout_s = -1", "sessions.task_timeout_s"),
        ("children = [", "is not valid TOML"),
        ("tasks = ['nope']", "no task 'nope'"),
    ],
)
def test_a_wrong_configuration_names_the_key(command: Inside, text: str, says: str) -> None:
    path = command.runs / "bad.toml"
    path.write_text(text)
    done = command("run", "--config", str(path))
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_a_run_name_that_exists_is_refused_and_left_alone(command: Inside) -> None:
    (command.runs / "taken").mkdir()
    (command.runs / "taken" / "file").write_text("precious")
    done = command("run", "taken")
    assert (done.returncode, "exists already" in done.stderr) == (3, True)
    assert (command.runs / "taken" / "file").read_text() == "precious"


def test_a_seed_agent_without_main_is_refused(command: Inside) -> None:
    (command.runs / "agent").mkdir()
    done = command("run", "--seed-agent", str(command.runs / "agent"))
    assert (done.returncode, "no main.py" in done.stderr) == (2, True)


def test_without_an_engine_it_says_so(command: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{command.runs}/no.sock")
    done = command("run", "first")
    assert done.returncode == 4
    assert "engine" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (command.runs / "first").exists()


def test_a_file_that_is_no_archive_is_called_that(command: Inside) -> None:
    run = command.runs / "odd"
    run.mkdir()
    (run / "archive.db").write_bytes(b"not a database at all" * 100)
    done = command("tree", "odd")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_an_archive_of_a_newer_version_is_a_clear_error(command: Inside) -> None:
    from dgm.archive.run import create_run
    from dgm.boundary.directories import read_agent_directory
    from dgm.config import RunConfig

    run = command.runs / "newer"
    code = read_agent_directory(seed_agent_directory())
    create_run(run, config=RunConfig(), image="python", images={"python": "sha256:0"}, seed_code=code).close()
    with sqlite3.connect(run / "archive.db") as sql:
        sql.execute("PRAGMA user_version = 99")
    done = command("tree", "newer")
    assert (done.returncode, "newer" in done.stderr) == (3, True)


@pytest.fixture
def finished(command: Inside) -> Path:
    """Return a run that finished."""
    from dgm.archive.run import create_run
    from dgm.boundary.directories import read_agent_directory
    from dgm.config import RunConfig

    run = command.runs / "done"
    code = read_agent_directory(seed_agent_directory())
    with create_run(run, config=RunConfig(), image="python", images={"python": "sha256:0"}, seed_code=code) as archive:
        archive.end("finished")
    return run


def test_a_finished_run_that_could_not_be_resumed_is_still_finished(
    command: Inside, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dgm.archive.run import RunState, read_run

    monkeypatch.setenv("DOCKER_HOST", f"unix://{command.runs}/no.sock")
    assert command("resume", "done", "--children", "99").returncode == 4
    with read_run(finished) as run:
        assert (run.state(), run.children_wanted()) == (RunState.FINISHED, 10)


def test_a_replay_for_no_money_is_refused_and_not_taken_for_one_without_a_cap(command: Inside, finished: Path) -> None:
    with_agent = ["replay", finished.name, seed_agent_of(finished)]
    done = command(*with_agent, "--max-cost", "0")
    assert (done.returncode, "max_cost_usd" in done.stderr) == (2, True), done.stderr


def test_a_replay_takes_the_price_of_another_model_from_a_file(
    command: Inside, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = ["replay", finished.name, seed_agent_of(finished), "--model", "openai:other"]
    assert "price of openai:other is unknown" in command(*words).stderr
    file = command.runs / "prices.toml"
    file.write_text('[prices."openai:other"]\ninput_usd = 1.0\noutput_usd = 2.0\n')
    assert "There is no key" in command(*words, "--config", str(file)).stderr


def seed_agent_of(run: Path) -> str:
    from dgm.archive.run import read_run

    with read_run(run) as reader:
        return reader.agent_tree().root.id


@pytest.mark.docker
def test_a_disk_that_is_nearly_full_starts_nothing(command: Inside) -> None:
    path = command.runs / "full.toml"
    path.write_text(f"[sandbox]\nminimum_free_bytes = {2**60}\n")
    done = command("run", "full", "--config", str(path))
    assert done.returncode == 4
    assert "free" in done.stderr


@pytest.mark.docker
def test_a_run_in_use_by_another_process_is_refused(command: Inside) -> None:
    from dgm.archive.run import create_run
    from dgm.boundary.directories import read_agent_directory
    from dgm.config import RunConfig

    code = read_agent_directory(seed_agent_directory())
    run = command.runs / "busy"
    with create_run(run, config=RunConfig(), image="python", images={"python": "sha256:0"}, seed_code=code):
        done = command("resume", "busy")
    assert (done.returncode, "in use" in done.stderr or "another process" in done.stderr) == (3, True), done.stderr


@pytest.mark.docker
def test_a_run_that_was_measured_in_another_image_is_not_gone_on_with(command: Inside) -> None:
    from dgm.archive.run import create_run, read_run
    from dgm.boundary.directories import read_agent_directory
    from dgm.config import RunConfig

    code = read_agent_directory(seed_agent_directory())
    run = command.runs / "elsewhere"
    create_run(run, config=RunConfig(), image="python", images={"python": "sha256:0"}, seed_code=code).close()
    done = command("resume", "elsewhere")
    assert (done.returncode, "was measured in image sha256:0" in done.stderr) == (3, True), done.stderr
    with read_run(run) as reader:
        assert reader.decision_count() == 0
