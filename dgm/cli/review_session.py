"""A person on a terminal who looks at one waiting child after the other and says what is to become of it."""

import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.text import Text

from dgm.archive.run import read_run
from dgm.boundary.text import safe_line
from dgm.cli.oversight_views import nothing_waits, waiting_words
from dgm.cli.paging import show_paged
from dgm.cli.render import heading
from dgm.cli.review_views import Waiting, changes_view, child_view, decision_of, waiting_in
from dgm.core.errors import InfrastructureError, UsageError
from dgm.core.oversight import Intervention, Review
from dgm.wiring import intervene, review_step

_QUESTION = "[a]pprove, [r]eject, [d]iff again, [s]kip, s[t]op the run, [q]uit: "


class _Choice(Enum):
    """What a person can do about a child, by the key that says it."""

    APPROVE = "a"
    REJECT = "r"
    DIFF = "d"
    SKIP = "s"
    STOP = "t"
    QUIT = "q"


class ReviewSession:
    """Shows what waits, the oldest first. The run may go on, or end, while the person reads."""

    def __init__(
        self,
        directory: Path,
        console: Console,
        *,
        step: int | None = None,
        ask: Callable[[str], str] = input,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Begin a session.

        Args:
            directory: of the run.
            console: what all is drawn on.
            step: look at its child alone.
            ask: shows a question and returns what the person types; EOFError where that ends.
            now: seconds since 1970.
        """
        self._directory = directory
        self._console = console
        self._step = step
        self._ask = ask
        self._now = now
        self._seen: set[int] = set()

    def run(self) -> None:
        """Go on until nothing is left that was not shown, or the person has enough.

        Raises:
            UnknownNameError: the step that was named does not wait.
        """
        with read_run(self._directory) as reader:
            if self._step is not None:
                decision_of(reader, self._step)
            self._console.print(heading(reader))
        while (child := self._shown_next()) is not None:
            self._seen.add(child.decision)
            if not self._is_to_go_on(child):
                return

    def _shown_next(self) -> Waiting | None:
        """Show the oldest child that was not shown yet and return it; say so where there is none."""
        # Read anew each time: the run goes on while a person reads.
        with read_run(self._directory) as reader:
            waiting = waiting_in(reader)
            left = [child for child in waiting if child.decision not in self._seen]
            left = [child for child in left if self._step in {None, child.step.number}]
            if not left:
                self._say_that_all_is_seen(len(waiting))
                return None
            place = f"the oldest of {len(left)} that wait" if len(left) > 1 else "the only one that waits"
            self._console.print(child_view(reader, left[0], place=place, now=self._now()))
        self._show_changes(left[0])
        return left[0]

    def _say_that_all_is_seen(self, waiting: int) -> None:
        done = "That was all." if self._seen else nothing_waits(self._directory.name)
        still = f" {waiting_words(waiting)} still." if waiting else ""
        self._console.print(Text(f"\n{done}{still}"))

    def _show_changes(self, child: Waiting) -> None:
        show_paged(self._console, changes_view(child, width=self._console.width))

    def _is_to_go_on(self, child: Waiting) -> bool:
        """Ask what to do about a child, do it, and return whether to show the next one."""
        while True:
            match self._choice(child.step.number):
                case _Choice.APPROVE:
                    review = Review(approved=True, reason=self._reason("Why, if you want to say: "))
                    self._say(lambda review=review: review_step(self._directory, child.decision, review))
                    return True
                case _Choice.REJECT:
                    review = Review(approved=False, reason=self._reason("Why not: "))
                    self._say(lambda review=review: review_step(self._directory, child.decision, review))
                    return True
                case _Choice.DIFF:
                    self._show_changes(child)
                case _Choice.SKIP:
                    return True
                case _Choice.STOP:
                    self._say(lambda: intervene(self._directory, Intervention.STOP, "stopped during a review"))
                    return False
                case _Choice.QUIT:
                    return False

    def _choice(self, step: int) -> _Choice:
        while True:
            try:
                said = self._ask(f"\nstep {step}: {_QUESTION}").strip().lower()
            except EOFError:
                self._console.print()
                return _Choice.QUIT
            for choice in _Choice:
                # The whole word will do too; "stop" begins like "skip".
                if said in {choice.value, choice.name.lower()}:
                    return choice

    def _reason(self, question: str) -> str:
        try:
            return self._ask(question).strip()
        except EOFError:
            self._console.print()
            return ""

    def _say(self, act: Callable[[], str]) -> None:
        """Do something and say what came of it; that it cannot be done is no reason not to see the next child."""
        try:
            answer = act()
        except (UsageError, InfrastructureError) as error:
            answer = str(error)
        self._console.print(Text(safe_line(answer)))
