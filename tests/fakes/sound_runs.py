"""Runs on disk as evolving leaves them: every result attempted, paid for and written down. For checks of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from dgm.archive.run import RunArchive
from dgm.boundary.chat import ChatRequest, Message
from dgm.config import RunConfig
from dgm.config.run import Search
from dgm.core.actions import Diagnosis, Evaluate, EvidenceKind, Expand, Judgement, Rejection, Step
from dgm.core.controls import Controlled, StandingControl
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId, session_id
from dgm.core.outcomes import Outcome, Usage, Verdict
from dgm.core.oversight import Intervention, Review
from dgm.gateway.transcripts import TranscriptWriter, transcript_path
from tests.fakes.runs import new_run

WORST = Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.01)
USED = Usage(calls=1, input_tokens=70, output_tokens=20, cost_usd=0.0000123456)
HELD_OUT = TaskId("held-out")
_ASKED = ChatRequest(model="m", messages=(Message(role="user", content="Do it."),))


@dataclass
class Growing:
    """A run that grows by chance, as an engine and a gateway would let it grow."""

    archive: RunArchive
    random: Random
    agents: list[AgentId] = field(default_factory=list[AgentId])
    tasks: int = 0

    def __post_init__(self) -> None:
        self.agents.append(self.archive.seed_agent())

    def pay(self, session: SessionId, *, calls: int = 2, lost: int = 0) -> Usage:
        """Make calls of a session, the lost ones without an end, and return what they used."""
        for number in range(1, calls + lost + 1):
            self.archive.reserve_call(session, number, worst_case=WORST)
            if number <= calls:
                self.archive.settle_call(session, number, usage=USED)
                self.write(session, number)
        return sum((USED for _ in range(calls)), sum((WORST for _ in range(lost)), Usage()))

    def write(self, session: SessionId, number: int) -> None:
        """Add an answered call to a session's transcript."""
        answer = Message(role="assistant", content=f"answer {number}")
        usage = {"input_tokens": USED.input_tokens, "output_tokens": USED.output_tokens}
        told = {"answer": {"content": answer.content}, "finish_reason": "stop", "usage": usage}
        record = {"number": number, "time": 1_800_000_000.0, "seconds": 0.5, **told, "cost_usd": USED.cost_usd}
        writer = TranscriptWriter(transcript_path(self.archive.directory / "transcripts", session))
        writer.add(_ASKED, record, answer=answer)

    def probe(self, session: SessionId) -> None:
        """Make the one call of a probe, which costs nothing and is not written down here."""
        self.archive.reserve_call(session, 1, worst_case=Usage(calls=1))
        self.archive.settle_call(session, 1, usage=Usage(calls=1))
        writer = TranscriptWriter(transcript_path(self.archive.directory / "transcripts", session))
        usage = {"input_tokens": 0, "output_tokens": 0}
        writer.add(_ASKED, {"number": 1, "answer": {"content": "done"}, "usage": usage}, answer=None)

    def measure(self, agent: AgentId, task: TaskId, *, verdict: Verdict = Verdict.RESOLVED) -> None:
        """Measure an agent, now and then at the second attempt."""
        decision = self.archive.decide(Evaluate(agent, task, 0)).number
        attempt = self._attempted(decision)
        session = session_id(decision, attempt, "agent")
        usage = self.pay(session, calls=self.random.randint(0, 3), lost=self.random.randint(0, 1))
        flags = ("a test was gone",) if self.random.random() < 0.2 else ()
        outcome = Outcome(task, 0, verdict, "3 of 5", 1.5, session, usage, "+ line\n", ("x.py",), flags)
        self.archive.add_outcome(decision, agent, outcome)

    def expand(self, *, code: str | None = None, partner: AgentId | None = None, held: bool | None = None) -> None:
        """Carry out a step: rejected without code; with `held`, a person sees it first, and says that or no."""
        parent = self.random.choice([agent for agent in self.agents if agent != partner])
        number = max((d.action.step for d in self.archive.decisions() if isinstance(d.action, Expand)), default=0) + 1
        decision = self.archive.decide(Expand(parent, number, partner=partner)).number
        attempt = self._attempted(decision)
        sessions = [session_id(decision, attempt, purpose) for purpose in ("diagnose", "interest.diagnose", "improve")]
        usage = sum((self.pay(session) for session in sessions), Usage())
        probe = session_id(decision, attempt, "probe")
        child = None if code is None else {"main.py": File(code.encode())}
        step = Step(
            number=number,
            parent=parent,
            evidence_task=TaskId("task-0"),
            diagnosis=Diagnosis("log", ("one",), "propose", "how", "what"),
            child=child,
            rejection=Rejection.NOT_AN_AGENT if child is None else None,
            detail="",
            seconds=2.0,
            sessions=(*sessions, probe) if held is None else tuple(sessions),
            usage=usage,
            evidence_kind=EvidenceKind.STOCHASTICITY,
            judgement=Judgement(is_new=True, reason="new"),
            partner=partner,
            conflicts=("main.py",) if partner else (),
        )
        if held is None:
            self.probe(probe)
        else:
            self.archive.hold(decision, step)
            self.archive.add_review(decision, Review(approved=held, reason="looked at it"))
            if not held:
                step = replace(step, child=None, rejection=Rejection.NOT_APPROVED)
        made = self.archive.add_step(decision, step)
        self.agents += [] if made is None else [made.id]

    def control(self) -> None:
        """Record controls, with the seed agent's probe."""
        self.probe(session_id(0, len(self.archive.starts()), "probe"))
        controls: tuple[tuple[Controlled, str], ...] = (("base", "task-0"), ("reference", "task-0"), ("seed agent", ""))
        self.archive.add_controls(
            [StandingControl(of, TaskId(task), passed=True, summary="as known", seconds=0.5) for of, task in controls]
        )

    def anything(self) -> None:
        """Do something that a run does."""
        self.tasks += 1
        kind = self.random.randrange(7)
        if kind == 0:
            self.expand()
        elif kind == 1:
            self.expand(code=f"print({self.tasks})\n")
        elif kind == 2 and len(self.agents) > 1:
            self.expand(code=f"print({self.tasks})\n", partner=self.agents[-1])
        elif kind == 3:
            self.expand(code=f"print({self.tasks})\n", held=self.random.random() < 0.5)
        elif kind == 4:
            self.abandon()
        elif kind == 5:
            self.archive.add_intervention(Intervention.PAUSE, "lunch")
        else:
            self.measure(self.random.choice(self.agents), TaskId(f"task-{self.tasks}"))

    def abandon(self) -> None:
        """Begin a measurement that is never recorded; its last call is not written down."""
        decision = self.archive.decide(Evaluate(self.agents[0], TaskId(f"open-{self.tasks}"), 0)).number
        session = session_id(decision, self._attempted(decision), "agent")
        self.pay(session, calls=1)
        self.archive.reserve_call(session, 2, worst_case=WORST)
        self.archive.settle_call(session, 2, usage=USED)

    def _attempted(self, decision: int) -> int:
        attempt = self.archive.begin_attempt(decision)
        if self.random.random() < 0.3:
            self.pay(session_id(decision, attempt.number, "agent"), lost=1)
            self.archive.add_fault(decision, "the disk was full")
            attempt = self.archive.begin_attempt(decision)
        return attempt.number


def sound_run(directory: Path, *, held_out: Sequence[TaskId] = (HELD_OUT,)) -> None:
    """Make a run that has something of everything."""
    config = RunConfig(search=Search(holdout=0.5 if held_out else 0.0))
    with new_run(directory, config=config, held_out=held_out) as archive:
        growing = Growing(archive, Random(4))
        growing.control()
        for task in ("task-0", HELD_OUT):
            growing.measure(growing.agents[0], TaskId(task))
        growing.expand(code="print(1)\n")
        growing.expand()
        growing.expand(code="print(2)\n", partner=growing.agents[1])
        growing.expand(code="print(3)\n", held=True)
        growing.expand(code="print(4)\n", held=False)
        growing.measure(growing.agents[-1], TaskId("task-0"), verdict=Verdict.UNRESOLVED)
        growing.abandon()
        archive.add_intervention(Intervention.STOP, "enough")
        archive.end("drained")
