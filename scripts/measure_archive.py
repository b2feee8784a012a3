"""Makes an archive of many agents and prints what working with it takes.

The agents are added by the archive's own functions that insert facts and write code, in few transactions and without
waiting for the disk at each: really adding 100,000 of them would take hours of waiting. Then some are really added.
Every agent was measured eight times; three rejected steps go with five that were accepted; each session called its
model four times. Those are the shares that rehearsals on the katas have.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

from dgm.archive import agent_code, codestore
from dgm.archive.codestore import REPOSITORY, CodeStore, CommitId, NewCommit
from dgm.archive.database import DATABASE, open_for_writing
from dgm.archive.difference import DiffStat
from dgm.archive.inserts import (
    insert,
    insert_agent,
    insert_decision,
    insert_outcome,
    insert_reservation,
    insert_settlement,
    insert_step,
)
from dgm.archive.message import commit_message
from dgm.archive.records import amount_of
from dgm.archive.run import RunArchive, create_run, open_run, read_run
from dgm.boundary.directories import read_agent_directory
from dgm.config import RunConfig
from dgm.content import seed_agent_directory
from dgm.core.actions import Action, Diagnosis, Evaluate, Expand, Rejection, Step
from dgm.core.agents import Agent
from dgm.core.files import File, FileTree, tree_hash
from dgm.core.ids import AgentId, SessionId, TaskId, agent_id, session_id
from dgm.core.outcomes import Outcome, Usage, Verdict, measured
from dgm.core.policies import POLICIES
from dgm.core.rules import Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.evolution.engine import view_of

TASKS = tuple(TaskId(f"task-{number:02}") for number in range(8))
CALLS = 4
RESOLVED_SHARE = 0.4
CALL = Usage(calls=1, input_tokens=1_400, output_tokens=80, cost_usd=0.0021, cache_read_tokens=900)
WORST = Usage(calls=1, input_tokens=2_000, output_tokens=4_096, cost_usd=0.07)
WORDS = "retry edit file when reply is empty because a test fails and nobody looks"
ADDED = 200
DRAWS = 50
AGENTS_OF_A_TRANSACTION = 1_000


def main(argv: Sequence[str]) -> None:
    """Make the archive unless it is there, and print the figures."""
    agents, place = int(argv[0]), Path(argv[1])
    directory = place / "run"
    if not (directory / DATABASE).exists():
        started = time.perf_counter()
        make_archive(directory, agents)
        say("making it, without waiting for the disk", f"{time.perf_counter() - started:,.0f} s")
    print("# seconds: on the clock, then of the processor; milliseconds: on the clock, the median, then the worst")
    with timed("opening for reading"), read_run(directory):
        pass
    with timed("opening for writing"):
        archive = open_run(directory)
    with archive:
        with timed("rebuilding the view on resume"):
            view = view_of(archive, goal_of(agents))
        measure_what_was_added(view)
        print_choices(view)
        print_updates(view)
        print_added(archive)
    print_verbs(directory)
    print_bytes(directory, len(view))


def say(what: str, value: str) -> None:
    """Print one line."""
    print(f"{what:<58} {value:>20}", flush=True)


@contextmanager
def timed(what: str) -> Generator[None]:
    """Print how long it takes, and how long of that the processor works."""
    started, worked = time.perf_counter(), time.process_time()
    yield
    say(what, f"{time.perf_counter() - started:.2f} s, {time.process_time() - worked:.2f} s")


def say_spread(what: str, seconds: Sequence[float]) -> None:
    """Print the median and the worst."""
    say(what, f"{1e3 * statistics.median(seconds):.2f} ms, {1e3 * max(seconds):.2f} ms")


# --- making it


@dataclass
class Growing:
    """A run that grows without waiting for the disk."""

    directory: Path
    archive: RunArchive
    code: FileTree
    random: Random
    steps: int = 0
    decisions: int = 0
    clock: float = 1_700_000_000.0  # in the past, as facts are: what came later is no sign of life, and sought for long
    agents: list[Agent] = field(default_factory=list[Agent])
    commits: dict[AgentId, CommitId] = field(default_factory=dict[AgentId, CommitId])

    def __post_init__(self) -> None:
        seed = self.archive.agent_tree().root
        self.agents.append(seed)
        self.archive.close()
        self.sql = open_for_writing(self.directory / DATABASE)
        self.sql.execute("PRAGMA synchronous = OFF")
        self.sql.execute("PRAGMA foreign_keys = OFF")
        self.store = RememberingStore(self.directory / REPOSITORY)
        (self.commits[seed.id],) = self.sql.execute("SELECT commit_id FROM agents").fetchone()

    def now(self) -> float:
        """Return the next moment."""
        self.clock += 0.25
        return self.clock

    def grow(self) -> None:
        """Add a step with its child and the child's measurements, before it sometimes one that was rejected."""
        if self.random.random() < 3 / 5:
            self.step(None)
        # The newer half of the agents has most of the children, so that lineages become long.
        parent = self.agents[int(len(self.agents) * self.random.random() ** 0.5)]
        child = self.step(child_code(self.code, self.steps + 1), parent)
        if child is not None:
            self.measure(child)

    def measure(self, agent: Agent) -> None:
        """Add an agent's measurements."""
        for task in TASKS:
            decision = self.decide(Evaluate(agent.id, task, 0))
            session = session_id(decision, 1, "agent")
            self.pay(session)
            found = outcome_of(task, session, self.random)
            insert_outcome(self.sql, decision, agent.id, found, at=self.now())

    def step(self, code: FileTree | None, parent: Agent | None = None) -> Agent | None:
        """Add a step, rejected without code."""
        parent = parent or self.agents[-1]
        self.steps += 1
        decision = self.decide(Expand(parent.id, self.steps))
        sessions = tuple(session_id(decision, 1, purpose) for purpose in ("diagnose", "improve"))
        for session in sessions:
            self.pay(session)
        step = step_of(self.steps, parent.id, sessions, code, self.random)
        if code is None:
            insert_step(self.sql, decision, step, at=self.now())
            return None
        child = Agent(
            agent_id(run_seed=0, step=self.steps, parent=parent.id, code_hash=tree_hash(code)),
            (parent.id,),
            parent.generation + 1,
            self.steps,
            self.now(),
        )
        new = NewCommit(commit_message(child, step), (self.commits[parent.id],), child.created_at)
        self.commits[child.id] = self.store.write(child.id, code, new)
        insert_agent(self.sql, child, commit=self.commits[child.id], code_hash=tree_hash(code))
        insert_step(self.sql, decision, step, at=self.now(), child=child.id, change=DiffStat(1, 12, 3))
        self.agents.append(child)
        return child

    def decide(self, action: Action) -> int:
        """Add a decision with its attempt."""
        self.decisions += 1
        insert_decision(self.sql, self.decisions, action, at=self.now())
        insert(self.sql, "attempts", decision=self.decisions, number=1, at=self.now())
        return self.decisions

    def pay(self, session: SessionId) -> None:
        """Add a session's calls."""
        for number in range(1, CALLS + 1):
            insert_reservation(self.sql, session, number, amount_of(WORST).without_cache, at=self.now())
            insert_settlement(self.sql, session, number, amount_of(CALL), at=self.now())


class RememberingStore(CodeStore):
    """Does not look again at what it stored: most files of an agent are its parent's."""

    def __init__(self, repository: Path) -> None:
        super().__init__(repository)
        self._stored: dict[bytes, str] = {}

    def _store(self, kind: codestore.Kind, content: bytes) -> str:
        if kind != "blob":
            return super()._store(kind, content)
        if len(self._stored) > AGENTS_OF_A_TRANSACTION:
            self._stored.clear()
        if content not in self._stored:
            self._stored[content] = super()._store(kind, content)
        return self._stored[content]


def make_archive(directory: Path, agents: int) -> None:
    """Make a run with so many agents."""
    code = read_agent_directory(seed_agent_directory())
    config = RunConfig(children=2 * agents)
    archive = create_run(
        directory, config=config, image="python", images={"python": "sha256:" + "0" * 64}, seed_code=code
    )
    with patch.object(codestore, "sync", nullcontext):
        growing = Growing(directory, archive, code, Random(agents))
        while len(growing.agents) < agents:
            growing.sql.execute("BEGIN")
            if growing.decisions == 0:
                growing.measure(growing.agents[0])
            for _ in range(min(AGENTS_OF_A_TRANSACTION, agents - len(growing.agents))):
                growing.grow()
            growing.sql.execute("COMMIT")
    growing.sql.execute("PRAGMA journal_mode = DELETE")
    growing.sql.close()


def child_code(code: FileTree, step: int) -> FileTree:
    """Return a child's code: one file differs from the seed agent's."""
    return {**code, "tools/editor.py": File(code["tools/editor.py"].content + f"\n# step {step}\n".encode())}


def prose(random: Random, words: int) -> str:
    """Return some text."""
    return " ".join(random.choices(WORDS.split(), k=words))


def patch_text(random: Random, lines: int) -> str:
    """Return a patch of so many lines, of about 40 characters each."""
    head = "--- a/solution.py\n+++ b/solution.py\n@@ -1,9 +1,30 @@\n"
    return head + "".join(f"{random.choice(' +-')}    {prose(random, 8)}\n" for _ in range(lines))


def outcome_of(task: TaskId, session: SessionId, random: Random) -> Outcome:
    """Return a measurement with a patch of 1.5 kB."""
    return Outcome(
        task=task,
        trial=0,
        verdict=Verdict.RESOLVED if random.random() < RESOLVED_SHARE else Verdict.UNRESOLVED,
        summary="3 of 5 tests passed",
        seconds=31.5,
        session=session,
        usage=Usage(calls=CALLS, input_tokens=CALLS * 1_400, output_tokens=CALLS * 80, cost_usd=CALLS * 0.0021),
        patch=patch_text(random, 34),
    )


def step_of(
    number: int, parent: AgentId, sessions: tuple[SessionId, ...], code: FileTree | None, random: Random
) -> Step:
    """Return a step with a patch of 4 kB and a diagnosis of 2 kB."""
    diagnosis = Diagnosis(
        prose(random, 150),
        (prose(random, 20), prose(random, 20)),
        prose(random, 40),
        prose(random, 80),
        prose(random, 80),
    )
    return Step(
        number=number,
        parent=parent,
        evidence_task=TASKS[number % len(TASKS)],
        diagnosis=diagnosis,
        child=code,
        rejection=None if code else Rejection.NOT_AN_AGENT,
        detail="" if code else "It does not start.",
        seconds=95.0,
        sessions=sessions,
        usage=Usage(2 * CALLS, 2 * CALLS * 1_400, 2 * CALLS * 80, 2 * CALLS * 0.0021),
        patch=patch_text(random, 90),
        exit="exit 0",
    )


# --- working with it


def goal_of(agents: int) -> Goal:
    """Return the goal of a run that goes on: every agent is measured, and as many children again are wanted."""
    stages = (Stage(TASKS, above=0.0),)
    return Goal(stages, trials=1, rule=Staged(stages, 1), children=2 * agents, steps=6 * agents)


def measure_what_was_added(view: ArchiveView) -> None:
    """Tell the view of measurements of agents that an earlier look at the archive added: else they would come first."""
    random = Random(3)
    for number in range(len(view)):
        if not view.done(number):
            for task in TASKS:
                view.add_measured(view.agent(number).id, measured(outcome_of(task, SessionId(""), random)))


def print_choices(view: ArchiveView) -> None:
    """Print how long each policy takes to choose."""
    for name, make_policy in POLICIES.items():
        policy = make_policy()
        say_spread(
            f"choosing with {name}, of {DRAWS}",
            [seconds_of(partial(policy.next_action, view, Random(f"0:{number}"))) for number in range(DRAWS)],
        )


def seconds_of(what: Callable[[], object]) -> float:
    """Return how long it takes."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def print_updates(view: ArchiveView) -> None:
    """Print how long the view takes to be told of an agent and of a measurement; afterwards it knows of more agents."""
    random, grown, told = Random(1), list[float](), list[float]()
    for number in range(DRAWS):
        parent = view.agent(random.randrange(len(view)))
        child = Agent(AgentId(f"{number:012x}"), (parent.id,), parent.generation + 1, view.next_step, 0.0)
        expand, evaluate = Expand(parent.id, view.next_step), Evaluate(child.id, TASKS[0], 0)
        view.begin(expand)
        grown.append(seconds_of(lambda: view.end_step(expand, child)))  # noqa: B023 - called at once
        view.begin(evaluate)
        found = measured(outcome_of(TASKS[0], SessionId(""), random))
        told.append(seconds_of(lambda: view.end_evaluation(evaluate, found)))  # noqa: B023
    say_spread(f"telling the view of an agent, of {DRAWS}", grown)
    say_spread(f"telling the view of an outcome, of {DRAWS}", told)


def print_added(archive: RunArchive) -> None:
    """Print how long it takes to really add agents, and git's share of it."""
    code, random, tree = archive.code(archive.agent_tree().root.id), Random(2), list(archive.agent_tree())
    whole, in_git = list[float](), list[float]()

    def by_git(function: Callable[..., object]) -> Callable[..., object]:
        def timed_function(*arguments: object, **options: object) -> object:
            started = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                in_git[-1] += time.perf_counter() - started

        return timed_function

    with (
        patch.object(CodeStore, "write", by_git(CodeStore.write)),
        patch.object(agent_code, "diff_stat", by_git(agent_code.diff_stat)),
    ):
        for _ in range(ADDED):
            number, parent = archive.steps_done() + 1, random.choice(tree).id
            decision = archive.decide(Expand(parent, number)).number
            sessions = (session_id(decision, 1, "improve"),)
            step = step_of(number, parent, sessions, child_code(code, number), random)
            in_git.append(0.0)
            whole.append(seconds_of(lambda: archive.add_step(decision, step)))  # noqa: B023 - called at once
    ours = [each - git for each, git in zip(whole, in_git, strict=True)]
    say_spread(f"adding an agent without git, of {ADDED}", ours)
    say_spread(f"git's share of adding an agent, of {ADDED}", in_git)


def print_verbs(directory: Path) -> None:
    """Print how long commands take that read the run."""
    program = str(Path(sys.executable).with_name("dgm"))
    for words in (("tree",), ("tree", "--json"), ("status",), ("best",)):
        started, worked = time.perf_counter(), seconds_of_children()
        done = subprocess.run([program, *words, str(directory)], capture_output=True, check=False)
        seconds = f"{time.perf_counter() - started:.2f} s, {seconds_of_children() - worked:.2f} s"
        say(f"dgm {' '.join(words)}", seconds if done.returncode == 0 else f"exit code {done.returncode}")


def seconds_of_children() -> float:
    """Return how long the processor worked for the processes that were started here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_bytes(directory: Path, agents: int) -> None:
    """Print how much an agent takes on the disk."""
    database = (directory / DATABASE).stat().st_size
    blocks = subprocess.run(["du", "-sk", directory / REPOSITORY], capture_output=True, check=True, text=True).stdout
    say("bytes per agent: database", f"{database / agents:,.0f}")
    say("bytes per agent: git, in loose objects", f"{1024 * int(blocks.split()[0]) / agents:,.0f}")
    free = shutil.disk_usage(directory).free
    say("free on that disk", f"{free / 2**30:,.0f} GiB")


if __name__ == "__main__":
    main(sys.argv[1:])
