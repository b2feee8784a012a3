"""What was shown of a file so far: the model can only mend what it has seen."""

import re

from dgm.gateway.rehearsal.toolbox import Create, Replace, View

CLIPPED = re.compile(r"\n?^\[clipped: \d[^\]\n]*\]$\n?", re.MULTILINE)
_FAILED = re.compile(r"^\s*\w*error\s*:|no such file|not unique|did not match|no replacement", re.IGNORECASE)
_NUMBERED = re.compile(r"\s*(\d{1,9})(?:\t|: ?|\| ?)")


def failed(result: str) -> bool:
    """Whether a tool says that it did not do what was asked."""
    return _FAILED.search(result.split("\n", 1)[0]) is not None


class SeenFile:
    """One file as the conversation shows it."""

    def __init__(self) -> None:
        self.head: list[str] = []
        """Lines known from the first on without a gap; all of them when complete."""
        self.complete = False
        self.views = 0

    @property
    def text(self) -> str:
        """The lines known from the first on."""
        return "\n".join(self.head)

    def shows(self, text: str) -> bool:
        """Whether `text` stands in what was shown, with all that comes before it."""
        return text in self.text + ("" if self.complete else "\n")

    def shows_all_of(self, text: str) -> bool:
        """Whether every line of `text` was shown, in whatever dress."""
        shown = self.text
        return self.complete and all(line.strip() in shown for line in text.split("\n"))

    def view(self, action: View, result: str) -> None:
        """Take in the result of viewing the file."""
        self.views += 1
        if failed(result) and not self.head:
            return
        pieces = CLIPPED.split(result)
        clipped = len(pieces) > 1
        lines = _without_numbers(pieces[0].split("\n"))
        if clipped:
            lines.pop()  # cut off somewhere in it
        if action.lines is None:
            self.head, self.complete = lines, not clipped
        else:
            self._extend(action.lines, lines, clipped=clipped)

    def _extend(self, asked: tuple[int, int], lines: list[str], *, clipped: bool) -> None:
        first, last = asked
        wanted = last - first + 1
        if len(lines) == wanted + 1 and lines[-1] == "":
            lines.pop()  # the newline at the end of the last line
        if first > len(self.head) + 1:
            return  # after a gap: it does not know what this belongs to
        if lines == [""] or failed("\n".join(lines)):  # beyond the end
            self.head += [""] if self.head and self.head[-1] else []
            self.complete = True
            return
        self.head[first - 1 :] = lines
        self.complete = not clipped and len(lines) < wanted

    def edit(self, action: Create | Replace) -> None:
        """Take in an edit that was carried out."""
        match action:
            case Create(_, text):
                self.head, self.complete = text.split("\n"), True
            case Replace(_, old, new):
                self.head = self.text.replace(old, new, 1).split("\n")


def _without_numbers(lines: list[str]) -> list[str]:
    """Return the lines without the numbers that some editors put before them."""
    body = lines[:-1] if lines and lines[-1] == "" else lines
    numbers = [_NUMBERED.match(line) for line in body]
    found = [int(number[1]) for number in numbers if number]
    if not found or len(found) < len(body) or len(body) == 1 or found != list(range(found[0], found[0] + len(found))):
        return lines
    return [line[number.end() :] for line, number in zip(body, numbers, strict=True) if number] + lines[len(body) :]
