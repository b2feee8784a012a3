"""A bench of fakes: everything that carrying out an action takes, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dgm.config import Diagnoses, Integrity, Sessions, Steps
from dgm.core.actions import Evaluate, Expand
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Attempt, Execution
from dgm.evolution.bench import Bench, Job
from tests.fakes.benchmark import FakeBenchmark, solved
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, ran

AGENT = AgentId("a" * 12)
CODE: FileTree = {"main.py": File(b"print('agent')\n"), "tools.py": File(b"TOOLS = []\n")}


class StillClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_000_000.0

    def monotonic(self) -> float:
        return 50.0


AgentProgram = Callable[[FakeContainer, Call], Execution]


def solving(container: FakeContainer, call: Call) -> Execution:
    """Play an agent that resolves the task "ant"."""
    del call
    container.files["/workspace/answer.py"] = solved("ant")
    return ran()


@dataclass
class Fakes:
    """The fakes of one test, and the bench made of them."""

    agent: AgentProgram = solving
    benchmark: FakeBenchmark = field(default_factory=FakeBenchmark)
    models: FakeModelAccess = field(default_factory=FakeModelAccess)
    steps: Steps = field(default_factory=Steps)
    diagnoses: Diagnoses = field(default_factory=Diagnoses)
    integrity: Integrity = field(default_factory=Integrity)
    run_seed: int = 3
    sandbox: FakeSandbox = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = FakeSandbox({("/usr/bin/python3", "/agent/main.py"): self.agent})

    @property
    def bench(self) -> Bench:
        """Everything behind the ports."""
        return Bench(
            self.benchmark,
            self.sandbox,
            self.models,
            limits=Sessions(),
            steps=self.steps,
            diagnoses=self.diagnoses,
            integrity=self.integrity,
            clock=StillClock(),
            run_seed=self.run_seed,
        )


def evaluate_job(task: str = "ant", trial: int = 0) -> tuple[Job, Evaluate]:
    """Return the first decision's job: measure an agent on a task."""
    action = Evaluate(AGENT, TaskId(task), trial)
    return Job(action, Attempt(1, 1), CODE), action


def expand_job() -> tuple[Job, Expand]:
    """Return the second decision's job: expand an agent that did not resolve "bee"."""
    action = Expand(AGENT, step=4)
    failed = Outcome(TaskId("bee"), 0, Verdict.UNRESOLVED, "0 of 1 tests passed", 1.0, SessionId("00001.1.agent"))
    return Job(action, Attempt(2, 1), CODE, outcomes=(failed,)), action
