"""One grading: the official harness's verdict on a patch, and whether it can be believed.

Before anything is said of a patch on an instance, the gold patch was resolved in the same image on this machine. So
whatever goes wrong within a container is the patch's doing, and a verdict; whatever goes wrong around it is not.
"""

import gzip
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom

from dgm.benchmarks.swebench.canary import Canary, with_canary
from dgm.benchmarks.swebench.flags import edit_flags, observed, run_flags
from dgm.benchmarks.swebench.gold import GoldRun, GoldRuns
from dgm.benchmarks.swebench.harness import SLACK_S, HarnessRun, OfficialReport, Request, Results, run_harness
from dgm.benchmarks.swebench.prediction import exact_patch
from dgm.benchmarks.swebench.records import Instance
from dgm.boundary.text import safe_line
from dgm.boundary.whole_files import write_whole
from dgm.config import SweBench
from dgm.core.errors import HostileBytesError, InfrastructureError, SandboxError
from dgm.core.files import Change
from dgm.core.hunks import patched_paths
from dgm.core.ids import SessionId
from dgm.core.ports import HarnessContainers, HarnessSpec, Sandbox
from dgm.core.tasks import Grade

_MAX_KEPT_CHARS = 2 * 2**20
"""Of each text that is kept of a grading: an agent's tests can print 32 MiB, and a run has thousands of gradings."""
_EMPTY = Grade(resolved=False, summary="the patch is empty")


def official_grade(report: OfficialReport) -> Grade:
    """Return what an official report says."""
    if report.tests_status is None:
        suspicion = f" ({report.infra_failure_reason})" if report.infra_failure_reason else ""
        return Grade(report.resolved, f"no test's result could be read: the tests did not start or end{suspicion}")
    status = report.tests_status
    summary = f"{_passed('F2P', status.fail_to_pass)}, {_passed('P2P', status.pass_to_pass)} passed"
    return Grade(report.resolved, summary)


def _passed(name: str, results: Results) -> str:
    return f"{name} {len(results.success)} of {results.total}"


class Judging:
    """Judges patches by the official harness. Used by many worker threads at once."""

    def __init__(self, settings: SweBench, *, keep: Path | None, cache: Path, chance: Random | None = None) -> None:
        """Args:
        settings: time limit, and whether containers are as the harness makes them.
        keep: directory for `<session>.json.gz` of each grading, made when needed; nothing is kept unless given.
        cache: directory for what gold patches showed.
        chance: makes the names of tests that must fail.
        """
        self._settings = settings
        self._keep = keep
        self._gold = GoldRuns(cache)
        self._chance = chance or SystemRandom()

    def grade(self, instance: Instance, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a change of the repository.

        Raises:
            InfrastructureError: nothing can be said of it; never for what it makes happen itself.
        """
        try:
            patch = exact_patch(solution)
        except HostileBytesError as error:
            return Grade(resolved=False, summary=f"it cannot be judged as a patch: {error}")
        edits = {path: path in solution.before for path in solution.paths}
        return self._judged(instance, patch, edits, sandbox=sandbox, session=session)

    def grade_patch(self, instance: Instance, patch: str, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a patch by the same path; errors as `grade`."""
        return self._judged(instance, patch, {}, sandbox=sandbox, session=session)

    def _judged(
        self, instance: Instance, patch: str, edits: Mapping[str, bool], *, sandbox: Sandbox, session: SessionId
    ) -> Grade:
        if not patch:
            return _EMPTY
        bench = _Instance(instance, self._settings, sandbox)
        gold = self._gold_run(bench, session)
        run, grade = bench.run(patch, session)
        if grade.resolved:
            steering = edit_flags(
                edits, gold_paths=patched_paths(instance.patch), test_paths=patched_paths(instance.test_patch)
            )
            if steering:  # no other sign can make it more or less believable
                flags = run_flags(observed(run), gold.observed) + steering
            else:
                flags = self._lasting_flags(bench, gold, patch, run, session)
            grade = Grade(grade.resolved, grade.summary, flags=flags)
        self._kept(session, patch, run, grade)
        return grade

    def _gold_run(self, bench: "_Instance", session: SessionId) -> GoldRun:
        def make() -> GoldRun:
            run, grade = bench.run(bench.instance.patch, gold_session)
            self._kept(gold_session, bench.instance.patch, run, grade)
            if not grade.resolved:
                raise SandboxError(
                    f"{bench.instance.id} cannot be judged here: its own gold patch is not resolved ({grade.summary}). "
                    "Leave it out, or give it more: see sandbox.memory_bytes, swebench.grading_timeout_s and "
                    "swebench.stock."
                )
            canary = self._canary(bench.instance)
            if canary is None:
                return GoldRun(observed=observed(run), canary=False)
            again = bench.run_canary(canary, bench.instance.patch, gold_session)
            # The first run reads a cold disk, and is no measure of how fast tests can be.
            faster = min((one.seconds for one in (run, again) if one.seconds is not None), default=None)
            return GoldRun(observed=observed(replace(run, seconds=faster)), canary=canary.failed_in(again))

        gold_session = SessionId(f"{session}.gold")
        # Only to learn the conditions, and to keep the image meanwhile.
        with bench.containers(gold_session) as containers:
            return self._gold.of(bench.instance, conditions=bench.conditions(containers), make=make)

    def _lasting_flags(
        self, bench: "_Instance", gold: GoldRun, patch: str, run: HarnessRun, session: SessionId
    ) -> tuple[str, ...]:
        """Return what is odd about a resolved run, unless nothing is when all is done once more.

        A busy machine can make tests late, and the engine lays what they print on two streams together in any order,
        also within a line. Either can look like forging, once; forging looks like it whenever it is done.
        """
        flags = self._run_flags(bench, gold, patch, run, session)
        if not flags:
            return ()
        again, grade = bench.run(patch, SessionId(f"{session}.again"))
        return () if grade.resolved and not self._run_flags(bench, gold, patch, again, session) else flags

    def _run_flags(
        self, bench: "_Instance", gold: GoldRun, patch: str, run: HarnessRun, session: SessionId
    ) -> tuple[str, ...]:
        flags = run_flags(observed(run), gold.observed)
        return self._canary_flags(bench, patch, session) if gold.canary and not flags else flags

    def _canary_flags(self, bench: "_Instance", patch: str, session: SessionId) -> tuple[str, ...]:
        canary = self._canary(bench.instance)
        if canary is None or canary.failed_in(bench.run_canary(canary, patch, session)):
            return ()
        return ("A test that nothing can pass, laid beside the others, was not reported as failed.",)

    def _canary(self, instance: Instance) -> Canary | None:
        return with_canary(instance.record, patched_paths(instance.test_patch), self._chance)

    def _kept(self, session: SessionId, patch: str, run: HarnessRun, grade: Grade) -> None:
        if self._keep is None:
            return
        content = {
            "report": run.raw_report,
            "summary": grade.summary,
            "patch": patch,
            "flags": grade.flags,
            "seconds": run.seconds,
            "log": _clipped(run.log),
            "harness_log": _clipped(run.harness_log),
        }
        path = self._keep / f"{session}.json.gz"
        try:
            write_whole(path, gzip.compress(json.dumps(content).encode(), mtime=0))
        except OSError as error:
            raise InfrastructureError(f"The grading {path} cannot be written: {error.strerror}.") from error


class _Instance:
    """One instance in one sandbox."""

    def __init__(self, instance: Instance, settings: SweBench, sandbox: Sandbox) -> None:
        self.instance = instance
        self._settings = settings
        self._sandbox = sandbox

    def containers(self, session: SessionId) -> AbstractContextManager[HarnessContainers]:
        """Let the harness make containers of the instance's image."""
        lifetime_s = self._settings.grading_timeout_s + 2 * SLACK_S
        spec = HarnessSpec(self.instance.image, session, lifetime_s, stock=self._settings.stock)
        return self._sandbox.harness(spec)

    def conditions(self, containers: HarnessContainers) -> dict[str, object]:
        """Return what the outcome of a run hangs on beside its record and its patch."""
        return {
            "image": containers.image_id,
            "timeout_s": self._settings.grading_timeout_s,
            "disk_bytes": self._settings.disk_bytes,
            "stock": self._settings.stock,
            # Labels say whose the containers are, and no two gradings have the same.
            "options": {name: value for name, value in containers.options.items() if name != "labels"},
        }

    def run(self, patch: str, session: SessionId) -> tuple[HarnessRun, Grade]:
        """Run the harness on a patch and return the verdict."""
        return self._run(self.instance.record, patch, session)

    def run_canary(self, canary: Canary, patch: str, session: SessionId) -> HarnessRun:
        """Run it with a test that must fail."""
        return self._run(canary.record, patch, SessionId(f"{session}.again"))[0]

    def _run(self, record: Mapping[str, object], patch: str, session: SessionId) -> tuple[HarnessRun, Grade]:
        with self.containers(session) as containers:
            request = Request(record, containers.image_id, patch, self._settings.grading_timeout_s, containers.options)
            run = run_harness(request, environment=containers.environment)
        # First of all: the harness reports on what was left when its container was ended.
        if containers.overrun:
            return run, Grade(resolved=False, summary=containers.overrun)
        if run.report is not None:
            return run, official_grade(run.report)
        if run.failure:
            return run, Grade(resolved=False, summary=run.failure)
        raise SandboxError(f"{self.instance.id} was not judged: {safe_line(run.fault).rstrip('.')}.")


def _clipped(text: str) -> str:
    if len(text) <= _MAX_KEPT_CHARS:
        return text
    half = _MAX_KEPT_CHARS // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters are left out ...\n{text[-half:]}"
