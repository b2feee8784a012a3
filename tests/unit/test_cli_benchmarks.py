"""The verb `benchmarks`: what is listed without a checkout, and what a check of the controls says."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgm.benchmarks.checking import CheckedTask, Control
from dgm.benchmarks.definition import Definition
from dgm.cli.checked import Checked, Finding
from dgm.core.errors import ConfigError, DgmError, SandboxError
from dgm.core.ids import TaskId
from dgm.core.ports import Benchmark
from dgm.core.stages import Stage
from tests.fakes.benchmark import STUB, FakeBenchmark, tiny_task
from tests.fakes.commands import Answer, answered

TASKS = ("go/ant", "go/bee", "rust/ant", "rust/bee")
EXCLUDED = {TaskId("go/cow"): "its tests need a barn", TaskId("rust/cow"): "its tests need hay"}


Command = Callable[..., Answer]


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Return the verb on a machine without any checkout."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def command(*words: str) -> Answer:
        return answered(capsys, "benchmarks", *words)

    return command


# --- lists -------------------------------------------------------------------------------------------------------


def test_polyglot_is_listed_by_stage_and_language_without_a_checkout(dgm: Command) -> None:
    listed = dgm().out.partition("\npolyglot: ")[2].partition("\npolyglot-mini: ")[0]
    lines = listed.splitlines()
    assert lines[:2] == [
        "224 tasks, 6 images",
        "  stage 1    10 tasks: cpp 1, go 2, java 1, javascript 2, python 2, rust 2",
    ]
    assert "go/dominoes" not in listed


def test_a_list_fits_a_narrow_terminal(dgm: Command) -> None:
    assert max(map(len, (dgm().out + dgm("polyglot").out).splitlines())) <= 80


def test_what_is_left_out_and_what_says_little_is_listed_with_its_cause(dgm: Command) -> None:
    said = " ".join(dgm().out.split())
    assert "excluded java/hangman: its tests need RxJava 2" in said
    assert "javascript/ledger: a task to refactor code that works" in said


def test_a_missing_checkout_is_told_with_how_to_get_it(
    dgm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    said = " ".join(dgm("polyglot").out.split())
    assert f"there is no directory {tmp_path}/cache/dgm/polyglot; `dgm benchmarks fetch polyglot`" in said


def test_a_benchmark_of_one_language_lists_its_tasks(dgm: Command) -> None:
    lines = dgm().out.splitlines()
    assert lines[0] == "katas: 28 tasks, image python"
    assert lines[1].startswith("  stage 1  8 tasks: ferry-lanes, ")


def test_one_benchmark_lists_all_its_tasks(dgm: Command) -> None:
    listed = dgm("polyglot").out.replace(",", " ").split()
    assert len({word for word in listed if "/" in word and word.count("/") == 1 and word[0].isalpha()}) >= 224


def test_tasks_that_are_asked_for_keep_the_number_of_their_stage(dgm: Command) -> None:
    lines = [" ".join(line.split()) for line in dgm("polyglot", "--tasks", "java/h*").out.splitlines()]
    assert lines[:3] == [
        "polyglot: 1 task, 2 images",
        "stage 3 1 task, for the best 2 that resolved more than 40% so far: java 1",
        "java java/house",
    ]


def test_json_has_every_task(dgm: Command) -> None:
    found = {benchmark["name"]: benchmark for benchmark in dgm("--json").json["benchmarks"]}
    polyglot = found["polyglot"]
    assert [len(stage["tasks"]) for stage in polyglot["stages"]] == [10, 49, 165]
    assert [(stage["above"], stage["top"]) for stage in polyglot["stages"]] == [(0.0, None), (0.4, None), (0.4, 2)]
    assert list(polyglot["excluded"]) == ["java/hangman"]
    assert len(polyglot["no_signal"]) == 6
    assert (polyglot["checkout"]["usable"], found["katas"]["checkout"]) == (False, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chess"], "no benchmark 'chess'"),
        (["chek", "katas"], "'chek'"),
        (["check"], "`dgm benchmarks check NAME`"),
        (["fetch"], "`dgm benchmarks fetch NAME`"),
        (["fetch", "katas"], "come with dgm"),
        (["check", "chess"], "no benchmark 'chess'"),
        (["check", "katas", "katas"], "unexpected extra argument"),
        (["check", "katas", "--tasks", "go/*"], "no task 'go/*'"),
        (["check", "katas", "--polyglot-dir", "x"], "leave out --polyglot-dir"),
        (["check", "katas", "--table", "no/such/table.md"], "no directory no/such"),
        (["check", "katas", "--table", "/"], "is a directory"),
        (["check", "polyglot", "--polyglot-dir", "/dev/null"], "no directory /dev/null"),
        (["polyglot", "--tasks", "java/hangman"], "cannot be judged: its tests need RxJava 2"),
        (["polyglot", "--tasks", "java/hang*"], "Task java/hangman of benchmark polyglot cannot be judged"),
        (["polyglot", "--tasks", "stage:4"], "stage:4"),
        (["--tasks", "go/*"], "--tasks goes with"),
        (["fetch", "polyglot", "--tasks", "go/*"], "--tasks goes with"),
        (["katas", "--table", "x.md"], "--table goes with"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(dgm: Command, words: list[str], says: str) -> None:
    answer = dgm(*words)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert says in answer.err


def test_fetching_says_where_the_exercises_are(dgm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch(definition: Definition, directory: Path | None, say: Callable[[str], None]) -> Path:
        say(f"fetching {definition.name}")
        return directory or tmp_path

    monkeypatch.setattr("dgm.benchmarks.checkouts.fetch", fetch)
    answer = dgm("fetch", "polyglot", "--polyglot-dir", str(tmp_path / "here"), "--json")
    assert (answer.err, answer.json) == (
        "fetching polyglot\n",
        {"benchmark": "polyglot", "directory": str(tmp_path / "here")},
    )


# --- checks ------------------------------------------------------------------------------------------------------


class Pond(FakeBenchmark):
    """Four tasks in two languages; go/bee has no signal."""

    def __init__(self, faults: Iterable[DgmError] = (), *, wrong: str = "") -> None:
        known = [tiny_task(name) for name in TASKS]
        known[1] = replace(known[1], task=replace(known[1].task, has_signal=False), reference={"answer.py": STUB})
        broken = [replace(each, reference={}) if each.task.id == wrong else each for each in known]
        super().__init__(known=broken, faults=list(faults))


class Checking:
    """The check of a pond, without containers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.monkeypatch = monkeypatch
        self.definition = Definition(
            directory=directory,
            name="pond",
            image="python",
            stages=(Stage(tuple(map(TaskId, TASKS)), 0.0),),
            excluded=EXCLUDED,
            no_signal={TaskId("go/bee"): "a task to refactor"},
        )

    def of(self, benchmark: Benchmark) -> None:
        """Let the verb check `benchmark`."""

        @contextmanager
        def sandbox(*_: object, **__: object) -> Generator[SimpleNamespace]:
            yield SimpleNamespace(engine=None)

        def answering(answer: object) -> Callable[..., object]:
            def called(*_: object, **__: object) -> object:
                return answer

            return called

        for name, answer in {
            "definition_named": self.definition,
            "benchmark_named": benchmark,
            "building_ahead": "",
            "ensure_image": "sha256:0123",
            "own_commit": "abcdef1",
        }.items():
            self.monkeypatch.setattr(f"dgm.cli.controls.{name}", answering(answer))
        self.monkeypatch.setattr("dgm.cli.controls.docker_sandbox", sandbox)


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dgm: Command) -> Checking:  # noqa: ARG001
    found = Checking(monkeypatch, tmp_path)
    found.of(Pond())
    return found


@pytest.mark.usefixtures("checking")
def test_sound_tasks_are_told_by_language(dgm: Command) -> None:
    answer = dgm("check", "pond")
    rows = [line.split()[:4] for line in answer.out.partition("language")[2].splitlines()[1:4]]
    assert answer.code == 0
    assert rows == [["go", "2", "2", "1"], ["rust", "2", "2", "2"], ["all", "4", "4", "3"]]
    assert answer.out.splitlines()[-1] == "pond: 4 of 4 tasks are sound: reference resolved, stub not."


@pytest.mark.usefixtures("checking")
def test_what_is_excluded_and_what_has_no_signal_is_named(dgm: Command) -> None:
    said = dgm("check", "pond").out
    assert "Excluded: go/cow: its tests need a barn.\n" in said
    assert "No signal, as listed: go/bee: the stub is resolved too.\n" in said


@pytest.mark.usefixtures("checking")
def test_what_is_excluded_is_named_as_far_as_it_was_asked_for(dgm: Command) -> None:
    assert list(dgm("check", "pond", "--tasks", "rust/*", "--json").json["excluded"]) == ["rust/cow"]


def test_a_task_that_is_judged_wrongly_is_an_exit_code_of_its_own(dgm: Command, checking: Checking) -> None:
    checking.of(Pond(wrong="rust/ant"))
    answer = dgm("check", "pond")
    assert (answer.code, answer.out.splitlines()[-1]) == (
        1,
        "pond: 3 of 4 tasks are sound: reference resolved, stub not.",
    )
    assert "WRONG: rust/ant: stub resolved: 0 of 0 tests passed.\n" in answer.out


def test_a_task_that_cannot_be_judged_is_named_and_the_others_are_judged(dgm: Command, checking: Checking) -> None:
    checking.of(Pond([SandboxError("The engine is gone.")]))
    answer = dgm("check", "pond", "--workers", "1")
    assert answer.code == 4
    assert "Not judged: go/ant: The engine is gone.\n" in answer.out
    assert "pond: 3 of 4 tasks" in answer.out


@pytest.mark.usefixtures("checking")
def test_a_check_has_json(dgm: Command) -> None:
    answer = dgm("check", "pond", "--json").json
    bee = answer["tasks"][1]
    assert answer["complete"]
    assert [task["task"] for task in answer["tasks"]] == list(TASKS)
    assert [row["language"] for row in answer["by_language"]] == ["go", "rust", "all"]
    assert {key: bee[key] for key in ("finding", "has_signal", "reference_resolved", "stub_resolved")} == {
        "finding": "ok",
        "has_signal": False,
        "reference_resolved": True,
        "stub_resolved": True,
    }


def interrupted(benchmark: Pond) -> Pond:
    """Return a benchmark whose check is interrupted once half of it is done."""
    grade, done = benchmark.grade, list[TaskId]()

    def or_interrupt(task: TaskId, *arguments: Any, **options: Any) -> Any:
        done.append(task)
        if len(done) > len(TASKS):
            raise KeyboardInterrupt
        return grade(task, *arguments, **options)

    benchmark.grade = or_interrupt  # type: ignore[method-assign]
    return benchmark


def test_an_interrupted_check_shows_what_was_done_and_says_so(dgm: Command, checking: Checking, tmp_path: Path) -> None:
    checking.of(interrupted(Pond()))
    table = tmp_path / "table.md"
    answer = dgm("check", "pond", "--workers", "1", "--table", str(table))
    assert answer.code == 130
    assert "PARTIAL: interrupted after 2 of 4 tasks.\n" in answer.out
    assert "**Partial: interrupted after 2 of 4 tasks.**" in table.read_text()
    assert "| rust | bee | not checked | not checked |  |  |" in table.read_text()


@pytest.mark.usefixtures("checking")
def test_the_table_has_every_task_in_one_order(dgm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm.cli.controls.SystemClock", lambda: SimpleNamespace(monotonic=lambda: 0.0))
    table = tmp_path / "table.md"
    assert dgm("check", "pond", "--tasks", "*", "--table", str(table)).code == 0
    head, _, rest = table.read_text().partition("## By language\n\n")
    assert "abcdef1, " in head
    assert ": `dgm benchmarks check pond --tasks '*' --workers 2`\n- image python: sha256:0123\n" in head
    assert rest.splitlines() == [
        "| language | tasks | reference resolved | stub unresolved | median s | 95 % within s |",
        "| --- | --- | --- | --- | --- | --- |",
        "| go | 2 | 2 | 1 | 0.0 | 0.0 |",
        "| rust | 2 | 2 | 2 | 0.0 | 0.0 |",
        "| all | 4 | 4 | 3 | 0.0 | 0.0 |",
        "",
        "## By task",
        "",
        "| language | task | reference | stub | reference s | stub s |",
        "| --- | --- | --- | --- | --- | --- |",
        "| go | ant | resolved | unresolved | 0.0 | 0.0 |",
        "| go | bee | resolved | resolved (no signal) | 0.0 | 0.0 |",
        "| go | cow | excluded | excluded |  |  |",
        "| rust | ant | resolved | unresolved | 0.0 | 0.0 |",
        "| rust | bee | resolved | unresolved | 0.0 | 0.0 |",
        "| rust | cow | excluded | excluded |  |  |",
        "",
        "## Exceptions",
        "",
        "- go/cow: excluded: its tests need a barn.",
        "- rust/cow: excluded: its tests need hay.",
        "- go/bee: no signal: a task to refactor.",
    ]


def test_median_and_the_slowest_are_of_references_that_were_judged(tmp_path: Path) -> None:
    tasks = tuple(TaskId(f"go/{number:02}") for number in range(21))
    definition = Definition(directory=tmp_path, name="x", image="python", stages=(Stage(tasks, 0.0),))
    base = Control(resolved=False, summary="", seconds=9.0)
    rows = {
        task: CheckedTask(task, base, Control(True if seconds else None, "", float(seconds)))
        for seconds, task in enumerate(tasks)
    }
    checked = Checked(definition, tasks, rows, {})
    (row,) = checked.by_group()
    assert (row.tasks, row.resolved_references, row.median_s, row.most_s) == (21, 20, 10.0, 19.0)
    assert checked.finding(tasks[0]) is Finding.NOT_JUDGED


def test_a_checkout_that_is_there_is_told(dgm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def found(_: Definition, directory: Path) -> Path:
        return directory

    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("dgm.cli.task_listing.require_checkout", found)
    said = " ".join(dgm("polyglot", "--polyglot-dir", str(tmp_path)).out.split())
    assert f"exercises in {tmp_path}, at revision 7e0611e" in said


def test_another_checkout_is_told(dgm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Path:
        raise ConfigError("It is another one.")

    monkeypatch.setattr("dgm.cli.task_listing.require_checkout", refuse)
    assert "exercises  It is another one." in dgm("polyglot", "--tasks", "go/ledger").out


@pytest.mark.docker
def test_a_kata_is_checked_in_containers(dgm: Command, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    answer = dgm("check", "katas", "--tasks", "leap-cake", "--table", str(table), "--json")
    assert (answer.code, [task["finding"] for task in answer.json["tasks"]]) == (0, ["ok"])
    assert "\n- image python: sha256:" in table.read_text()
