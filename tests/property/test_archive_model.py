"""Random histories of a run on disk, closed and reopened at random, against the archive in memory."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dgm.archive.records import Amount, amount_of
from dgm.archive.run import RunArchive, open_run, read_run
from dgm.core.actions import Evaluate, Expand, Rejection
from dgm.core.errors import ArchiveError
from dgm.core.files import File
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from dgm.core.scores import score_of
from tests.fakes.archive import MemoryArchive
from tests.fakes.runs import SEED_CODE, TickingClock, new_run, outcome, step

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


class Histories(RuleBasedStateMachine):
    """Does the same to both archives."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory()
        self.directory = Path(self._place.name) / "run"
        self.disk: RunArchive = new_run(self.directory)
        self.memory = MemoryArchive()
        self.memory.add_seed_agent(SEED_CODE)

    def teardown(self) -> None:
        self.disk.close()
        self._place.cleanup()

    @rule()
    def reopen(self) -> None:
        self.disk.close()
        self.disk = open_run(self.directory, clock=TickingClock())

    @rule(pick=PICK)
    def decide_to_expand(self, pick: int) -> None:
        agents = list(self.memory.agent_tree())
        taken = sum(isinstance(decision.action, Expand) for decision in self.memory.decisions)
        action = Expand(agents[pick % len(agents)].id, taken + 1)
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

    @rule(pick=PICK, code=CODE, accepted=st.booleans(), verdict=st.sampled_from(list(Verdict)), flags=FLAGS)
    def end_a_decision(
        self, pick: int, code: dict[str, File], accepted: bool, verdict: Verdict, flags: tuple[str, ...]
    ) -> None:
        waiting = self.memory.open_decisions()
        if not waiting:
            return
        decision = waiting[pick % len(waiting)]
        match decision.action:
            case Expand(parent=parent, step=number):
                done = step(number, parent, child=code if accepted else None, rejection=Rejection.EMPTY_PATCH)
                on_disk, in_memory = (each.add_step(decision.number, done) for each in (self.disk, self.memory))
                assert (on_disk and on_disk.id) == (in_memory and in_memory.id)
            case Evaluate(agent=agent, task=task, trial=trial):
                result = outcome(task, verdict, trial=trial, flags=flags)
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
        archive.open_decisions(),
        archive.decision_count(),
        archive.steps_done(),
        archive.spent(),
    )


Histories.TestCase.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestHistories = pytest.mark.slow(Histories.TestCase)
