"""A drawing robot that follows a script, line by line, on a sheet of squared paper.

    size 8 4        the sheet, first line of every script
    pen #           the character to draw with; `pen up` stops drawing
    go 3            three squares ahead
    turn left       or `turn right`, `turn back`
    jump 2 1        to column 2, row 1, without drawing
    set n 3         remember a number; a later `go $n` uses it
    add n 1         add to a remembered number
    repeat 4        do the lines up to `end` four times
    end
"""

HEADINGS = [(0, -1), (1, 0), (0, 1), (-1, 0)]
TURNS = {"left": -1, "right": 1, "back": 2}
MAX_STEPS = 10_000


class ScriptError(Exception):
    """A script that cannot be followed; the message names the line, counted from 1."""


class Sheet:
    """Squared paper."""

    def __init__(self, width, height):
        self.width = width
        self.height = height
        self._squares = {}

    def holds(self, column, row):
        """Return whether a square is on the sheet."""
        return 0 <= column < self.width and 0 <= row < self.height

    def mark(self, column, row, character):
        """Draw a character."""
        self._squares[column, row] = character

    def lines(self):
        """Return what is drawn, as lines without trailing spaces."""
        result = []
        for row in range(self.height):
            squares = [self._squares.get((column, row), " ") for column in range(self.width)]
            result.append("".join(squares).rstrip())
        return result


class Robot:
    """Where the robot is, where it looks, and what it draws with."""

    def __init__(self, sheet):
        self.sheet = sheet
        self.column = 0
        self.row = 0
        self.heading = 1
        self.pen = None

    def turn(self, quarters):
        """Turn by some quarters, clockwise."""
        self.heading = (self.heading + quarters) % 4

    def go(self, squares):
        """Go ahead; with the pen down, every square that is left and the last one are marked."""
        step_column, step_row = HEADINGS[self.heading]
        self.touch()
        for _ in range(squares):
            column = self.column + step_column
            row = self.row + step_row
            if not self.sheet.holds(column, row):
                raise ValueError("the robot would leave the sheet")
            self.column = column
            self.row = row
            self.touch()

    def jump(self, column, row):
        """Go to a square without drawing on the way."""
        if not self.sheet.holds(column, row):
            raise ValueError("the robot would leave the sheet")
        self.column = column
        self.row = row

    def touch(self):
        """Mark the square below the robot if the pen is down."""
        if self.pen is not None:
            self.sheet.mark(self.column, self.row, self.pen)


class Script:
    """The commands of a script and the loops between them."""

    def __init__(self, text):
        self.commands = []
        for number, line in enumerate(text.splitlines(), start=1):
            words = without_comment(line).split()
            if words:
                self.commands.append((number, words))
        self.ends = self._match_loops()

    def _match_loops(self):
        """Return for each `repeat` the place of its `end`."""
        ends = {}
        opened = []
        for place, (number, words) in enumerate(self.commands):
            if words[0] == "repeat":
                opened.append((place, number))
            elif words[0] == "end":
                if not opened:
                    raise ScriptError(f"line {number}: end without repeat")
                ends[opened.pop(0)[0]] = place
        if opened:
            raise ScriptError(f"line {opened[-1][1]}: repeat without end")
        return ends


def without_comment(line):
    """Return a line up to a double slash."""
    return line.split("//")[0]


class Run:
    """One run of a script."""

    def __init__(self, script):
        self.script = script
        self.numbers = {}
        self.robot = None
        self.steps = 0

    def run(self):
        """Follow the script from the start and return the sheet's lines."""
        self.follow(0, len(self.script.commands))
        if self.robot is None:
            raise ScriptError("line 1: a script starts with size")
        return self.robot.sheet.lines()

    def follow(self, start, stop):
        """Follow the commands from one place up to another."""
        place = start
        while place < stop:
            number, words = self.script.commands[place]
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise ScriptError(f"line {number}: the script takes too long")
            try:
                if words[0] == "repeat":
                    end = self.script.ends[place]
                    for _ in range(self.value(words[1])):
                        self.follow(place + 1, end)
                    place = end
                else:
                    self.obey(words)
            except (ValueError, IndexError) as error:
                raise ScriptError(f"line {number}: {error}") from error
            place += 1

    def value(self, word):
        """Return the number that a word stands for."""
        if word.startswith("$"):
            name = word[1:]
            if name not in self.numbers:
                raise ValueError(f"no number is called {name}")
            return self.numbers[name]
        return int(word)

    def obey(self, words):
        """Carry out one command."""
        command = words[0]
        if command == "size":
            self.robot = Robot(Sheet(self.value(words[1]), self.value(words[2])))
        elif self.robot is None:
            raise ValueError("a script starts with size")
        elif command == "pen":
            self.robot.pen = None if words[1] == "up" else words[1][0]
        elif command == "go":
            self.robot.go(self.value(words[1]))
        elif command == "turn":
            if words[1] not in TURNS:
                raise ValueError(f"cannot turn {words[1]}")
            self.robot.turn(TURNS[words[1]])
        elif command == "jump":
            self.robot.jump(self.value(words[1]), self.value(words[2]))
        elif command == "set":
            self.numbers[words[1]] = self.value(words[2])
        else:
            raise ValueError(f"unknown command {command}")


def draw(text):
    """Return the lines that a script draws."""
    return Run(Script(text)).run()


def count_marks(lines):
    """Return how many squares are marked."""
    return sum(1 for line in lines for character in line if character != " ")
