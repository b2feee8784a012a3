"""How the command line fails, and what it costs to start."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from dgm.cli.main import run_command
from dgm.cli.runs import existing_run_directory, new_run_directory, run_directories
from dgm.core.errors import ConfigError, RunExistsError, UnknownNameError
from tests.fakes.runs import new_run

READING = ["runs", "status", "tree", "best", "show", "lineage", "diff", "checkout"]
VERBS = [
    "run",
    "resume",
    "review",
    "pause",
    "stop",
    "estimate",
    "simulate",
    *READING,
    "replay",
    "transcript",
    "grading",
    "check",
    "benchmarks",
    "images",
    "gc",
    "doctor",
]


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--help"]) == 0
    listed = [
        line.split()[0] for line in capsys.readouterr().out.partition("Commands:")[2].splitlines() if line.strip()
    ]
    assert sorted(listed) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert (run_command([verb, "--help"]), capsys.readouterr().err) == (0, "")


def test_nothing_but_the_name_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out == "dgm 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["tree", "--nope"], "No such option: --nope"),
        (["show"], "Missing argument 'RUN'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert run_command(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"dgm: {sentence}")


def break_runs(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(_: Path | None) -> list[Path]:
        raise error

    monkeypatch.setattr("dgm.cli.runs.run_directories", broken)


def test_an_unexpected_error_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_runs(monkeypatch, RuntimeError("first line\nsecond \x1b[31mline"))
    assert run_command(["runs"]) == 1
    assert capsys.readouterr().err == (
        "dgm: Unexpected RuntimeError: first line second line; `dgm --debug ...` shows where.\n"
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_fault_of_the_machine_wherever_it_is_met(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    break_runs(monkeypatch, OSError(number, "full", "/runs/one"))
    assert run_command(["runs"]) == 4
    assert capsys.readouterr().err == "dgm: The disk is full (/runs/one).\n"


def test_debug_shows_nothing_of_an_error_that_a_terminal_would_obey(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_runs(monkeypatch, RuntimeError("bro\x1b]0;owned\x07ken \u202e"))
    assert run_command(["--debug", "runs"]) == 1
    shown = capsys.readouterr().err
    assert "RuntimeError: broken" in shown
    assert "owned" not in shown
    assert shown.replace("\n", "").isprintable()


def test_debug_shows_where(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    break_runs(monkeypatch, RuntimeError("broken"))
    assert run_command(["--debug", "runs"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_ends_with_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    break_runs(monkeypatch, KeyboardInterrupt())
    assert run_command(["runs"]) == 130


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    for number in range(3):
        new_run(tmp_path / f"run-{number}").close()
    argv = [
        sys.executable,
        "-c",
        "from dgm.cli.main import main; main()",
        "runs",
        "--json",
        "--runs-dir",
        str(tmp_path),
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() == 1


def test_help_loads_no_heavy_library() -> None:
    script = (
        "import sys\nfrom dgm.cli.main import run_command\nrun_command(['--help'])\n"
        "heavy = {'git', 'docker', 'pydantic', 'rich', 'openai', 'starlette', 'uvicorn', 'sqlite3'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_tree_is_shown_without_loading_benchmarks_or_arrays(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    script = (
        "import sys\nfrom dgm.cli.main import run_command\n"
        f"assert run_command(['tree', {str(tmp_path / 'run')!r}]) == 0\n"
        "slow = {'dgm.benchmarks.catalogue', 'numpy'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_new_run_gets_the_next_free_number(tmp_path: Path) -> None:
    (tmp_path / "katas-1").mkdir()
    (tmp_path / "katas-3").mkdir()
    assert new_run_directory(None, benchmark="katas", runs=tmp_path) == tmp_path / "katas-2"


def test_a_new_run_can_have_a_path_for_a_name(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "mine"
    assert new_run_directory(str(place), benchmark="katas", runs=tmp_path / "runs") == place


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-x", "a b", "ä", "x" * 65, "a\n"])
def test_what_is_no_name_for_a_run_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no name for a run"):
        new_run_directory(name, benchmark="katas", runs=tmp_path)


def test_the_name_of_a_run_that_exists_is_refused(tmp_path: Path) -> None:
    new_run(tmp_path / "taken").close()
    with pytest.raises(RunExistsError, match="`dgm resume taken`"):
        new_run_directory("taken", benchmark="katas", runs=tmp_path)


def test_what_a_crash_left_half_made_is_not_listed(tmp_path: Path) -> None:
    new_run(tmp_path / "whole").close()
    new_run(tmp_path / ".half.x.new").close()
    assert run_directories(tmp_path) == [tmp_path / "whole"]


def test_a_run_in_the_working_directory_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(tmp_path / "here").close()
    monkeypatch.chdir(tmp_path)
    assert existing_run_directory("here", runs=tmp_path / "runs") == Path("here")


def test_a_name_means_a_run_below_the_runs_directory_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(tmp_path / "same").close()
    new_run(tmp_path / "runs" / "same").close()
    monkeypatch.chdir(tmp_path)
    assert existing_run_directory("same", runs=tmp_path / "runs") == tmp_path / "runs" / "same"


def test_many_runs_are_not_all_listed_in_one_sentence(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"run-{number:02}").mkdir()
        (tmp_path / f"run-{number:02}" / "archive.db").touch()
    with pytest.raises(UnknownNameError, match="and 2 more"):
        existing_run_directory("nope", runs=tmp_path)
