"""The simulator is the engine: with one worker it decides what the engine decides of the same results."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.cli.simulated import policy_named
from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Rejection, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import SandboxError
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome, Usage, Verdict
from dgm.core.ports import Decision
from dgm.evolution.bench import Job
from dgm.evolution.engine import Engine
from dgm.evolution.plan import Plan
from dgm.simulation import PRESETS, Happening, Landscape, Setting, simulate
from dgm.simulation.world import SEED_AGENT, Effort, World
from tests.fakes.archive import MemoryArchive

POLICIES = ("dgm", "dgm:no-self-improve", "dgm:no-open-ended", "dgm:greedy", "hgm", "pareto", "random")
SMALL = replace(PRESETS["disagree"], stage_sizes=(2, 4), faults=0.2)


class AtOnce(Executor):
    """Does each job when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except SandboxError as error:
            future.set_exception(error)
        return future


class Nobody:
    """A watcher that does not watch."""

    def started(self, decision: Decision) -> None: ...
    def recorded(self, decision: Decision, result: ActionResult) -> None: ...
    def faulted(self, decision: Decision, fault: Exception) -> None: ...
    def held(self, decision: Decision, step: Step) -> None: ...
    def told(self, answer: str) -> None: ...
    def controlled(self, controls: Sequence[StandingControl]) -> None: ...


def code_of(step: int) -> FileTree:
    return {"main.py": File(f"{step}".encode())}


def step_of(code: FileTree) -> int:
    return int(code["main.py"].content)


def perform(job: Job, world: World) -> ActionResult:
    """Do a job as the world has it, with its faults."""
    match job.action:
        case Evaluate(task=task, trial=trial):
            found, effort = world.evaluated(step_of(job.code), (task, trial))
            _raise_faults(job, effort)
            return Outcome(
                task,
                trial,
                Verdict.RESOLVED if found.resolved else Verdict.UNRESOLVED,
                summary="",
                seconds=effort.seconds,
                session=job.session("agent"),
                usage=Usage(input_tokens=found.tokens, cost_usd=found.cost_usd),
                patch="\n+" * found.changed_lines,
            )
        case Expand() as action:
            parent = step_of(job.code)
            editor = parent if job.editor is None else step_of(job.editor)
            makes_child, effort = world.expanded(action.step, parent=parent, editor=editor)
            _raise_faults(job, effort)
            return Step(
                number=action.step,
                parent=action.parent,
                evidence_task=job.unresolved[0].task,
                diagnosis=None,
                child=code_of(action.step) if makes_child else None,
                rejection=None if makes_child else Rejection.NOT_AN_AGENT,
                detail="",
                seconds=effort.seconds,
                sessions=(),
            )


def _raise_faults(job: Job, effort: Effort) -> None:
    if job.attempt.number <= effort.faults:
        raise SandboxError("a hiccup")


def run_of_engine(name: str, landscape: Landscape, setting: Setting, *, seed: int) -> tuple[list[Action], int, float]:
    """Return what the engine decided, the number of faults, and how good the agent is that the archive picks.

    Agents are named by their steps, as in the simulation.
    """
    world, archive = World(landscape, seed), MemoryArchive()
    archive.add_seed_agent(code_of(SEED_AGENT))
    plan = Plan(policy_named(name), setting.goal(world.stages()), workers=1, seed=seed)
    Engine(archive, plan, executor=AtOnce(), perform=lambda job: perform(job, world), watcher=Nobody()).run()
    names = {agent.id: AgentId(f"{agent.step:012x}") for agent in archive.agent_tree()}
    decided = [_renamed(decision.action, names) for decision in archive.decisions]
    picked = archive.agent_tree()[archive.best()].step
    return decided, len(archive.faults), world.true_score(picked)


def _renamed(action: Action, names: dict[AgentId, AgentId]) -> Action:
    match action:
        case Evaluate(agent=agent):
            return replace(action, agent=names[agent])
        case Expand(parent=parent, editor=editor):
            return replace(action, parent=names[parent], editor=editor and names[editor])


@pytest.mark.parametrize("name", POLICIES)
@given(seed=st.integers(0, 2**32), landscape=st.sampled_from(sorted(PRESETS)), evaluations=st.none() | st.just(25))
@settings(max_examples=3, deadline=None)
def test_with_one_worker_the_simulator_decides_what_the_engine_decides(
    name: str, seed: int, landscape: str, evaluations: int | None
) -> None:
    small = replace(PRESETS[landscape], stage_sizes=SMALL.stage_sizes, faults=SMALL.faults)
    setting = Setting(workers=1, children=6, evaluations=evaluations)
    decided: list[Action] = []

    def watch(happening: Happening) -> None:
        if happening.is_start:
            decided.append(happening.action)

    course = simulate(policy_named(name), small, setting, seed=seed, watch=watch)

    assert (decided, course.faults, course.picked) == run_of_engine(name, small, setting, seed=seed)
