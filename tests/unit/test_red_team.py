"""The table of the red-team suite, made of made-up cases and of a small suite."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.red_team_table import (
    Case,
    differences,
    is_honest_by_name,
    result_of,
    summary,
    table_text,
    words_of,
)

pytest_plugins = ["pytester"]

BOMB = Case(0, "tests/escape/test_b.py", "Bombs go off", "a bomb: fork", "is bounded", honest=False, result="held")
USE = Case(1, "tests/escape/test_b.py", "Bombs go off", "threads", "work", honest=True, result="works")
LINK = Case(2, "tests/escape/test_a.py", "What comes out", "a link", "is refused", honest=False, result="SUCCEEDED")
REST = Case(3, "tests/escape/test_a.py", "What comes out", "a pipe", "is refused", honest=False)


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameter", "attack", "expected"),
    [
        ("test_a_memory_bomb_is_killed_at_the_limit", "", "a memory bomb", "is killed at the limit"),
        ("test_a_hostile_tree_is_refused", "a colon", "a hostile tree: a colon", "is refused"),
        ("test_what_is_no_http_is_refused", "", "what is no http", "is refused"),
        ("test_no_address_can_be_reached", "port", "port", "no address can be reached"),
        ("test_it_ends", "", "it ends", "it ends"),
    ],
)
def test_a_name_says_the_attack_and_what_has_to_become_of_it(
    name: str, parameter: str, attack: str, expected: str
) -> None:
    words = words_of(name, parameter=parameter)
    assert (words.attack, words.expected) == (attack, expected)


def test_what_a_test_calls_its_attack_goes_before_its_name() -> None:
    words = words_of("test_the_root_is_read_only", parameter="now", attack="writing to the root")
    assert (words.attack, words.expected) == ("writing to the root: now", "the root is read only")


@pytest.mark.parametrize(
    ("name", "honest"),
    [
        ("test_a_right_solution_scores", True),
        ("test_the_reference_resolves", True),
        ("test_what_the_compiler_said_is_told", True),
        ("test_a_wrong_solution_does_not_score", False),
        ("test_running_out_of_time_is_told", False),
    ],
)
def test_a_name_can_say_that_a_use_is_honest(name: str, honest: bool) -> None:
    assert is_honest_by_name(name) is honest


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "phase", "honest", "result"),
    [
        ("passed", "call", False, "held"),
        ("failed", "call", False, "SUCCEEDED"),
        ("passed", "call", True, "works"),
        ("failed", "call", True, "BROKEN"),
        ("failed", "setup", False, "not run (its setup failed)"),
        ("failed", "teardown", False, "not run (its teardown failed)"),
        ("skipped", "setup", False, "not run (only root can)"),
        ("passed", "setup", False, None),
        ("passed", "teardown", True, None),
    ],
)
def test_a_phase_of_a_test_tells_what_became_of_its_case(
    outcome: str, phase: str, honest: bool, result: str | None
) -> None:
    assert result_of(outcome, phase=phase, honest=honest, reason="only root can") == result


def test_the_summary_counts_what_succeeded_what_broke_and_what_was_not_run() -> None:
    assert summary([BOMB, USE, LINK, REST]) == (
        "**3 attacks, 1 succeeded. 1 honest uses that must keep working, 0 broken. 1 not run.**"
    )


# --- table -----------------------------------------------------------------------------------------------------------

TABLE = """\
# Red team

**3 attacks, 1 succeeded. 1 honest uses that must keep working, 0 broken. 1 not run.**

Written by `scripts/red-team`: a row for each case of `tests/escape/`.

## What comes out

`tests/escape/test_a.py`

| attack | what must hold | result |
|---|---|---|
| a link | is refused | SUCCEEDED |
| a pipe | is refused | not run |

## Bombs go off

`tests/escape/test_b.py`

| attack | what must hold | result |
|---|---|---|
| a bomb: fork | is bounded | held |

| honest use | what must hold | result |
|---|---|---|
| threads | work | works |
"""


def test_the_table_has_a_heading_for_each_file_and_a_row_for_each_case() -> None:
    assert table_text([BOMB, USE, LINK, REST]) == TABLE


def test_the_table_is_the_same_in_whatever_order_cases_end() -> None:
    assert table_text([REST, USE, BOMB, LINK]) == TABLE


@pytest.mark.parametrize(
    ("attack", "cell"),
    [("a|b", r"a\|b"), ("`x`", r"\`x\`"), ("<b>", r"\<b\>"), ("a\nb", "a b"), ("\u202e", r"\\u202e"), ("\x1b[", r"\[")],
)
def test_what_hostile_things_are_called_is_shown_as_it_is(attack: str, cell: str) -> None:
    rows = table_text([replace(BOMB, attack=attack)]).splitlines()
    assert rows[-1].replace("\x1b", "") == f"| {cell} | is bounded | held |"


def test_a_case_survives_the_way_between_processes() -> None:
    assert Case.from_json(LINK.to_json()) == LINK


def test_equal_tables_do_not_differ() -> None:
    assert differences(TABLE, TABLE) == []


def test_a_row_too_much_and_a_row_too_few_are_told() -> None:
    made = TABLE.replace("| a link |", "| a new link |")
    assert differences(TABLE, made)[2:] == [
        "-| a link | is refused",
        "+| a new link | is refused",
    ]


def test_what_a_machine_cannot_run_is_no_difference() -> None:
    not_run = TABLE.replace("| is bounded | held |", "| is bounded | not run (only root can) |")
    assert not_run != TABLE
    assert differences(TABLE, not_run) == []


# --- a small suite ---------------------------------------------------------------------------------------------------

SUITE = '''
"""Small attacks."""
import pytest

def test_a_small_bomb_is_bounded(): pass

@pytest.mark.parametrize("how", ["one", "two"])
@pytest.mark.attack("breaking out")
def test_nothing_gets_out(how): assert how != FAILING

@pytest.mark.honest
def test_a_plain_tree_comes_out(): pass

@pytest.mark.skip(reason="only root can")
def test_a_device_is_refused(): pass
'''
MADE = """\
# Red team

**4 attacks, 0 succeeded. 1 honest uses that must keep working, 0 broken. 1 not run.**

Written by `scripts/red-team`: a row for each case of `tests/escape/`.

## Small attacks

`tests/escape/test_small.py`

| attack | what must hold | result |
|---|---|---|
| a small bomb | is bounded | held |
| breaking out: one | nothing gets out | held |
| breaking out: two | nothing gets out | held |
| a device | is refused | not run (only root can) |

| honest use | what must hold | result |
|---|---|---|
| a plain tree | comes out | works |
"""
OPTIONS = ("-p", "no:cacheprovider", "-p", "tests.red_team", "-W", "ignore::pytest.PytestUnknownMarkWarning")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with one small suite, in which every attack is held."""
    # Each run inside this one would import all installed plugins anew.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    written(pytester, failing="")
    (pytester.path / "tests" / "test_else.py").write_text("def test_else(): pass\n")
    return pytester


def written(pytester: pytest.Pytester, *, failing: str) -> None:
    directory = pytester.path / "tests" / "escape"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "test_small.py").write_text(SUITE.replace("FAILING", repr(failing)))


def run(suite: pytest.Pytester, *words: str) -> pytest.RunResult:
    return suite.runpytest_inprocess(*OPTIONS, *words)


@pytest.mark.parametrize("paths", [(), ("tests",), ("tests/escape",)], ids=["all tests", "tests", "the suite"])
def test_a_whole_run_writes_its_table(suite: pytest.Pytester, paths: tuple[str, ...]) -> None:
    suite.makepyprojecttoml('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    assert run(suite, "--red-team-table", "docs/red-team.md", *paths).ret == pytest.ExitCode.OK
    assert (suite.path / "docs" / "red-team.md").read_text() == MADE


@pytest.mark.slow
def test_processes_side_by_side_write_the_same_table(suite: pytest.Pytester) -> None:
    assert run(suite, "--red-team-table", "table.md", "-p", "xdist", "-n2", "tests").ret == pytest.ExitCode.OK
    assert (suite.path / "table.md").read_text() == MADE


@pytest.mark.parametrize(
    "selection",
    [("-k", "bomb", "tests"), ("tests/escape/test_small.py",), ("--deselect", "x", "tests"), ("--co", "tests")],
)
def test_a_part_of_the_suite_never_writes_the_table(suite: pytest.Pytester, selection: tuple[str, ...]) -> None:
    assert run(suite, "--red-team-table", "table.md", *selection).ret == pytest.ExitCode.USAGE_ERROR
    assert not (suite.path / "table.md").exists()


def test_a_run_that_stops_early_writes_no_table(suite: pytest.Pytester) -> None:
    written(suite, failing="one")
    assert run(suite, "--red-team-table", "table.md", "-x", "tests").ret == pytest.ExitCode.TESTS_FAILED
    assert not (suite.path / "table.md").exists()


def test_an_attack_that_succeeds_is_in_the_table(suite: pytest.Pytester) -> None:
    written(suite, failing="two")
    run(suite, "--red-team-table", "table.md", "tests")
    assert "| breaking out: two | nothing gets out | SUCCEEDED |" in (suite.path / "table.md").read_text()


def test_a_committed_table_that_is_as_the_run_is_passed_over(suite: pytest.Pytester) -> None:
    (suite.path / "table.md").write_text(MADE)
    assert run(suite, "--red-team-check", "table.md", "tests").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("committed", ["", MADE.replace("| breaking out: two | nothing gets out | held |\n", "")])
def test_a_committed_table_that_is_not_as_the_run_fails_it(suite: pytest.Pytester, committed: str) -> None:
    (suite.path / "table.md").write_text(committed)
    result = run(suite, "--red-team-check", "table.md", "tests")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*table.md is not what this run gave*", "+| breaking out: two | *"])


def test_a_missing_table_fails_a_whole_run(suite: pytest.Pytester) -> None:
    assert run(suite, "--red-team-check", "table.md", "tests").ret == pytest.ExitCode.TESTS_FAILED


def test_a_part_of_the_suite_is_compared_with_nothing(suite: pytest.Pytester) -> None:
    (suite.path / "table.md").write_text("")
    assert run(suite, "--red-team-check", "table.md", "-k", "bomb", "tests").ret == pytest.ExitCode.OK


# --- the suite itself ------------------------------------------------------------------------------------------------

ESCAPE = Path(__file__).parents[1] / "escape"
INCIDENTS = {
    "DGM: a symbolic link was followed out of the tree": "test_copy_out.py::test_a_link_out_of_the_tree_brings_",
    "DGM: node 114 removed the marks that its detector read": "test_observers.py::test_a_transcript_is_the_",
    "Berkeley: ten lines of conftest.py": "test_scoring.py::test_files_beside_the_solution_change_nothing",
    "SWE-bench Pro: answers in git's history": "test_repository.py::test_no_object_tells_of_later_commits",
    "seven agents: core.fsmonitor of a repository": "test_repository.py::test_nothing_that_an_agent_left_runs",
    "SWE-ReX: a reply names code of the host": "test_incidents.py::test_a_reply_of_a_container_is_parsed_",
    "SICA: keys in images": "test_incidents.py::test_no_image_of_ours_holds_a_variable_",
    "SICA: the archive mounted to be written to": "test_incidents.py::test_no_container_has_a_place_of_the_host_",
    "HyperAgents: the host's network": "test_incidents.py::test_no_container_has_a_network",
}


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_incident_that_others_had_has_its_case(incident: str) -> None:
    file, name = INCIDENTS[incident].split("::")
    assert f"def {name}" in (ESCAPE / file).read_text("utf-8")


def test_the_script_writes_the_table_of_the_whole_suite() -> None:
    script = Path(__file__).parents[2] / "scripts" / "red-team"
    assert "--red-team-table docs/red-team.md" in script.read_text("utf-8")
