"""The simulated model as a provider."""

import time
from collections.abc import Sequence
from types import MappingProxyType

from dgm.boundary.chat import ChatRequest, FunctionCall, ToolCall
from dgm.config import Price
from dgm.core.tasks import KnownTask
from dgm.gateway.provider import FREE, Completion, KeptTurns, byte_bound
from dgm.gateway.rehearsal import improver, solver
from dgm.gateway.rehearsal.diagnosis import diagnosis, is_diagnosis
from dgm.gateway.rehearsal.ideas import Idea, catalogue
from dgm.gateway.rehearsal.improver import Improving
from dgm.gateway.rehearsal.judging import is_question_of_interest, judgement
from dgm.gateway.rehearsal.patching import Patching
from dgm.gateway.rehearsal.session import Session
from dgm.gateway.rehearsal.solver import Solving
from dgm.gateway.rehearsal.texts import normalised
from dgm.gateway.rehearsal.worker import Answer, Work, next_answer

NAME = "rehearsal"
CHARACTERS_PER_TOKEN = 4


class RehearsalProvider:
    """A model without key, cost or network; implements `Provider`.

    Stateless: an answer is a function of the request and the seed, so it is the same whatever else runs beside it.
    """

    def __init__(self, known_tasks: Sequence[KnownTask], latency_s: float = 0.0) -> None:
        """Learn the answers.

        Args:
            known_tasks: the tasks that it can solve.
            latency_s: added to every answer.
        Raises:
            MalformedContentError: the answer of a task is a patch that cannot be read.
        """
        self._latency_s = latency_s
        self._works = [(normalised(known.task.statement), known.task, _work(known)) for known in known_tasks]
        # One statement may stand within another's: the longer one is meant.
        self._works.sort(key=lambda known: len(known[0]), reverse=True)

    @property
    def name(self) -> str:
        """What users and agents know it by."""
        return NAME

    @property
    def price(self) -> Price:
        """Nothing."""
        return FREE

    def check(self) -> None:
        """Return: it is always there."""

    def close(self) -> None:
        """Return: there is nothing to close."""

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:  # noqa: ARG002 - the port's signature
        """Return the most input tokens of a request."""
        return byte_bound(request)

    def complete(
        self,
        request: ChatRequest,
        *,
        output_tokens: int,
        seed: int,
        kept: KeptTurns = MappingProxyType({}),  # noqa: ARG002 - the port's signature
    ) -> Completion:
        """Return the model's answer; see `Provider`."""
        if self._latency_s > 0:
            time.sleep(self._latency_s)
        answer, calls = self._answer(request, seed)
        used = _tokens(answer.text or "", *(call.function.arguments for call in calls))
        read = _tokens(*_texts(request))
        if used > output_tokens:  # a call that is cut off cannot be carried out
            cut = (answer.text or "")[: output_tokens * CHARACTERS_PER_TOKEN]
            return Completion(cut, (), "length", input_tokens=read, output_tokens=output_tokens)
        reason = "tool_calls" if calls else "stop"
        return Completion(answer.text, calls, reason, input_tokens=read, output_tokens=used)

    def _answer(self, request: ChatRequest, seed: int) -> tuple[Answer, tuple[ToolCall, ...]]:
        first = request.messages[0]
        if len(request.messages) == 1 and is_diagnosis(first.content or ""):
            return Answer(diagnosis(first.content or "", catalogue(), seed=seed)), ()
        if len(request.messages) == 1 and is_question_of_interest(first.content or ""):
            return Answer(judgement(first.content or "")), ()
        found = self._work(request, seed)
        if found is None:
            return Answer("I do not know what to do here."), ()
        work, session = found
        answer = next_answer(work, session)
        calls = [session.toolbox.call(action) for action in answer.actions]
        return answer, tuple(_numbered(call, session.length, number) for number, call in enumerate(calls))

    def _work(self, request: ChatRequest, seed: int) -> tuple[Work, Session] | None:
        asked = normalised("\n".join(m.content or "" for m in request.messages if m.role in {"user", "system"}))
        idea = _idea_in(asked)
        if idea is not None:
            draws = f"{seed}:{idea.name}"
            return Improving(idea), Session(
                request, draws=draws, own_words=lambda message: improver.own_words(idea, message)
            )
        found = next(((task, work) for statement, task, work in self._works if statement in asked), None)
        if found is None:
            return None
        task, work = found
        session = Session(
            request, draws=f"{seed}:{task.id}", own_words=lambda message: solver.own_words(task.statement, message)
        )
        return work, session


def _work(known: KnownTask) -> Work:
    return Patching(known) if known.patch else Solving(known)


def _idea_in(asked: str) -> Idea | None:
    return next((idea for idea in catalogue() if improver.mentions(idea, asked)), None)


def _numbered(call: FunctionCall, position: int, number: int) -> ToolCall:
    return ToolCall(id=f"call_{position}_{number}", function=call)


def _texts(request: ChatRequest) -> list[str]:
    texts = [message.content or "" for message in request.messages]
    texts += [call.function.arguments for message in request.messages for call in message.tool_calls or ()]
    texts += [tool.model_dump_json() for tool in request.tools]
    return texts


def _tokens(*texts: str) -> int:
    """Return an estimate of the number of tokens."""
    return sum(len(text) for text in texts) // CHARACTERS_PER_TOKEN + 1
