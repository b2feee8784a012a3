"""What the tests of an instance of SWE-bench print under the official evaluation script, in its log parser's form."""

from collections.abc import Iterable, Mapping

from dgm.benchmarks.swebench.records import Instance

_WORDS = {
    "parse_log_django": {"PASSED": "ok", "FAILED": "FAIL", "ERROR": "ERROR", "SKIPPED": "skipped 'not here'"},
}


def log_of(instance: Instance, *, changed: Mapping[str, str] | None = None, exit_code: int | None = None) -> str:
    """Return the log of a run in which every test passed but for `changed` (test -> status)."""
    statuses = dict.fromkeys((*instance.fail_to_pass, *instance.pass_to_pass), "PASSED") | dict(changed or {})
    failed = any(status in {"FAILED", "ERROR"} for status in statuses.values())
    return framed(_lines(instance, statuses), exit_code=int(failed) if exit_code is None else exit_code)


def framed(lines: Iterable[str], *, exit_code: int) -> str:
    """Return what tests printed as it stands in the log: `set -x` shows the marks around it."""
    return "\n".join(
        [
            "+ cd /testbed",
            "+ git status",
            "+ : '>>>>> Start Test Output'",
            *lines,
            f"+ SWEBENCH_TEST_EXIT_CODE={exit_code}",
            "+ : '>>>>> End Test Output'",
            f"+ echo '>>>>> Test Exit Code: {exit_code}'",
            f">>>>> Test Exit Code: {exit_code}",
            "+ git checkout",
            "",
        ]
    )


def _lines(instance: Instance, statuses: Mapping[str, str]) -> Iterable[str]:
    words = _WORDS.get(instance.record["log_parser"])
    for test, status in statuses.items():
        yield f"{status} {test}" if words is None else f"{test} ... {words[status]}"
