"""What tests of real gradings need: synthetic instances, a sandbox that has their images, a judge."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dgm.benchmarks.swebench import judge
from dgm.benchmarks.swebench.harness import HarnessRun, Request, run_harness
from dgm.benchmarks.swebench.judge import Judging
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.config import SandboxLimits, SweBench
from dgm.core.files import Change, File
from dgm.core.ids import SessionId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from dgm.sandbox.reaper import collect_garbage
from dgm.sandbox.task_images import TaskImages
from tests.docker_fixtures import RUN
from tests.fakes.instances import SyntheticInstance, built_images, instance_named


@dataclass(frozen=True, slots=True)
class SweBenchBench:
    """A judge of one set of settings, and what it needs."""

    judging: Judging
    sandbox: DockerSandbox
    kept: Path

    def instance(self, name: str) -> Instance:
        """Return a synthetic instance; its image is built."""
        synthetic = instance_named(name)
        return read_record(dict(built_images(self.sandbox.engine, [synthetic])[0]), number=1, source="the tests")

    def grade(self, name: str, solution: Change, *, session: str = "test.grading") -> Grade:
        """Judge a change of an instance."""
        return self.judging.grade(self.instance(name), solution, sandbox=self.sandbox, session=SessionId(session))

    def grade_patch(self, name: str, patch: str | None = None, *, session: str = "test.grading") -> Grade:
        """Judge a patch of an instance, its own gold patch unless given."""
        instance = self.instance(name)
        wanted = instance.patch if patch is None else patch
        return self.judging.grade_patch(instance, wanted, sandbox=self.sandbox, session=SessionId(session))

    def live_containers(self) -> int:
        """Return how many containers of these tests there are."""
        return len(self.sandbox.engine.containers(label=f"dgm.run={RUN}"))


@contextmanager
def swebench_bench(
    directory: Path, settings: SweBench | None = None, *, limits: SandboxLimits | None = None
) -> Generator[SweBenchBench]:
    """Make a bench below `directory`, which may hold the gold runs of an earlier one; nothing of it lives on."""
    chosen = settings or SweBench(grading_timeout_s=60)
    engine = connect()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        images = TaskImages(engine, quota_bytes=2**50, say=_quiet, pin=_unpinned)
        sandbox = DockerSandbox(
            engine, limits or SandboxLimits(), run=RUN, directory=directory, task_images=images, swebench=chosen
        )
        try:
            kept = directory / "gradings"
            yield SweBenchBench(Judging(chosen, keep=kept, cache=directory / "gold"), sandbox, kept)
        finally:
            sandbox.abort()
            collect_garbage(engine, everything=True, run=RUN)
            sandbox.close()


@contextmanager
def hurry(timeout_s: float) -> Generator[None]:
    """Give tests so much time, but with a gold patch as much as the settings say."""

    def hurried(request: Request, *, environment: Mapping[str, str]) -> HarnessRun:
        is_gold = request.patch == request.record["patch"]
        return run_harness(request if is_gold else replace(request, timeout_s=timeout_s), environment=environment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "run_harness", hurried)
        yield


def edited(instance: SyntheticInstance, path: str, edit: Callable[[str], str]) -> Change:
    """Return a change of one file that is there."""
    before = instance.base[path]
    return Change({path: before}, {path: File(edit(before.content.decode()).encode())})


def solved(instance: SyntheticInstance, **more: str) -> Change:
    """Return the gold solution as files, with more new ones."""
    before = {path: instance.base[path] for path in instance.gold if path in instance.base}
    return Change(before, {**instance.gold, **{path: File(text.encode()) for path, text in more.items()}})


def _quiet(line: str) -> None:
    del line


def _unpinned(reference: str, digest: str) -> None:
    del reference, digest
