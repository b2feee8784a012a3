"""Instances as tasks: what an agent is told of one, and what it may change."""

from dgm.benchmarks.swebench.records import Instance
from dgm.core.errors import MalformedContentError
from dgm.core.hunks import patched_paths
from dgm.core.tasks import KnownTask, Repository, Task

REPOSITORY = "/testbed"
TIMEOUT_S = 3600.0

_WHAT_COUNTS = f"""\
# What counts

The repository {{repo}} stands in `{REPOSITORY}`, at the state in which the issue was reported. Change its files so \
that the issue is resolved; what you leave there is your answer, committed or not.

Hidden tests judge it: some that the issue is about, and those that passed before and must still pass. They are laid \
over the repository's own, so what you change in test files is not taken.

What the repository needs is installed; the commands of its own environment (`testbed`, where there is one) come first \
on the PATH. There is no network."""


def task_of(instance: Instance, *, hints: bool) -> Task:
    """Return the task that an instance is.

    Args:
        instance: says all of it.
        hints: whether agents are told what was said about the issue before it was resolved.
    Raises:
        MalformedContentError: its hidden tests or its gold patch are no patch.
    """
    test_paths = _paths(instance, "test_patch", instance.test_patch) if instance.test_patch.strip() else ()
    _paths(instance, "patch", instance.patch)  # which is needed once a solution is right, and has been paid for
    return Task(
        id=instance.id,
        statement=_statement(instance, hints=hints),
        workspace={},
        solution_paths=(),
        image=instance.image,
        repository=Repository(REPOSITORY, instance.base_commit),
        test_paths=test_paths,
        timeout_s=TIMEOUT_S,
        group=instance.repo,
    )


def known_task_of(instance: Instance, *, hints: bool) -> KnownTask:
    """Return the same task with its gold patch; errors as `task_of`."""
    return KnownTask(task_of(instance, hints=hints), reference={}, naive={}, must_see="", patch=instance.patch)


def _paths(instance: Instance, field: str, patch: str) -> tuple[str, ...]:
    try:
        return patched_paths(patch)
    except MalformedContentError as error:
        raise MalformedContentError(f"Instance {instance.id}: {field} cannot be read: {error}") from error


def _statement(instance: Instance, *, hints: bool) -> str:
    texts = [f"# An issue of {instance.repo}", instance.problem_statement.strip()]
    if hints and instance.hints_text.strip():
        texts += ["# What was said about it before it was resolved", instance.hints_text.strip()]
    return "\n\n".join([*texts, _WHAT_COUNTS.format(repo=instance.repo)]) + "\n"
