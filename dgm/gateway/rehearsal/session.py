"""What stands in the conversation so far. Everything the model does next follows from this and its seed."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dgm.boundary.chat import ChatRequest, Message
from dgm.gateway.rehearsal.rewriting import applied
from dgm.gateway.rehearsal.seen import SeenFile, failed
from dgm.gateway.rehearsal.toolbox import Action, Create, Replace, Run, Toolbox, View

_ABSOLUTE = re.compile(r"(?<![\w./<-])/[\w.-]+(?:/[\w.-]+)*")
_NOT_THE_WORKSPACE = ("/task", "/agent", "/gateway", "/home", "/v1", "/usr", "/bin", "/dev", "/etc")
_USUAL_WORKSPACE = "/workspace"
SYNTAX_ERROR = re.compile(
    r"SyntaxError|IndentationError|TabError|syntax error|(?:unclosed|mismatched closing) delimiter"
    r"|reached end of file while parsing|\berror: .{0,60}\bexpected\b"
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One tool call that was carried out, with what the tool said."""

    position: int
    """Index of the message that called."""
    action: Action
    result: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the agent itself said to the model, without the problem that it was given."""

    position: int
    text: str


class Session:
    """One conversation, read anew for every request."""

    def __init__(self, request: ChatRequest, *, draws: str, own_words: Callable[[str], str]) -> None:
        """Read the conversation.

        Args:
            request: what the agent sent.
            draws: starts the seed of every draw of chance, such as "7:bus-card".
            own_words: takes a user's or system's message and leaves what the agent says of its own.
        """
        self._draws = draws
        self.toolbox = Toolbox(request.tools)
        self.length = len(request.messages)
        self.characters = sum(_size(message) for message in request.messages)
        self.replies = sum(message.role == "assistant" for message in request.messages)
        self.told = [
            Told(position, own_words(message.content or ""))
            for position, message in enumerate(request.messages)
            if message.role in {"user", "system"}
        ]
        self.root = _workspace(request.messages, self.told)
        self.deeds = self._read_deeds(request.messages)

    def _read_deeds(self, messages: tuple[Message, ...]) -> list[Deed]:
        results = {message.tool_call_id: message.content or "" for message in messages if message.role == "tool"}
        deeds: list[Deed] = []
        for position, message in enumerate(messages):
            for call in message.tool_calls or ():
                action = self.toolbox.action(call.function)
                if action is not None and call.id in results:
                    deeds.append(Deed(position, action, results[call.id]))
        return deeds

    def happens(self, name: str, chance: float) -> bool:
        """Whether what has this `chance` happens: the same answer throughout a session."""
        return self.random(name).random() < chance

    def random(self, name: str) -> Random:
        """Return the source of one kind of chance."""
        return Random(f"{self._draws}:{name}")

    def is_told(self, pattern: re.Pattern[str]) -> bool:
        """Whether the agent itself says it anywhere, or a tool that edits does in its result."""
        return any(pattern.search(told.text) for told in self.told) or any(
            pattern.search(deed.result) for deed in self.deeds if isinstance(deed.action, Create | Replace)
        )

    def full_path(self, path: str) -> str:
        """Return a path of the workspace as it is given to tools."""
        return posixpath.join(self.root, path)

    def own_path(self, path: str) -> str:
        """Return a path that was given to a tool as one of the workspace."""
        path = posixpath.normpath(path)
        return path.removeprefix(self.root + "/") if self.root else path

    def ran(self, command: str) -> list[Deed]:
        """Return when a command was run."""
        return [deed for deed in self.deeds if isinstance(deed.action, Run) and deed.action.command == command]

    def edits(self, path: str | None = None) -> list[Deed]:
        """Return the edits of one file or of all, also those that a tool refused."""
        return [
            deed
            for deed in self.deeds
            if isinstance(deed.action, Create | Replace) and path in {None, self.own_path(deed.action.path)}
        ]

    def seen(self, path: str, *, before_edits: bool = False) -> SeenFile:
        """Return what was shown of a file, now or before its first edit."""
        file = SeenFile()
        for deed in self.deeds:
            match deed.action:
                case View() if self.own_path(deed.action.path) == path:
                    file.view(deed.action, deed.result)
                case Create() | Replace() if self.own_path(deed.action.path) == path:
                    if before_edits:
                        break
                    if not failed(deed.result):
                        file.edit(deed.action)
                case _:
                    pass
        return file

    def text_now(self, path: str, original: str) -> str:
        """Return what the edits so far made of a file."""
        text = original
        for deed in self.edits(path):
            if isinstance(deed.action, Create | Replace) and not failed(deed.result):
                text = applied(text, deed.action)
        return text

    def syntax_error_since(self, position: int) -> bool:
        """Whether a tool or the agent spoke of a syntax error at `position` or after it."""
        return any(deed.position >= position and SYNTAX_ERROR.search(deed.result) for deed in self.deeds) or any(
            told.position >= position and SYNTAX_ERROR.search(told.text) for told in self.told
        )


def _size(message: Message) -> int:
    return len(message.content or "") + sum(len(call.function.arguments) for call in message.tool_calls or ())


def _workspace(messages: tuple[Message, ...], told: list[Told]) -> str:
    """Return the workspace's absolute path if the agent names it, else "": paths are then relative."""
    for said in told:
        for path in _ABSOLUTE.findall(said.text):
            trimmed = path.rstrip(".")
            if not trimmed.startswith(_NOT_THE_WORKSPACE):
                return trimmed
    named = any(_USUAL_WORKSPACE in _ABSOLUTE.findall(message.content or "") for message in messages[:2])
    return _USUAL_WORKSPACE if named else ""
