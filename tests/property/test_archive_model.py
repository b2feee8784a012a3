"""Random histories of a run on disk, closed and reopened at random, against the archive in memory."""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dgm.archive.records import Amount, BesideStep, amount_of, storable
from dgm.archive.run import RunArchive, open_run, read_run
from dgm.core.actions import Evaluate, EvidenceKind, Expand, Judgement, Rejection
from dgm.core.errors import ArchiveError
from dgm.core.files import File
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from dgm.core.scores import score_of
from tests.fakes.archive import MemoryArchive
from tests.fakes.runs import SEED_CODE, TickingClock, diagnosis, new_run, outcome, step

AMOUNTS = st.builds(
    Usage,
    calls=st.just(1),
    input_tokens=st.integers(10**5, 10**6),
    output_tokens=st.integers(0, 10**6),
    cost_usd=st.integers(0, 10**12).map(lambda nanos: nanos / 10**9),
    cache_read_tokens=st.integers(0, 50_000),
    cache_write_tokens=st.integers(0, 50_000),
)
NAMES = st.sampled_from(["main.py", "tools/edit.py", "tools/deep/er.py", "a.b", "ä/ö", "a"])
CODE = st.dictionaries(NAMES, st.builds(File, st.binary(max_size=50), st.booleans()), max_size=4).filter(
    lambda code: not ("a" in code and "a/" in "".join(code))
)
FLAGS = st.lists(st.sampled_from(["It ended early.", "A test did not run."]), max_size=2).map(tuple)
PICK = st.integers(0, 10**6)
NOBODY = st.none() | PICK
HELD_OUT = {TaskId("task-3")}
PATCHES = st.lists(st.sampled_from(["\n+", "\n-", "\n", "+", "\0", "\r", "ä"]), max_size=6).map("".join)
STEPS = st.fixed_dictionaries(
    {
        "evidence_kind": st.sampled_from(list(EvidenceKind)),
        "judgement": st.none() | st.builds(Judgement, st.booleans(), st.text(max_size=9)),
        "conflicts": st.lists(st.sampled_from(["main.py", "a\ud800"]), max_size=2).map(tuple),
        "diagnosis": st.none() | st.builds(diagnosis, st.text(max_size=9)),
    }
)


class Histories(RuleBasedStateMachine):
    """Does the same to both archives."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory()
        self.directory = Path(self._place.name) / "run"
        self.disk: RunArchive = new_run(self.directory, held_out=HELD_OUT)
        self.memory = MemoryArchive(held_out=HELD_OUT)
        self.memory.add_seed_agent(SEED_CODE)

    def teardown(self) -> None:
        self.disk.close()
        self._place.cleanup()

    @rule()
    def reopen(self) -> None:
        self.disk.close()
        self.disk = open_run(self.directory, clock=TickingClock())

    @rule(pick=PICK, editor=NOBODY, partner=NOBODY)
    def decide_to_expand(self, pick: int, editor: int | None, partner: int | None) -> None:
        agents = list(self.memory.agent_tree())
        taken = sum(isinstance(decision.action, Expand) for decision in self.memory.decisions)
        others = [None if each is None else agents[each % len(agents)].id for each in (editor, partner)]
        parent = agents[pick % len(agents)].id
        action = Expand(parent, taken + 1, editor=others[0], partner=None if others[1] == parent else others[1])
        assert self.disk.decide(action) == self.memory.decide(action)

    @rule(pick=PICK, task=st.integers(0, 3), trial=st.integers(0, 1))
    def decide_to_evaluate(self, pick: int, task: int, trial: int) -> None:
        agents = list(self.memory.agent_tree())
        action = Evaluate(agents[pick % len(agents)].id, TaskId(f"task-{task}"), trial)
        assert self.disk.decide(action) == self.memory.decide(action)

    @rule(pick=PICK)
    def begin_attempt(self, pick: int) -> None:
        waiting = self.memory.open_decisions()
        if waiting:
            number = waiting[pick % len(waiting)].number
            assert self.disk.begin_attempt(number) == self.memory.begin_attempt(number)

    @rule(
        pick=PICK,
        code=CODE,
        accepted=st.booleans(),
        verdict=st.sampled_from(list(Verdict)),
        flags=FLAGS,
        patch=PATCHES,
        told=STEPS,
    )
    def end_a_decision(
        self,
        pick: int,
        code: dict[str, File],
        accepted: bool,
        verdict: Verdict,
        flags: tuple[str, ...],
        patch: str,
        told: dict[str, Any],
    ) -> None:
        waiting = self.memory.open_decisions()
        if not waiting:
            return
        decision = waiting[pick % len(waiting)]
        match decision.action:
            case Expand(parent=parent, step=number, partner=partner):
                done = step(number, parent, child=code if accepted else None, rejection=Rejection.EMPTY_PATCH)
                done = replace(done, partner=partner, **told)
                on_disk, in_memory = (each.add_step(decision.number, done) for each in (self.disk, self.memory))
                assert (on_disk and on_disk.id) == (in_memory and in_memory.id)
            case Evaluate(agent=agent, task=task, trial=trial):
                result = replace(outcome(task, verdict, trial=trial, flags=flags), patch=patch)
                refusals = 0
                for archive in (self.disk, self.memory):
                    try:
                        archive.add_outcome(decision.number, agent, result)
                    except ArchiveError:
                        refusals += 1
                assert refusals in {0, 2}

    @rule(
        session=st.integers(1, 2),
        role=st.sampled_from(list(Role)),
        number=st.integers(1, 2),
        amount=AMOUNTS,
        reserve=st.booleans(),
    )
    def pay(self, session: int, role: Role, number: int, amount: Usage, reserve: bool) -> None:
        name = SessionId(f"{session:05}.1.{role.value}")
        refusals = 0
        for archive in (self.disk, self.memory):
            try:
                if reserve:
                    archive.reserve_call(name, number, worst_case=amount)
                else:
                    archive.settle_call(name, number, usage=amount)
            except ArchiveError:
                refusals += 1
        assert refusals in {0, 2}

    @invariant()
    def both_say_the_same(self) -> None:
        assert _facts(self.disk) == _facts(self.memory)

    @rule()
    def a_reader_sees_what_the_writer_remembers(self) -> None:
        with read_run(self.directory) as reader:
            assert list(reader.agent_tree()) == list(self.disk.agent_tree())
            assert reader.outcomes() == self.disk.outcomes()
            assert reader.open_decisions() == self.disk.open_decisions()
            assert reader.spent() == self.disk.spent()
            assert reader.steps_done() == self.disk.steps_done()
            assert reader.scores() == {agent: score_of(found) for agent, found in self.disk.outcomes().items()}
            assert list(reader.scores().items()) == list(self.disk.scores().items())
            assert reader.unsettled() == self.disk.unsettled()
            assert reader.proposals() == self.disk.proposals()
            assert reader.agent_count() == self.disk.agent_count()
            assert reader.steps() == self.disk.steps()

    @invariant()
    def steps_come_back_with_all_that_was_known_of_them(self) -> None:
        known = {done.number: done for done in self.memory.steps}
        actions = {
            decision.action.step: decision.action
            for decision in self.memory.decisions
            if isinstance(decision.action, Expand)
        }
        for record in self.disk.steps():
            done = known[record.number]
            assert record.diagnosis == done.diagnosis
            assert record.beside == BesideStep(
                editor=actions[record.number].editor,
                partner=done.partner,
                evidence_kind=done.evidence_kind,
                judgement=done.judgement and replace(done.judgement, reason=storable(done.judgement.reason)),
                conflicts=tuple(map(storable, done.conflicts)),
            )

    @rule()
    def costs_by_role_add_up(self) -> None:
        assert _total(self.disk.usage_by_role().values()) == amount_of(self.disk.spent())
        by_agent = self.disk.usage_by_agent()
        for agent, usage in by_agent.items():
            assert _total(self.disk.usage_by_role_of(agent).values()) == amount_of(usage)


def _total(usages: Iterable[Usage]) -> Amount:
    return sum((amount_of(usage) for usage in usages), Amount())


def _facts(archive: RunArchive | MemoryArchive) -> tuple[object, ...]:
    tree = archive.agent_tree()
    return (
        [(agent.id, agent.parents, agent.generation, agent.step) for agent in tree],
        {agent.id: archive.code(agent.id) for agent in tree},
        archive.outcomes(),
        {agent.id: archive.held_out_of(agent.id) for agent in tree},
        list(archive.measured()),
        archive.best(),
        {agent.id: archive.steps_from(agent.id) for agent in tree},
        archive.proposals(),
        archive.open_decisions(),
        archive.decision_count(),
        archive.steps_done(),
        archive.spent(),
    )


Histories.TestCase.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestHistories = pytest.mark.slow(Histories.TestCase)
