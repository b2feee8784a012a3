"""What the official harness says becomes a grade; what it could not say is never one."""

import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.swebench import harness, harness_client, harness_process, judge
from dgm.benchmarks.swebench.harness import HarnessRun, OfficialReport, Request, run_harness
from dgm.benchmarks.swebench.judge import Judging, official_grade
from dgm.benchmarks.swebench.prediction import exact_patch
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.config import SweBench
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.files import Change, File
from dgm.core.ids import SessionId
from tests.fakes.sandbox import FakeSandbox

IMAGE = "swebench/tiny:latest"
GOLD = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
OTHER = GOLD.replace("x = 2", "x = 3")
TESTS = """\
diff --git a/tests/test_x.py b/tests/test_x.py
new file mode 100644
--- /dev/null
+++ b/tests/test_x.py
@@ -0,0 +1 @@
+1
"""
LOG = """+ : '>>>>> Start Test Output'
test_x ... ok
Ran 1 test in 0.1s
OK
>>>>> Test Exit Code: 0
"""
SESSION = SessionId("00007.1.grading")
LATE = HarnessRun(fault="", failure="its tests ran into the time limit")


def instance() -> Instance:
    record = {
        "instance_id": "tiny__tiny-1",
        "repo": "tiny/tiny",
        "base_commit": "a" * 40,
        "image": IMAGE,
        "problem_statement": "x",
        "patch": GOLD,
        "test_patch": TESTS,
        "FAIL_TO_PASS": ["test_x"],
        "PASS_TO_PASS": [],
        "version": "1",
        "eval_script": "#!/bin/bash\n: '>>>>> Start Test Output'\ntrue\n: '>>>>> End Test Output'\n",
        "log_parser": "parse_log_django",
        "eval_type": "pass_and_fail",
    }
    return read_record(record, number=1, source="the test")


def report(*, resolved: bool, status: bool = True) -> OfficialReport:
    results = {"success": ["test_x"] if resolved else [], "failure": [] if resolved else ["test_x"]}
    raw: dict[str, Any] = {"resolved": resolved}
    if status:
        raw["tests_status"] = {"FAIL_TO_PASS": results, "PASS_TO_PASS": {"success": [], "failure": []}}
    return OfficialReport.model_validate(raw)


def told(*, resolved: bool = True, statuses: Mapping[str, str] | None = None, log: str = LOG) -> HarnessRun:
    found = {"test_x": "PASSED"} if statuses is None else statuses
    return HarnessRun(
        fault="", report=report(resolved=resolved), raw_report={"resolved": resolved}, statuses=found, log=log
    )


def with_failed_canary(run: HarnessRun, request: Request) -> HarnessRun:
    """Return a run in which the tests that must fail do."""
    name = canary_name(request)
    return replace(run, statuses={**run.statuses, f"test_{name}": "FAILED"} if name else run.statuses)


def canary_name(request: Request) -> str:
    script = str(request.record["eval_script"])
    return script.partition("as _")[2].partition("_unittest")[0] if "printf" in script else ""


Answer = HarnessRun | Callable[[Request], HarnessRun]


@dataclass
class Harness:
    """Stands in for the official harness: answers by patch, and remembers what it was asked."""

    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    requests: list[Request] = field(default_factory=list[Request])

    def __call__(self, request: Request, *, environment: Mapping[str, str]) -> HarnessRun:
        del environment
        self.requests.append(request)
        answer = self.answers.get(request.patch, told())
        return with_failed_canary(answer, request) if isinstance(answer, HarnessRun) else answer(request)

    @property
    def asked(self) -> list[tuple[str, bool]]:
        """For each run its patch, and whether there was a test that must fail."""
        return [(request.patch, bool(canary_name(request))) for request in self.requests]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Harness:
    found = Harness()
    monkeypatch.setattr(judge, "run_harness", found)
    return found


@pytest.fixture
def sandbox() -> FakeSandbox:
    return FakeSandbox(repositories={IMAGE: {}})


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    return Judging(SweBench(), keep=tmp_path / "gradings", cache=tmp_path / "gold")


def test_a_report_is_told_in_counts() -> None:
    assert official_grade(report(resolved=True)).summary == "F2P 1 of 1, P2P 0 of 0 passed"
    grade = official_grade(report(resolved=False))
    assert (grade.resolved, grade.summary) == (False, "F2P 0 of 1, P2P 0 of 0 passed")
    unread = official_grade(report(resolved=False, status=False))
    assert unread.summary == "no test's result could be read: the tests did not start or end"


def test_the_gold_patch_is_run_before_anything_is_said_and_only_once(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    for _ in range(2):
        assert judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION).resolved
    assert fake.asked == [(GOLD, False), (GOLD, True), (OTHER, False), (OTHER, True), (OTHER, False), (OTHER, True)]


def test_threads_share_one_gold_run(fake: Harness, judging: Judging, sandbox: FakeSandbox) -> None:
    fake.answers = {OTHER: told(resolved=False)}

    def grade(session: str) -> None:
        judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SessionId(session))

    threads = [threading.Thread(target=grade, args=(session,)) for session in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fake.asked.count((GOLD, False)) == 1


def test_a_damaged_gold_run_is_made_anew(fake: Harness, judging: Judging, sandbox: FakeSandbox, tmp_path: Path) -> None:
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    for path in (tmp_path / "gold").iterdir():
        path.write_text('{"version": 1}')
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert fake.asked.count((GOLD, False)) == 2


def test_another_record_and_stock_containers_have_gold_runs_of_their_own(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    judging.grade_patch(replace(instance(), record_hash="b" * 64), OTHER, sandbox=sandbox, session=SESSION)
    stock = Judging(SweBench(stock=True), keep=None, cache=tmp_path / "gold")
    stock.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert fake.asked.count((GOLD, False)) == 3
    assert {spec.stock for spec in sandbox.harnesses} == {False, True}


NARROWER: list[tuple[dict[str, Any], dict[str, object]]] = [
    ({"grading_timeout_s": 300.0}, {}),
    ({"disk_bytes": 64 * 2**20}, {}),
    ({}, {"mem_limit": 256 * 2**20}),
    ({}, {"runtime": "runsc"}),
]


@pytest.mark.parametrize(("settings", "options"), NARROWER)
def test_a_gold_run_under_other_limits_does_not_speak_for_these(
    fake: Harness,
    judging: Judging,
    sandbox: FakeSandbox,
    tmp_path: Path,
    settings: dict[str, Any],
    options: dict[str, object],
) -> None:
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    sandbox.harness_options = options
    fake.answers = {GOLD: LATE, OTHER: LATE}
    narrower = Judging(SweBench(**settings), keep=None, cache=tmp_path / "gold")
    with pytest.raises(SandboxError, match="its own gold patch is not resolved"):
        narrower.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)


def test_a_gold_run_speaks_for_gradings_whose_containers_differ_in_their_labels_alone(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    for token in ("one", "two"):
        sandbox.harness_options = {"labels": {"dgm.harness": token}}
        judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert fake.asked.count((GOLD, False)) == 1


def test_an_instance_whose_gold_patch_is_not_resolved_is_not_judged(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    fake.answers = {GOLD: told(resolved=False)}
    with pytest.raises(SandboxError, match=r"tiny__tiny-1 cannot be judged here: .* \(F2P 0 of 1, P2P 0 of 0 passed\)"):
        judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert (OTHER, False) not in fake.asked


def test_a_fault_is_no_verdict(fake: Harness, judging: Judging, sandbox: FakeSandbox) -> None:
    fake.answers = {OTHER: HarnessRun(fault="the engine\x1b[31m is gone.")}
    with pytest.raises(SandboxError, match=r"^tiny__tiny-1 was not judged: the engine is gone\.$"):
        judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)


def test_what_a_patch_does_to_its_container_is_a_verdict(fake: Harness, judging: Judging, sandbox: FakeSandbox) -> None:
    fake.answers = {OTHER: HarnessRun(fault="", failure="its tests ran into the time limit")}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert (grade.resolved, grade.summary) == (False, "its tests ran into the time limit")


@pytest.mark.parametrize("has_report", [False, True])
def test_containers_that_were_ended_for_what_they_did_are_a_verdict(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, has_report: bool
) -> None:
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    fake.answers = {OTHER: told() if has_report else HarnessRun(fault="its container was removed")}
    sandbox.overrun = "it wrote too much"
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert (grade.resolved, grade.summary) == (False, "it wrote too much")


def test_a_run_that_differs_from_the_gold_patchs_is_flagged_and_its_verdict_kept(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    fake.answers = {OTHER: told(log=LOG.replace("Ran 1 test in 0.1s\nOK\n", ""))}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert grade.resolved
    assert grade.flags == ("The test runner did not end as it does with the gold patch.",)
    kept = json.loads(gzip.decompress((tmp_path / "gradings" / f"{SESSION}.json.gz").read_bytes()))
    assert kept["report"] == {"resolved": True}
    assert kept["flags"] == list(grade.flags)


@pytest.mark.parametrize("status", ["PASSED", "SKIPPED", None])
def test_a_test_that_must_fail_and_does_not_is_flagged(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, status: str | None
) -> None:
    def everything_passes(request: Request) -> HarnessRun:
        name = canary_name(request)
        return told(statuses={"test_x": "PASSED"} | ({f"test_{name}": status} if name and status else {}))

    fake.answers = {OTHER: everything_passes}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert grade.resolved
    assert grade.flags == ("A test that nothing can pass, laid beside the others, was not reported as failed.",)


def once(first: HarnessRun, then: HarnessRun, *, with_canary: bool) -> Callable[[Request], HarnessRun]:
    """Return an answer that differs the first time that it is given with, or without, a test that must fail."""
    asked: list[Request] = []

    def answer(request: Request) -> HarnessRun:
        if bool(canary_name(request)) == with_canary:
            asked.append(request)
            if len(asked) == 1:
                return first
        return with_failed_canary(then, request)

    return answer


CUT = LOG.replace("Ran 1 test in 0.1s\nOK\n>>>>> Test Exit Code: 0\n", "Ran 1 t>>>>> Test Exit Code: 0\nest in 0.1s\n")


@pytest.mark.parametrize(("first", "with_canary"), [(told(log=CUT), False), (told(), True), (LATE, True)])
def test_what_looks_odd_once_and_not_again_is_no_flag(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, first: HarnessRun, *, with_canary: bool
) -> None:
    fake.answers = {OTHER: once(first, told(), with_canary=with_canary)}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert (grade.resolved, grade.flags) == (True, ())


@pytest.mark.parametrize("then", [told(log=CUT), told(resolved=False), LATE])
def test_what_looks_odd_and_is_not_right_the_second_time_is_flagged(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, then: HarnessRun
) -> None:
    fake.answers = {OTHER: once(told(log=CUT), then, with_canary=False)}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert (grade.resolved, grade.flags) == (True, ("The test runner did not end as it does with the gold patch.",))


def test_the_faster_of_two_gold_runs_is_compared_with_since_the_first_one_reads_a_cold_disk(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    def cold_then_warm(request: Request) -> HarnessRun:
        return with_failed_canary(replace(told(), seconds=6.0 if canary_name(request) else 60.0), request)

    fake.answers = {GOLD: cold_then_warm, OTHER: replace(told(), seconds=5.0)}
    assert judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION).flags == ()
    fake.answers = {OTHER: replace(told(), seconds=0.5)}
    grade = judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    assert grade.flags == ("The tests took 0.5 s, with the gold patch 6.0 s.",)


def test_where_the_gold_patchs_run_does_not_show_such_a_test_none_is_asked_for(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    fake.answers = {GOLD: lambda _: told(), OTHER: lambda _: told()}
    assert judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION).flags == ()
    assert fake.asked == [(GOLD, False), (GOLD, True), (OTHER, False)]


def test_names_of_tests_that_must_fail_are_made_by_chance(
    fake: Harness, judging: Judging, sandbox: FakeSandbox
) -> None:
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    names = {canary_name(request) for request in fake.requests} - {""}
    assert len(names) == 2


def test_edits_that_steer_the_tests_are_flagged(fake: Harness, judging: Judging, sandbox: FakeSandbox) -> None:
    del fake
    change = Change({}, {"conftest.py": File(b"")})
    grade = judging.grade(instance(), change, sandbox=sandbox, session=SESSION)
    assert grade.flags == ("It changes conftest.py, which steers how tests run.",)


def test_a_change_is_judged_as_its_exact_patch(fake: Harness, judging: Judging, sandbox: FakeSandbox) -> None:
    change = Change({"x.py": File(b"x = 1\n")}, {"x.py": File(b"x = 3\n")})
    judging.grade(instance(), change, sandbox=sandbox, session=SESSION)
    assert fake.requests[-1].patch.endswith("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-x = 1\n+x = 3\n")
    assert fake.requests[-1].image_id == f"sha256:{IMAGE}"


def test_what_is_kept_of_a_grading_is_bounded(
    fake: Harness, judging: Judging, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    fake.answers = {OTHER: told(resolved=False, log="x" * 5 * 2**20)}
    judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)
    kept = json.loads(gzip.decompress((tmp_path / "gradings" / f"{SESSION}.json.gz").read_bytes()))
    assert "... 3,145,728 characters are left out ..." in kept["log"]
    assert len(kept["log"]) < 2.1 * 2**20


def test_where_no_file_can_be_written_that_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/gone")
    with pytest.raises(SandboxError, match="official harness could not be read or written"):
        run_harness(Request(instance().record, "sha256:0", OTHER, 10.0, {}), environment={})
    with pytest.raises(SandboxError, match="patch could not be written"):
        exact_patch(Change({}, {"x.py": File(b"x = 3\n")}))


def test_a_grading_that_cannot_be_kept_is_no_verdict(fake: Harness, sandbox: FakeSandbox, tmp_path: Path) -> None:
    del fake
    (tmp_path / "file").write_text("")
    judging = Judging(SweBench(), keep=tmp_path / "file", cache=tmp_path / "gold")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        judging.grade_patch(instance(), OTHER, sandbox=sandbox, session=SESSION)


# --- the process --------------------------------------------------------------------------------------------------


def acting(monkeypatch: pytest.MonkeyPatch, script: str) -> HarnessRun:
    """Return what is made of a process that does this in its directory."""
    monkeypatch.setattr(harness, "_PROCESS", (sys.executable, "-I", "-c", script))
    request = Request(instance().record, "sha256:0", OTHER, 10.0, {})
    return run_harness(request, environment={"DOCKER_HOST": "unix:///engine.sock"})


def leaving(**facts: object) -> str:
    """Return a script that leaves these facts."""
    every: dict[str, object] = dict.fromkeys(("tests_began", "tests_ended", "timed_out", "too_much_output"), False)
    every |= {"fault": "", "container_ended": "", "left_unusable": False}
    every |= {"seconds": None, "report": None, "statuses": {}}
    return f"import pathlib\npathlib.Path('facts.json').write_text({json.dumps(every | facts)!r})\n"


LOGGING = """
import json
run = json.loads(pathlib.Path("request.json").read_text())["run"]
log = pathlib.Path("logs/run_evaluation", run, "dgm", "tiny__tiny-1", "run_instance.log")
log.parent.mkdir(parents=True)
log.write_text(">>>>> Patch Apply Failed:\\nerror: patch failed\\n")
"""
"""What a script goes on with so that the harness's log says that a patch does not apply."""


def test_nothing_of_ours_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    run = acting(monkeypatch, "import os, sys\nsys.exit(' '.join(sorted(os.environ)))")
    names = "DOCKER_CONFIG DOCKER_HOST HOME LC_ALL PATH PYTHON_DOTENV_DISABLED TMPDIR"
    assert run.fault == f"the harness's process ended with exit code 1: {names}"


@pytest.mark.parametrize(
    ("facts", "failure"),
    [
        ({"container_ended": "out of memory"}, "applying it ended its container (out of memory)"),
        ({"tests_began": True, "timed_out": True}, "its tests ran into the time limit"),
        ({"tests_began": True, "too_much_output": True}, "its tests printed more than 32 MiB"),
        (
            {"tests_began": True, "container_ended": "exit code 137"},
            "its tests ended their container (exit code 137)",
        ),
        (
            {"tests_began": True, "tests_ended": True, "left_unusable": True},
            "what its tests printed or left behind cannot be read",
        ),
    ],
)
def test_what_only_a_patch_can_cause_is_its_failure(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, object], failure: str
) -> None:
    run = acting(monkeypatch, leaving(**facts))
    assert (run.fault, run.failure) == ("", failure)


def test_a_patch_that_the_harness_gives_up_does_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    run = acting(monkeypatch, leaving() + LOGGING)
    assert (run.fault, run.failure) == ("", "the patch does not apply")


@pytest.mark.parametrize("facts", [{}, {"tests_began": True}, {"tests_began": True, "tests_ended": True}])
def test_a_harness_that_ends_without_a_report_and_without_the_patchs_doing_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, object]
) -> None:
    run = acting(monkeypatch, leaving(**facts))
    assert (run.fault, run.failure) == ("the harness ended without a report", "")


@pytest.mark.parametrize("report", [{"resolved": "perhaps"}, {}])
def test_a_report_of_another_form_is_a_fault(monkeypatch: pytest.MonkeyPatch, report: dict[str, object]) -> None:
    run = acting(monkeypatch, leaving(tests_began=True, tests_ended=True, report=report))
    assert (run.fault, run.report) == ("the harness's process said nothing", None)


def test_a_file_that_cannot_be_written_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, runpy\nos.mkdir('facts.new')\nrunpy.run_module(%r, run_name='__main__')\n"
    with pytest.raises(SandboxError, match=r"harness's process could not be read or written: .*facts\.new"):
        acting(monkeypatch, script % "dgm.benchmarks.swebench.harness_process")


@pytest.mark.parametrize("began", [False, True])
def test_a_fault_of_the_engine_goes_before_all_else(monkeypatch: pytest.MonkeyPatch, *, began: bool) -> None:
    run = acting(monkeypatch, leaving(fault="no route", tests_began=began, container_ended="exit code 137"))
    assert (run.fault, run.failure) == ("no route", "")


@pytest.mark.parametrize("began", [False, True])
def test_a_process_that_crashed_before_the_tests_ended_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, *, began: bool
) -> None:
    run = acting(monkeypatch, leaving(tests_began=began) + "raise MemoryError('no more')")
    assert run.fault.startswith("the harness's process ended with exit code 1: ")
    assert run.fault.endswith("MemoryError: no more")
    assert run.failure == ""


def test_a_process_that_crashed_over_the_output_is_the_patchs_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    run = acting(monkeypatch, leaving(tests_began=True, tests_ended=True) + "raise MemoryError")
    assert (run.fault, run.failure) == ("", "what its tests printed or left behind cannot be read")


def test_an_output_that_takes_all_time_to_read_is_the_patchs_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    burning = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (0, 5))\nwhile True:\n    pass\n"
    run = acting(monkeypatch, leaving(tests_began=True) + burning)
    assert (run.fault, run.failure) == ("", "what its tests printed takes too long to read")


def test_a_process_that_says_nothing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert acting(monkeypatch, "").fault == "the harness's process said nothing"
    assert acting(monkeypatch, "open('facts.json', 'w').write('{}')").fault == "the harness's process said nothing"


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SLACK_S", -10)
    assert acting(monkeypatch, "import signal\nsignal.pause()\n").fault == "the harness did not end within 0 s"


@pytest.fixture
def silent_engine(tmp_path: Path) -> Generator[socket.socket]:
    """Something that takes connections and never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine.sock"))
        server.listen()
        yield server


def test_the_process_ends_with_whoever_started_it(silent_engine: socket.socket, tmp_path: Path) -> None:
    request = {"record": dict(instance().record), "image_id": "sha256:0", "patch": OTHER, "timeout_s": 600}
    request |= {"options": {}, "output_bytes": 1, "run": "1"}
    (tmp_path / "request.json").write_text(json.dumps(request))
    argv = (sys.executable, "-I", "-m", "dgm.benchmarks.swebench.harness_process")
    environment = {"DOCKER_HOST": f"unix://{tmp_path}/engine.sock", "PATH": os.defpath, "HOME": str(tmp_path)}
    with subprocess.Popen(argv, cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as process:
        connection, _ = silent_engine.accept()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 1
        connection.close()


@pytest.mark.parametrize(
    ("error", "is_the_patchs"), [(IndexError("no such group"), True), (OSError("disk full"), False)]
)
def test_an_output_that_cannot_be_parsed_is_the_patchs_doing_and_a_file_that_cannot_be_read_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, *, is_the_patchs: bool
) -> None:
    monkeypatch.chdir(tmp_path)

    def official() -> None:
        raise error

    facts = harness_client.Facts()
    with pytest.raises(type(error)):
        harness_process.noting_what_cannot_be_parsed(official, facts)()
    assert facts.left_unusable is is_the_patchs
