"""What the official harness reports on logs of published instances is what we say of them: the verdict and its counts.

Records of SWE-bench are not ours to keep here, so these tests want them beside the checkout. Logs are written in the
form that each instance's own log parser reads.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgm.benchmarks.swebench.harness import OfficialReport
from dgm.benchmarks.swebench.judge import official_grade
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.core.tasks import Grade
from tests.fakes.harness_logs import framed, log_of

RECORDS = Path(__file__).parents[3] / "shared/spec/swebench/verified_sample.jsonl"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDS.is_file(), reason=f"records of SWE-bench Verified are not at {RECORDS}"),
]

Counts = tuple[int, int]
"""How many tests of FAIL_TO_PASS and of PASS_TO_PASS are reported as passed."""
_UNREADABLE = "no test's result could be read"
# In a process of its own: importing the harness takes seconds, and it would load any .env above its package.
_REPORT = """
import json, sys
from swebench.harness.grading import get_eval_report
from swebench.harness.utils import make_test_spec

def report(record, name):
    prediction = {"instance_id": record["instance_id"], "model_name_or_path": "test", "model_patch": "any"}
    found = get_eval_report(make_test_spec(record), prediction, name, include_tests_status=True)
    return found[record["instance_id"]]

print(json.dumps([report(record, name) for record, name in json.load(sys.stdin)]))
"""


@dataclass(frozen=True)
class Case:
    """One way for a run of an instance's tests to end."""

    log: Callable[[Instance], str]
    resolved: bool
    passed: Callable[[Instance], Counts] | None
    """None where no test's result is to be read."""


def _but(tests: Callable[[Instance], tuple[str, ...]], status: str) -> Callable[[Instance], str]:
    """Return the log in which the last of some tests ends otherwise."""
    return lambda instance: log_of(instance, changed=dict.fromkeys(tests(instance)[-1:], status))


def _all(instance: Instance) -> Counts:
    return len(instance.fail_to_pass), len(instance.pass_to_pass)


def _one_of_fail_to_pass_less(instance: Instance) -> Counts:
    return len(instance.fail_to_pass) - 1, len(instance.pass_to_pass)


def _one_of_pass_to_pass_less(instance: Instance) -> Counts:
    return len(instance.fail_to_pass), len(instance.pass_to_pass) - 1


def _fail_to_pass(instance: Instance) -> tuple[str, ...]:
    return instance.fail_to_pass


def _pass_to_pass(instance: Instance) -> tuple[str, ...]:
    return instance.pass_to_pass


CASES: Mapping[str, Case] = {
    "every test passed": Case(log_of, True, _all),
    "one of FAIL_TO_PASS failed": Case(_but(_fail_to_pass, "FAILED"), False, _one_of_fail_to_pass_less),
    "one of FAIL_TO_PASS broke": Case(_but(_fail_to_pass, "ERROR"), False, _one_of_fail_to_pass_less),
    "one of FAIL_TO_PASS was skipped": Case(_but(_fail_to_pass, "SKIPPED"), False, _one_of_fail_to_pass_less),
    "one of PASS_TO_PASS failed": Case(_but(_pass_to_pass, "FAILED"), False, _one_of_pass_to_pass_less),
    "one of PASS_TO_PASS was skipped": Case(_but(_pass_to_pass, "SKIPPED"), True, _all),
    "the exit code says that one failed": Case(lambda instance: log_of(instance, exit_code=1), False, None),
    "the log was cut off": Case(lambda instance: log_of(instance).partition("+ SWEBENCH")[0], False, None),
    "the marks are missing": Case(lambda instance: log_of(instance).replace(">>>>>", ">>>>"), False, None),
    "the suite did not start": Case(lambda _: framed(["ImportError: no module"], exit_code=1), False, None),
    "the patch was said not to apply": Case(
        lambda instance: f">>>>> Patch Apply Failed\n{log_of(instance)}", False, None
    ),
}
NEED_PASS_TO_PASS = {name for name in CASES if "PASS_TO_PASS" in name}


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    lines = RECORDS.read_text("utf-8").splitlines()
    return [read_record(json.loads(line), number=n, source="the sample") for n, line in enumerate(lines, start=1)]


@pytest.fixture(scope="module")
def reports(instances: list[Instance], tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], object]:
    """Return the official report on every case of every instance."""
    place = tmp_path_factory.mktemp("logs")
    wanted = [(instance, case) for instance in instances for case in CASES]
    request: list[tuple[object, str]] = []
    for number, (instance, case) in enumerate(wanted):
        log = place / f"{number}.log"
        log.write_text(CASES[case].log(instance), "utf-8")
        request.append((instance.record, str(log)))
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", _REPORT],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        env={"PATH": os.defpath, "HOME": str(place), "PYTHON_DOTENV_DISABLED": "1"},
        cwd=place,
        text=True,
        check=True,
    )
    return {
        (instance.id, case): report for (instance, case), report in zip(wanted, json.loads(done.stdout), strict=True)
    }


def expected_grade(instance: Instance, case: Case) -> Grade:
    if case.passed is None:
        return Grade(case.resolved, _UNREADABLE)
    first, second = case.passed(instance)
    return Grade(
        case.resolved,
        f"F2P {first} of {len(instance.fail_to_pass)}, P2P {second} of {len(instance.pass_to_pass)} passed",
    )


def test_there_are_thirty_instances_of_two_log_parsers(instances: list[Instance]) -> None:
    assert len(instances) == 30
    assert {instance.record["log_parser"] for instance in instances} == {"parse_log_django", "parse_log_sphinx"}


@pytest.mark.parametrize("name", CASES)
def test_the_grade_is_what_the_official_report_says(
    name: str, instances: list[Instance], reports: Mapping[tuple[str, str], object]
) -> None:
    for instance in instances:
        if name in NEED_PASS_TO_PASS and not instance.pass_to_pass:
            continue
        grade = official_grade(OfficialReport.model_validate(reports[instance.id, name]))
        expected = expected_grade(instance, CASES[name])
        assert (instance.id, grade.resolved) == (instance.id, expected.resolved)
        assert grade.summary.startswith(expected.summary), instance.id
        assert grade.flags == ()
