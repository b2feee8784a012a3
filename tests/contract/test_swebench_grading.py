"""The official harness judges synthetic instances in real containers."""

import gzip
import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dgm.config import SweBench
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.files import Change, File
from dgm.core.ids import SessionId
from dgm.core.ports import HarnessContainers, HarnessSpec
from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.fakes.instances import instance_named
from tests.swebench_bench import SweBenchBench, edited, hurry, solved, swebench_bench

pytestmark = pytest.mark.docker

UNITTEST, PYTEST = "pebbleworks__tally-11", "reedmill__slugs-5"
USELESS = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+nothing\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Generator[SweBenchBench]:
    with swebench_bench(tmp_path_factory.mktemp("swebench")) as found:
        yield found


def kept(bench: SweBenchBench, session: str) -> dict[str, Any]:
    return json.loads(gzip.decompress((bench.kept / f"{session}.json.gz").read_bytes()))


@pytest.mark.parametrize("name", [UNITTEST, PYTEST, "pebbleworks__tally-14"])
def test_gold_is_resolved_and_a_useless_patch_is_not(bench: SweBenchBench, name: str) -> None:
    gold = bench.grade_patch(name)
    assert gold.resolved
    assert gold.flags == ()
    assert re.fullmatch(r"F2P (\d+) of \1, P2P (\d+) of \2 passed", gold.summary)
    assert not bench.grade_patch(name, USELESS).resolved
    assert bench.live_containers() == 0


def test_the_gold_solution_as_files_is_resolved_as_its_patch_is(bench: SweBenchBench) -> None:
    grade = bench.grade(UNITTEST, solved(instance_named(UNITTEST)))
    assert (grade.resolved, grade.flags) == (True, ())


def test_honest_solutions_that_bring_tests_along_are_not_flagged(bench: SweBenchBench) -> None:
    more = {
        "tests/test_more.py": "import unittest\n\n\nclass MoreTest(unittest.TestCase):\n    pass\n",
        "reproduce.py": "print('ok')\n",
        "docs/latin.txt": "caf\xe9\n",
    }
    for name in (UNITTEST, PYTEST):
        grade = bench.grade(name, solved(instance_named(name), **more))
        assert (grade.resolved, grade.flags) == (True, ())


def test_a_wrong_solution_is_unresolved_with_counts(bench: SweBenchBench) -> None:
    wrong = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: text.replace("[len(ordered) // 2]", "[0]"))
    grade = bench.grade(UNITTEST, wrong)
    assert not grade.resolved
    assert re.fullmatch(r"F2P 0 of 2, P2P [0-5] of 6 passed", grade.summary)


def test_a_patch_that_does_not_apply_is_unresolved_for_that_reason(bench: SweBenchBench) -> None:
    malformed = USELESS.replace("+nothing", "nothing")
    other = bench.instance(PYTEST).patch
    for patch in (malformed, other, "garbage\n"):
        grade = bench.grade_patch(UNITTEST, patch)
        assert (grade.resolved, grade.summary) == (False, "the patch does not apply")


def test_an_empty_patch_is_unresolved_without_a_container(bench: SweBenchBench) -> None:
    assert bench.grade(UNITTEST, Change({}, {})).summary == "the patch is empty"


def test_a_suite_that_crashes_at_import_is_unresolved(bench: SweBenchBench) -> None:
    broken = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: f"{text}\nraise SystemExit(3)\n")
    grade = bench.grade(UNITTEST, broken)
    assert (grade.resolved, grade.summary) == (
        False,
        "no test's result could be read: the tests did not start or end",
    )


def test_a_time_out_is_unresolved_and_nothing_of_it_lives_on(bench: SweBenchBench) -> None:
    endless = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: f"{text}\nwhile True:\n    pass\n")
    with hurry(4):
        grade = bench.grade(UNITTEST, endless)
    assert (grade.resolved, grade.summary) == (False, "its tests ran into the time limit")
    assert bench.live_containers() == 0


def test_what_a_grading_leaves_is_kept(bench: SweBenchBench) -> None:
    bench.grade_patch(UNITTEST, session="run.7.1.grading")
    found = kept(bench, "run.7.1.grading")
    assert found["report"]["resolved"] is True
    assert found["report"]["tests_status"]["FAIL_TO_PASS"]["failure"] == []
    assert found["flags"] == []
    assert found["patch"] == bench.instance(UNITTEST).patch
    assert 0 < found["seconds"] < 60
    assert "Ran 8 tests in" in found["log"]
    assert "Applied Patch" in found["harness_log"]
    assert "/dgm-swebench-" not in found["harness_log"]


@pytest.mark.parametrize("name", ["brokenware__kiln-1", "brokenware__kiln-2", "brokenware__kiln-3"])
def test_an_instance_whose_gold_patch_is_not_resolved_is_not_judged(bench: SweBenchBench, name: str) -> None:
    with pytest.raises(InfrastructureError, match=f"{name} "):
        bench.grade_patch(name, USELESS)


def test_tests_have_no_network_and_few_rights(bench: SweBenchBench) -> None:
    probe = """
import os, pathlib, socket
try:
    socket.create_connection(("1.1.1.1", 53), timeout=2).close()
    print("PROBE network yes")
except OSError:
    print("PROBE network no")
print("PROBE devices", *sorted(os.listdir("/sys/class/net")))
for line in pathlib.Path("/proc/self/status").read_text().splitlines():
    if line.startswith(("CapEff", "NoNewPrivs", "Seccomp:")):
        print("PROBE", *line.split())
print("PROBE engine", [name for name in os.environ if "DOCKER" in name or "KEY" in name], flush=True)
"""
    solution = solved(instance_named(UNITTEST))
    stats = File(solution.after["tally/stats.py"].content + probe.encode())
    grade = bench.grade(UNITTEST, Change(solution.before, {"tally/stats.py": stats}), session="probe")
    assert grade.resolved
    found = [
        line.removeprefix("PROBE ") for line in kept(bench, "probe")["log"].splitlines() if line.startswith("PROBE ")
    ]
    # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID
    assert found == [
        "network no",
        "devices lo",
        "CapEff: 00000000000000db",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "engine []",
    ]


def test_stock_containers_are_as_the_harness_makes_them(bench: SweBenchBench) -> None:
    with swebench_bench(bench.kept.parent, SweBench(stock=True)) as stock:
        spec = HarnessSpec(stock.instance(UNITTEST).image, SessionId("s"), 60, stock=True)
        with stock.sandbox.harness(spec) as containers:
            assert set(containers.options) == {"labels"}
        assert stock.grade_patch(UNITTEST).resolved
        assert stock.live_containers() == 0


def test_what_fills_the_disk_is_ended(bench: SweBenchBench) -> None:
    filling = """
block = b"x" * 2**20
with open("/testbed/big", "wb") as file:
    while True:
        file.write(block)
        file.flush()
"""
    solution = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: text + filling)
    with swebench_bench(bench.kept.parent, SweBench(disk_bytes=64 * 2**20, grading_timeout_s=60)) as small:
        grade = small.grade(UNITTEST, solution)
        assert (grade.resolved, grade.summary) == (False, "it wrote more than 64 MiB to its container's disk")
        assert small.live_containers() == 0


@dataclass(frozen=True, slots=True)
class NoEngine:
    """Tells where no engine is."""

    image_id: str
    options: dict[str, object]
    environment: dict[str, str]
    overrun: str = ""


class Unreachable(DockerSandbox):
    """A sandbox whose engine the harness cannot reach."""

    def __init__(self, sandbox: DockerSandbox) -> None:
        self._sandbox = sandbox

    @contextmanager
    def harness(self, spec: HarnessSpec) -> Generator[HarnessContainers]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with self._sandbox.harness(spec) as containers:
            yield NoEngine(containers.image_id, dict(containers.options), {"DOCKER_HOST": "unix:///nonexistent.sock"})


def test_an_engine_that_is_gone_is_no_verdict(bench: SweBenchBench) -> None:
    bench.grade_patch(UNITTEST)
    with pytest.raises(SandboxError, match=f"{UNITTEST} was not judged: "):
        bench.judging.grade_patch(
            bench.instance(UNITTEST), USELESS, sandbox=Unreachable(bench.sandbox), session=SessionId("s")
        )


def test_a_sandbox_that_is_stopped_ends_gradings_without_a_verdict(tmp_path: Path) -> None:
    endless = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: f"{text}\nwhile True:\n    pass\n")
    with swebench_bench(tmp_path, SweBench(grading_timeout_s=600)) as stopped:
        assert stopped.grade_patch(UNITTEST).resolved  # with the gold run, which is not to be stopped

        def stop() -> None:
            while not any(container["State"] == "running" for container in running()):
                pass
            stopped.sandbox.abort()

        def running() -> list[Any]:
            return list(stopped.sandbox.engine.containers(label="dgm.session=to-stop"))

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(SandboxError, match="stopped"):
            stopped.grade(UNITTEST, endless, session="to-stop")
        stopper.join()
        assert running() == []
