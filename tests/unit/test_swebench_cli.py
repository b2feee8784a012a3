"""SWE-bench on the command line: lists, checks of controls, and what a recorded run is measured again with."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgm.archive.run import create_run
from dgm.benchmarks.catalogue import benchmark_of, with_records
from dgm.cli.replaying import replay_config
from dgm.cli.settings import said_now, swebench_options
from dgm.config import RunConfig, SweBench
from dgm.core.errors import ConfigError
from dgm.core.tasks import Grade
from dgm.wiring import require_stock_said, with_checkout
from dgm.wiring.checkouts import with_absolute_checkout
from dgm.wiring.images import LatePin
from tests.fakes.commands import Answer, answered
from tests.fakes.records import GOLD_PATCH, record, write_records
from tests.fakes.runs import SEED_CODE

PYTHON = "sha256:" + "1" * 64
NAMES = ("pond__pond-1", "pond__pond-2", "lake__lake-3")


Command = Callable[..., Answer]


def answering(answer: str) -> Callable[..., str]:
    """Return a function that always gives one answer."""

    def called(*_: object, **__: object) -> str:
        return answer

    return called


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Return the command on a machine where no dataset was fetched."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def command(*words: str) -> Answer:
        return answered(capsys, *words)

    return command


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    return write_records(tmp_path / "waters.jsonl", [record(name) for name in NAMES])


# --- lists -------------------------------------------------------------------------------------------------------


def test_the_papers_subsets_are_listed_by_repository_without_a_network(dgm: Command) -> None:
    lines = [" ".join(line.split()) for line in dgm("benchmarks").out.partition("\nswebench: ")[2].splitlines()]
    assert lines[:5] == [
        "200 tasks, 201 images",
        "stage 1 10 tasks: django/django 10",
        "stage 2 50 tasks, for agents that resolved more than 40% so far: django/django 25, sphinx-doc/sphinx 25",
        "stage 3 140 tasks, for the best 2 that resolved more than 40% so far: astropy/astropy 22, django/django 118",
        "dataset SWE-bench/SWE-bench_Verified, not here yet; fetched when first needed",
    ]


def test_a_local_dataset_is_listed_with_its_instances(dgm: Command, dataset: str) -> None:
    answer = dgm("benchmarks", "swebench", "--swebench-dataset", dataset, "--tasks", "repo:pond/*")
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines == [
        "swebench: 2 tasks, 3 images",
        "stage 1 2 tasks: pond/pond 2",
        "pond/pond pond__pond-1, pond__pond-2",
        f"dataset {dataset}, here",
        "--tasks small, medium, big, repo:NAME, difficulty:WORDS, and any id of the dataset, in a stage or not",
    ]


def test_instances_outside_of_the_stages_are_listed_after_them(dgm: Command, tmp_path: Path) -> None:
    (tmp_path / "cache" / "dgm" / "swebench" / "datasets").mkdir(parents=True)
    kept = tmp_path / "cache" / "dgm" / "swebench" / "datasets" / "SWE-bench__SWE-bench_Verified@test.jsonl"
    staged = [
        task
        for stage in dgm("benchmarks", "swebench", "--json").json["benchmarks"][0]["stages"]
        for task in stage["tasks"]
    ]
    write_records(kept, [record(name) for name in (*staged, "pond__pond-1")])
    (found,) = dgm("benchmarks", "swebench", "--tasks", "pond*,stage:2", "--json").json["benchmarks"]
    assert [(stage["number"], len(stage["tasks"])) for stage in found["stages"]] == [(2, 50), (4, 1)]
    assert found["dataset"] == {"name": "SWE-bench/SWE-bench_Verified", "here": True}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["benchmarks", "katas", "--swebench-stock"], "leave out --swebench-dataset and --swebench-stock"),
        (["benchmarks", "check", "katas", "--swebench-dataset", "x"], "leave out --swebench-dataset"),
        (["benchmarks", "check", "swebench", "--polyglot-dir", "x"], "leave out --polyglot-dir"),
        (["benchmarks", "fetch", "swebench", "--swebench-dataset", "x.json"], "there is nothing to fetch"),
        (["benchmarks", "swebench", "--swebench-dataset", "x.json"], "x.json is not a file"),
        (["benchmarks", "swebench", "--swebench-dataset", "a/b/c"], "a/b/c is no dataset"),
        (["run", "--swebench-stock"], "go with --benchmark swebench"),
        (["estimate", "--swebench-dataset", "x.json"], "go with --benchmark swebench"),
        (["run", "--benchmark", "swebench", "--swebench-dataset", "x.json"], "x.json is not a file"),
        (["estimate", "--benchmark", "swebench", "--tasks", "tiny,small"], "--swebench-dataset"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    dgm: Command, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.setattr("dgm.benchmarks.swebench.datasets._run_loader", answering("no network"))
    answer = dgm(*words)
    assert (answer.code in {2, 4}, answer.out, answer.err.count("\n")) == (True, "", 1)
    assert says in answer.err


# --- checks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let gold patches be resolved by a judge without containers, and return the sessions of what it judged."""
    sessions: list[str] = []

    @contextmanager
    def sandbox(*_: object, pin: Callable[[str, str], None], **__: object) -> Generator[SimpleNamespace]:
        pin("example/pond__pond-1:1", "sha256:4567")
        yield SimpleNamespace(engine=None)

    def grade_patch(_: object, __: object, patch: str, *, session: str, **___: object) -> Grade:
        sessions.append(session)
        return Grade(resolved=patch == GOLD_PATCH, summary="F2P 1 of 1")

    monkeypatch.setattr("dgm.benchmarks.swebench.judge.Judging.grade_patch", grade_patch)
    monkeypatch.setattr("dgm.cli.controls.docker_sandbox", sandbox)
    monkeypatch.setattr("dgm.cli.controls.building_ahead", answering(""))
    monkeypatch.setattr("dgm.cli.controls.ensure_image", answering("sha256:0123"))
    return sessions


def test_a_check_judges_the_gold_patch_and_a_useless_one(
    dgm: Command, dataset: str, judged: list[str], tmp_path: Path
) -> None:
    table = tmp_path / "table.md"
    words = ["--swebench-dataset", dataset, "--tasks", "pond__pond-1,lake*", "--table", str(table)]
    answer = dgm("benchmarks", "check", "swebench", *words)
    assert answer.code == 0
    assert len(judged) == 4
    rows = [line.split()[:4] for line in answer.out.partition("repository")[2].splitlines()[1:4]]
    assert rows == [["lake/lake", "1", "1", "1"], ["pond/pond", "1", "1", "1"], ["all", "2", "2", "2"]]
    assert "Of instances, reference is the gold patch, stub a patch that does nothing.\n" in answer.out
    text = table.read_text()
    assert "- instances: waters.jsonl; reference is the gold patch" in text
    assert "- image example/pond__pond-1:1: sha256:4567\n- image python: sha256:0123\n" in text
    assert "| pond/pond | pond__pond-1 | resolved | unresolved |" in text
    assert "without network" in text


@pytest.mark.usefixtures("judged")
def test_a_check_in_stock_containers_says_so(dgm: Command, dataset: str, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    words = ["--swebench-dataset", dataset, "--swebench-stock", "--table", str(table)]
    assert dgm("benchmarks", "check", "swebench", *words).code == 0
    assert "with network" in table.read_text()
    assert "`dgm benchmarks check swebench --workers 2 --swebench-stock`" in table.read_text()


@pytest.mark.usefixtures("judged")
def test_a_check_has_json_by_repository(dgm: Command, dataset: str) -> None:
    answer = dgm("benchmarks", "check", "swebench", "--swebench-dataset", dataset, "--json").json
    assert [row["repository"] for row in answer["by_repository"]] == ["lake/lake", "pond/pond", "all"]
    assert [task["repository"] for task in answer["tasks"]] == ["pond/pond", "pond/pond", "lake/lake"]


# --- recorded runs -----------------------------------------------------------------------------------------------


def measured_on(dataset: str, **swebench: object) -> RunConfig:
    return RunConfig(benchmark="swebench", swebench=SweBench.model_validate({"dataset": dataset, **swebench}))


def said(**swebench: object) -> RunConfig:
    return RunConfig(swebench=SweBench.model_validate(swebench))


def test_a_run_names_its_dataset_for_anywhere(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_absolute_checkout(measured_on("waters.jsonl")) == measured_on(dataset)
    assert with_absolute_checkout(measured_on("pond/waters")) == measured_on("pond/waters")


def test_a_dataset_that_was_moved_can_be_named_again(dataset: str) -> None:
    recorded = measured_on("/gone/waters.jsonl", records_hash="0" * 64, stock=True, split="dev")
    assert with_checkout(recorded, said(grading_timeout_s=1.0, hints=True)) == recorded
    assert with_checkout(recorded, said(dataset=dataset)).swebench == recorded.swebench.model_copy(
        update={"dataset": dataset}
    )


def test_containers_without_our_limits_are_only_used_where_the_user_says_so_again(dataset: str) -> None:
    require_stock_said(measured_on(dataset), said())
    require_stock_said(measured_on(dataset, stock=True), said(stock=True))
    require_stock_said(RunConfig(swebench=SweBench(stock=True)), said())
    with pytest.raises(ConfigError, match="say --swebench-stock to go on like that"):
        require_stock_said(measured_on(dataset, stock=True), said())
    with pytest.raises(ConfigError, match="leave out --swebench-stock"):
        require_stock_said(measured_on(dataset), said(stock=True))


def test_options_that_are_not_given_say_nothing() -> None:
    assert said_now(None, None, None, swebench_options(None, stock=False)).model_fields_set == set()
    given = said_now(None, None, None, swebench_options("x.json", stock=True))
    assert given.swebench.model_dump(exclude_unset=True) == {"dataset": "x.json", "stock": True}


def test_a_replay_checks_records_only_where_the_same_are_meant(dataset: str) -> None:
    recorded = measured_on(dataset, records_hash="0" * 64)
    assert replay_config(recorded, said(), {}).swebench.records_hash == "0" * 64
    assert replay_config(recorded, said(), {"tasks": ["pond__pond-1"]}).swebench.records_hash == ""
    assert replay_config(recorded, said(dataset="other.json"), {}).swebench.records_hash == ""


@pytest.fixture
def run(dataset: str, tmp_path: Path) -> str:
    """Return a recorded run that somebody made, and whose dataset is a file."""
    config = measured_on(dataset, stock=False)
    return recorded_run(tmp_path / "runs" / "theirs", with_records(config, benchmark_of(config)))


def recorded_run(directory: Path, config: RunConfig) -> str:
    archive = create_run(directory, config=config, image="python", images={"python": PYTHON}, seed_code=SEED_CODE)
    agent = archive.agent_tree().root.id
    archive.close()
    return agent


def words_for(verb: str, agent: str, runs: Path) -> list[str]:
    return [verb, "theirs", "--runs-dir", str(runs), *([agent] if verb == "replay" else ["--yes"])]


@pytest.mark.parametrize(("verb", "more"), [("resume", []), ("replay", []), ("replay", ["--tasks", "lake__lake-3"])])
def test_other_records_than_the_runs_are_refused(
    dgm: Command, run: str, dataset: str, tmp_path: Path, verb: str, more: list[str]
) -> None:
    write_records(Path(dataset), [record(NAMES[0], eval_script="true\n"), *map(record, NAMES[1:])])
    answer = dgm(*words_for(verb, run, tmp_path / "runs"), *more)
    assert (answer.code, answer.out) == (2, "")
    assert "does not hold the records that this run was measured with" in answer.err


@pytest.mark.parametrize("verb", ["resume", "replay"])
def test_a_strangers_run_gets_no_containers_without_our_limits(
    dgm: Command, dataset: str, tmp_path: Path, verb: str
) -> None:
    agent = recorded_run(tmp_path / "runs" / "theirs", measured_on(dataset, stock=True))
    answer = dgm(*words_for(verb, agent, tmp_path / "runs"))
    assert (answer.code, answer.out) == (2, "")
    assert "say --swebench-stock" in answer.err


@pytest.mark.parametrize("verb", ["resume", "replay"])
def test_of_a_file_that_a_strangers_run_names_nothing_is_told_but_its_path(
    dgm: Command, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "diary.json").write_text('["nobodys-business"]')
    agent = recorded_run(tmp_path / "runs" / "theirs", measured_on(str(tmp_path / "diary.json")))
    answer = dgm("--debug", *words_for(verb, agent, tmp_path / "runs"))
    assert answer.code == 2
    assert f"Record 1 of {tmp_path}/diary.json is not an object" in answer.err
    assert "nobodys-business" not in answer.err


def test_swebench_has_one_attempt(dgm: Command, run: str, tmp_path: Path) -> None:
    answer = dgm(*words_for("replay", run, tmp_path / "runs"), "--attempts", "2")
    assert (answer.code, answer.out) == (2, "")
    assert "leave out --attempts 2" in answer.err


def test_images_of_tasks_are_recorded_once_there_is_a_run() -> None:
    pin, recorded = LatePin(), dict[str, str]()
    pin("a:1", "sha256:1")
    pin.record = recorded.__setitem__
    pin("b:1", "sha256:2")
    assert recorded == {"b:1": "sha256:2"}
