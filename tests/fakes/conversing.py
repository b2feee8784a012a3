"""Conversations with the rehearsal model in memory: a workspace of texts, tools over it, and an agent's habits."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dgm.boundary.chat import ChatRequest, Function, FunctionCall, Message, Tool
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.tasks import KnownTask, Repository, Task
from dgm.gateway.provider import Completion, Provider
from dgm.gateway.rehearsal import improver, solver, worker
from dgm.gateway.rehearsal.toolbox import Create, Replace, Run, Toolbox, View

MOST_REPLIES = 60


def known_task(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    statement: str = "# Mend it\n\nSomething is wrong.",
    naive: Mapping[str, str] | None = None,
    must_see: str = "",
) -> KnownTask:
    """Return a task with its answers, all given as texts."""
    task = Task(TaskId("made-up"), statement, _files(before), tuple(after))
    return KnownTask(task=task, reference=_files(after), naive=_files(naive or {}), must_see=must_see)


def patch_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return what `git diff` says of texts that end with a line's end."""
    parts: list[str] = []
    for path in sorted({*before, *after}):
        old, new = (tree.get(path, "").splitlines(keepends=True) for tree in (before, after))
        names = (f"a/{path}" if path in before else "/dev/null", f"b/{path}" if path in after else "/dev/null")
        parts += [f"diff --git a/{path} b/{path}\n" if old != new else "", *difflib.unified_diff(old, new, *names)]
    return "".join(parts)


def known_by(
    patch: str, statement: str = "Sums are wrong\nDescription\n\t\nThey are, as `sums/add.py` shows."
) -> KnownTask:
    """Return a task of a repository whose answer is a patch."""
    repository = Repository("/testbed", "1" * 40)
    task = Task(TaskId("made-up"), statement, {}, (), image="some/image:latest", repository=repository)
    return KnownTask(task, reference={}, naive={}, must_see="", patch=patch)


def _files(texts: Mapping[str, str]) -> dict[str, File]:
    return {path: File(text.encode()) for path, text in texts.items()}


CHANCES = {
    "empty reply": worker.EMPTY_REPLY_CHANCE,
    "gives up": worker.GIVES_UP_CHANCE,
    "slip": max(solver.SLIP_CHANCE, improver.SLIP_CHANCE),
    "second look": solver.SECOND_LOOK_CHANCE,
}


def seed_where(*happens: str, subject: str = "made-up") -> int:
    """Return the smallest seed with which exactly the draws in `happens` do happen in a session on `subject`."""
    return next(
        seed
        for seed in range(10_000)
        if all(
            (Random(f"{seed}:{subject}:{name}").random() < chance) is (name in happens)
            for name, chance in CHANCES.items()
        )
    )


GOOD_SEED = seed_where()


def tool(name: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> Tool:
    """Return a tool's description."""
    parameters = {"type": "object", "properties": dict(properties), "required": list(required)}
    return Tool(function=Function(name=name, description="A tool.", parameters=parameters))


TEXT = {"type": "string"}
SHELL = tool("bash", {"command": TEXT}, ("command",))
EDITOR = tool(
    "editor",
    {"command": {"type": "string", "enum": ["view", "create"]}, "path": TEXT, "text": TEXT},
    ("command", "path"),
)
FULL_EDITOR = tool(
    "editor",
    {
        "command": {"type": "string", "enum": ["view", "create", "replace"]},
        "path": TEXT,
        "text": TEXT,
        "old": TEXT,
        "new": TEXT,
        "view_range": {"type": "array", "items": {"type": "integer"}},
    },
    ("command", "path"),
)


@dataclass
class Talk:
    """One session: the messages so far and the workspace."""

    provider: Provider
    seed: int
    files: dict[str, str]
    tools: tuple[Tool, ...] = (SHELL, EDITOR)
    limit: int = 10_000
    shell: Callable[[str], str] = lambda command: ""  # noqa: ARG005 - a shell that prints nothing
    messages: list[Message] = field(default_factory=list[Message])

    def next(self) -> Completion:
        """Ask once, keep the reply, and carry out its calls."""
        request = ChatRequest(model="rehearsal", messages=tuple(self.messages), tools=self.tools)
        reply = self.provider.complete(request, output_tokens=100_000, seed=self.seed, kept={})
        self.messages.append(Message(role="assistant", content=reply.content, tool_calls=reply.tool_calls or None))
        for call in reply.tool_calls:
            self.messages.append(Message(role="tool", content=self._result(call.function), tool_call_id=call.id))
        return reply

    def run(self) -> Completion:
        """Ask until a reply has no call, and return it."""
        for _ in range(MOST_REPLIES):
            reply = self.next()
            if not reply.tool_calls:
                return reply
        raise AssertionError("the model never came to an end")

    def say(self, text: str) -> "Talk":
        """Say something as the agent."""
        self.messages.append(Message(role="user", content=text))
        return self

    def _result(self, call: FunctionCall) -> str:
        text = self._carried_out(call)
        if len(text) <= self.limit:
            return text
        return f"{text[: self.limit]}\n[clipped: {self.limit} of {len(text)} characters shown]"

    def _carried_out(self, call: FunctionCall) -> str:
        match Toolbox(self.tools).action(call):
            case View(path, lines):
                text = self.files.get(path, "a directory")
                return text if lines is None else "\n".join(text.split("\n")[lines[0] - 1 : lines[1]])
            case Create(path, text):
                self.files[path] = text
                return f"Wrote {path}."
            case Replace(path, old, new):
                assert self.files[path].count(old) == 1
                self.files[path] = self.files[path].replace(old, new)
                return f"Wrote {path}."
            case Run(command):
                return self.shell(command)
            case None:
                raise AssertionError(f"no tool takes {call}")
