"""A merge: a child of two parents, whose changes since their last common ancestor are put together.

Source: crossover of agents, as in Yuan et al. 2024, EvoAgent, arXiv:2406.14228; there a model mixes the settings of
two agents, here a three-way merge joins their code, and a model is asked only about what does not agree.
"""

from collections.abc import Sequence
from dataclasses import replace

from dgm.boundary.merging import OURS, THEIRS, Merged, merged_trees
from dgm.boundary.patches import unified_patch
from dgm.boundary.text import safe_line
from dgm.core.actions import Expand, Rejection, Step
from dgm.core.files import File, FileTree, changed_paths
from dgm.core.ids import AgentId, TaskId
from dgm.evolution.bench import Bench, Job
from dgm.evolution.diagnosis import contract
from dgm.evolution.prompts import prompt
from dgm.evolution.quoting import quoted
from dgm.evolution.step import probed, self_modified
from dgm.evolution.validation import size_problem

_SHOWN_CONFLICTS = 50
_SHOWN_PATCH_CHARS = 30_000  # of each side
_NAMED_FILES = 3  # in one sentence

_HAS_ALL = "the first parent has all that the second one changed"
_ALL_THE_SECONDS = "what came of it is the second parent's code"


def merge(job: Job, action: Expand, partner: AgentId, bench: Bench) -> Step:
    """Merge the code of two parents and return the step, accepted or rejected.

    Without a conflict no model is called: the merged code is the child if it is still an agent. Else the first parent
    settles the conflicts, or the editor, where another agent does the editing.

    Args:
        job: with the code of both parents and of their last common ancestor.
        action: what is carried out.
        partner: the second parent.
        bench: what is behind the ports.
    Raises:
        OutOfBudgetError, InfrastructureError: it could not be carried out; there is no step.
    """
    started = bench.clock.monotonic()
    second, ancestor = _required(job.partner), _required(job.ancestor)
    merged = merged_trees(ancestor, job.code, second)
    step = Step(
        number=action.step,
        parent=action.parent,
        evidence_task=TaskId(""),
        diagnosis=None,
        child=None,
        rejection=None,
        detail="",
        seconds=0.0,
        sessions=(),
        partner=partner,
        conflicts=merged.conflicts,
    )
    done = _settled if merged.conflicts else _joined
    step = _unless_a_copy(done(job, step, merged, bench), second)
    return replace(step, seconds=bench.clock.monotonic() - started)


def _joined(job: Job, step: Step, merged: Merged, bench: Bench) -> Step:
    """Return the step where the sides agree."""
    if not changed_paths(job.code, merged.tree):
        return _rejected(step, Rejection.NOTHING_TO_MERGE, _HAS_ALL)
    if not changed_paths(_required(job.partner), merged.tree):
        return _rejected(step, Rejection.NOTHING_TO_MERGE, _ALL_THE_SECONDS)
    step = replace(step, patch=unified_patch(job.code, merged.tree))
    if (problem := size_problem(merged.tree)) is not None:
        return _rejected(step, Rejection.TOO_LARGE, problem)
    return probed(job, step, merged.tree, bench)


def _settled(job: Job, step: Step, merged: Merged, bench: Bench) -> Step:
    """Return the step where an agent has to settle what the sides do not agree on."""
    step = self_modified(job, step, _statement(job, merged), workspace=merged.tree, bench=bench)
    if step.rejection is Rejection.EMPTY_PATCH:  # it did something: it took all of one side
        detail = f"the conflicts were settled as the first parent has it ({step.exit})"
        return _rejected(step, Rejection.NOTHING_TO_MERGE, detail)
    if step.rejection is Rejection.NOT_AN_AGENT and _are_left_in(step.patch, merged):
        return replace(step, detail=f"marks of the merge's conflicts are left; {step.detail}")
    if step.child is not None and (left := merged.left_in(step.child)):
        return _rejected(step, Rejection.NOT_AN_AGENT, f"marks of the merge's conflicts are left in {_named(left)}")
    return step


def _are_left_in(patch: str, merged: Merged) -> bool:
    """Return whether a patch adds marks, as far as it is kept: more is not known of what is no agent."""
    added = File("\n".join(line[1:] for line in patch.split("\n") if line.startswith("+")).encode())
    return bool(merged.left_in(dict.fromkeys(merged.marked, added)))


def _unless_a_copy(step: Step, second: FileTree) -> Step:
    if step.child is None or changed_paths(second, step.child):
        return step
    return _rejected(step, Rejection.NOTHING_TO_MERGE, _ALL_THE_SECONDS)


def _rejected(step: Step, rejection: Rejection, detail: str) -> Step:
    return replace(step, child=None, rejection=rejection, detail=detail)


def _statement(job: Job, merged: Merged) -> str:
    ancestor = _required(job.ancestor)
    return prompt(
        "merge",
        conflicts="\n".join(_conflict_lines(merged)),
        first=OURS,
        second=THEIRS,
        first_patch=_shown_patch(ancestor, job.code),
        second_patch=_shown_patch(ancestor, _required(job.partner)),
        contract=contract(),
    )


def _conflict_lines(merged: Merged) -> list[str]:
    lines = [f"- `{safe_line(path)}`, {_state(path, merged)}" for path in merged.conflicts[:_SHOWN_CONFLICTS]]
    more = len(merged.conflicts) - len(lines)
    return lines if more <= 0 else [*lines, f"- and {more:,} more"]


def _state(path: str, merged: Merged) -> str:
    if path in merged.marked:
        return "with marks"
    return "as one version has it" if path in merged.tree else "not there"


def _shown_patch(before: FileTree, after: FileTree) -> str:
    return quoted(unified_patch(before, after, max_chars=_SHOWN_PATCH_CHARS), most=_SHOWN_PATCH_CHARS)


def _named(paths: Sequence[str]) -> str:
    named = ", ".join(safe_line(path, max_chars=80) for path in paths[:_NAMED_FILES])
    return named if len(paths) <= _NAMED_FILES else f"{named} and {len(paths) - _NAMED_FILES:,} more"


def _required(code: FileTree | None) -> FileTree:
    if code is None:
        raise ValueError("a merge takes the code of two parents and of their common ancestor")
    return code
