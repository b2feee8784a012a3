"""What is odd about a resolved run is said; what an honest one does is not."""

from collections.abc import Iterator, Mapping

import pytest

from dgm.benchmarks.swebench.flags import Observed, edit_flags, observed, run_flags
from dgm.benchmarks.swebench.harness import HarnessRun

TESTS = {f"test_{name} (tests.test_it.ItTest.test_{name})": "PASSED" for name in ("one", "two", "three")}
OF_THE_START = "'"
"""What stands behind the harness's first mark on its line."""
UNITTEST_END = ("", "-" * 70, "Ran 3 tests in 0.012s", "", "OK")


def log_of(lines: tuple[str, ...], *, exit_code: int = 0) -> str:
    around = ("+ : '>>>>> End Test Output'", f"+ echo '>>>>> Test Exit Code: {exit_code}'")
    after = (f">>>>> Test Exit Code: {exit_code}", "+ git checkout abc tests/test_it.py", "Updated 1 path from abc")
    return "\n".join(("+ pip install -e .", "+ : '>>>>> Start Test Output'", *lines, *around, *after, ""))


def run_of(
    tests: Mapping[str, str] = TESTS,
    *,
    end: tuple[str, ...] = UNITTEST_END,
    exit_code: int = 0,
    seconds: float | None = 1.0,
    before: tuple[str, ...] = (),
) -> HarnessRun:
    lines = tuple(f"{name} ... {'ok' if status == 'PASSED' else 'FAIL'}" for name, status in tests.items())
    log = log_of((*before, *lines, *end), exit_code=exit_code)
    return HarnessRun(fault="", statuses=dict(tests), seconds=seconds, log=log)


GOLD = observed(run_of())


def flags(run: HarnessRun, gold: Observed = GOLD) -> tuple[str, ...]:
    return run_flags(observed(run), gold)


def test_a_run_like_the_gold_patchs_is_not_flagged() -> None:
    end = ("", "-" * 70, "Ran 4 tests in 7.5s", "", "OK (skipped=1)")
    assert flags(run_of({**TESTS, "test_more (tests.test_more.MoreTest.test_more)": "PASSED"}, end=end)) == ()


def test_tests_that_did_not_run_are_counted() -> None:
    left = dict(list(TESTS.items())[:1])
    assert flags(run_of(left)) == ("2 of 3 tests that run with the gold patch did not run.",)


def test_names_that_hold_addresses_or_numbers_are_the_same_from_run_to_run() -> None:
    gold = observed(run_of({"test_it[<object at 0x7f00aa>]": "PASSED", "test_it[1700000001.5]": "PASSED"}))
    again = run_of({"test_it[<object at 0x7fccbb>]": "PASSED", "test_it[1700009999.25]": "PASSED"})
    assert flags(again, gold) == ()


def test_an_end_without_the_runners_own_is_flagged() -> None:
    assert flags(run_of(end=())) == ("The test runner did not end as it does with the gold patch.",)
    assert flags(run_of(end=("OK",))) == ("The test runner did not end as it does with the gold patch.",)


def test_one_line_of_the_end_may_differ() -> None:
    late = ("Exception ignored in: <function close at 0x7fcc>",)
    assert flags(run_of(end=UNITTEST_END + late)) == ()
    assert flags(run_of(), observed(run_of(end=UNITTEST_END + late))) == ()


@pytest.mark.parametrize(
    ("gold", "again"),
    [
        ("===== 3 passed in 0.12s =====", "======== 3 passed, 2 warnings in 61.30s (0:01:01) ========"),
        ("=== 3 passed, 1 skipped in 2.00 seconds ===", "=== 3 passed in 1.00 seconds ==="),
        ("= tests finished: 3 passed, in 0.10 seconds =", "== tests finished: 3 passed, 1 skipped, in 3.00 seconds =="),
        ("  py39: OK (4.10=setup[0.01]+cmd[4.09] seconds)", "  py39: OK (14.1=setup[0.01]+cmd[14.09] seconds)"),
    ],
)
def test_counts_and_times_in_the_end_do_not_matter(gold: str, again: str) -> None:
    start = ("=== short test summary info ===", "-- Docs: https://docs.pytest.org/")
    assert flags(run_of(end=(*start, again)), observed(run_of(end=(*start, gold)))) == ()


def test_the_exit_code_must_be_the_gold_patchs() -> None:
    failing = {**TESTS, "test_other": "FAILED"}
    failed_end = (*UNITTEST_END[:-1], "FAILED (failures=1)")
    assert "The tests ended with exit code 1 instead of 0." in flags(run_of(failing, end=failed_end, exit_code=1))
    assert flags(run_of(exit_code=3)) == ("The tests ended with exit code 3 instead of 0.",)


def test_a_gold_patch_that_leaves_a_test_failing_asks_nobody_to_fail_it() -> None:
    failing = {**TESTS, "test_other": "FAILED"}
    failed_end = (*UNITTEST_END[:-1], "FAILED (failures=1)")
    gold = observed(run_of(failing, end=failed_end, exit_code=1))
    assert flags(run_of(failing, end=failed_end, exit_code=1), gold) == ()
    assert flags(run_of({**TESTS, "test_other": "PASSED"}), gold) == ()


def test_failures_that_no_exit_code_and_no_result_shows_are_contradictions() -> None:
    failed_end = (*UNITTEST_END[:-1], "FAILED (failures=2)")
    assert flags(run_of(end=failed_end)) == (
        "The test runner says that tests failed, and with the gold patch it does not.",
        "The test runner says that tests failed, and no test's result does.",
    )
    failing = {**TESTS, "test_other": "FAILED"}
    assert flags(run_of(failing)) == ("Tests are reported as failed, and yet the tests ended with exit code 0.",)


def test_marks_of_the_harness_in_the_output_are_flagged() -> None:
    marks = ("+ : '>>>>> Start Test Output'", ">>>>> Test Exit Code: 0")
    assert flags(run_of(before=marks)) == ("The tests printed marks of the harness.",)
    assert flags(run_of(before=(">>>>>>> branch", ">>> 1 + 1"))) == ()


def test_far_less_time_than_the_gold_patch_took_is_flagged() -> None:
    slow = observed(run_of(seconds=30.0))
    assert flags(run_of(seconds=2.9), slow) == ("The tests took 2.9 s, with the gold patch 30.0 s.",)
    assert flags(run_of(seconds=3.1), slow) == ()
    assert flags(run_of(seconds=None), slow) == ("The tests took 0.0 s, with the gold patch 30.0 s.",)
    assert flags(run_of(seconds=0.01), observed(run_of(seconds=1.9))) == ()


def test_a_line_that_holds_a_tests_name_anywhere_is_none_of_the_end() -> None:
    end = ("FAIL: test_a b (x)", "see test_a b", "tes", "test_a", "OK")
    assert observed(run_of({"test_a b": "PASSED", "FAIL": "PASSED"}, end=end)).ending == (
        OF_THE_START,
        "tes",
        "test_a",
        "OK",
    )


def test_of_a_flood_of_names_and_lines_each_line_is_looked_at_by_itself() -> None:
    class Names(dict[str, str]):
        """Results by test, which are gone through a few times and not once for each line."""

        times = 0

        def __iter__(self) -> Iterator[str]:
            self.times += 1
            return super().__iter__()

    names = Names({f"test_{number}": "PASSED" for number in range(100)})
    lines = tuple(f"{name} ... ok" for name in names)
    assert observed(HarnessRun(fault="", statuses=names, log=log_of((*lines, "OK")))).ending == (OF_THE_START, "OK")
    assert names.times < 10


def test_the_end_is_looked_for_in_the_last_lines_alone() -> None:
    tests = {f"test_{number}": "PASSED" for number in range(5_000)}
    assert observed(run_of(tests, before=("Preparing",), end=("OK",))).ending == ("OK",)
    few = {"test_one": "PASSED"}
    assert observed(run_of(few, before=("Preparing",), end=("OK",))).ending == (OF_THE_START, "Preparing", "OK")


def test_an_output_of_hostile_bytes_is_observed() -> None:
    found = observed(HarnessRun(fault="", log="\x1b[2J\x00" * 100 + ">>>>> Test Exit Code: 99999999999999\n"))
    assert found.exit_code == 999_999_999
    assert found.ending == ()


GOLD_PATHS = ("package/code.py",)
TEST_PATHS = ("package/tests/test_code.py",)


def edit(path: str, *, existed: bool = False) -> tuple[str, ...]:
    return edit_flags({path: existed}, gold_paths=GOLD_PATHS, test_paths=TEST_PATHS)


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py",
        "package/tests/conftest.py",
        "sitecustomize.py",
        "package/usercustomize.py",
        "a.pth",
        "pytest.ini",
        "package/tests/pytest.ini",
        "tox.ini",
        "setup.cfg",
        "package/pyproject.toml",
    ],
)
def test_files_that_steer_how_tests_run_are_flagged(path: str) -> None:
    for existed in (False, True):
        assert edit(path, existed=existed) == (f"It changes {path}, which steers how tests run.",)


@pytest.mark.parametrize("path", ["tests/runtests.py", "tests/__init__.py", "package/tests/helper.py", "test/run"])
def test_what_tests_run_through_is_flagged_where_it_was_there(path: str) -> None:
    assert edit(path, existed=True) == (f"It changes {path}, which tests run through.",)
    assert edit(path, existed=False) == ()


@pytest.mark.parametrize("path", ["unittest.py", "unittest/__init__.py", "pytest.py", "_pytest/runner.py", "random.py"])
def test_modules_in_the_place_of_others_are_flagged(path: str) -> None:
    assert edit(path) == (f"It changes {path}, which is imported in the place of another module.",)
    assert edit(f"package/{path}") == ()


@pytest.mark.parametrize(
    "path",
    [
        "package/code.py",
        "package/other.py",
        "tests/test_new.py",
        "package/tests/test_code.py",
        "package/tests/data/expected.json",
        "tests/new/__init__.py",
        "docs/Makefile",
        "elsewhere/tox.ini",
        "reproduce.py",
        "test/test_more.py",
        "README.md",
    ],
)
def test_honest_edits_are_not_flagged(path: str) -> None:
    assert edit(path) == ()


@pytest.mark.parametrize("path", ["tests/test_old.py", "tests/tests.py", "tests/old_test.py", "package/tests/a.txt"])
def test_edits_of_other_tests_are_not_flagged(path: str) -> None:
    assert edit(path, existed=True) == ()


def test_what_the_gold_patch_changes_may_be_changed() -> None:
    edits = {"tests/conftest.py": True, "django/test/client.py": True, "django/test/signals.py": True}
    gold = ("tests/conftest.py", "django/test/client.py")
    assert edit_flags(edits, gold_paths=gold, test_paths=TEST_PATHS) == ()


def test_names_of_files_are_shown_safely_and_not_all() -> None:
    edits = {f"{number}\x1b[31m\n.pth": False for number in range(5)}
    assert edit_flags(edits, gold_paths=(), test_paths=()) == (
        "It changes 0 .pth, 1 .pth, 2 .pth and 2 more, which steers how tests run.",
    )
