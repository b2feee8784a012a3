"""What is known of the conditions of a Go test: whether they hold, and what follows from that one does."""

import re

from dgm.benchmarks.languages.go_runs import Place, Run, constant_of, uses_change
from dgm.benchmarks.languages.go_text import Token, Tokens, closing, split, texts

_EQUALS = re.compile(
    r"reflect\.DeepEqual|bytes\.Equal|slices\.Equal|maps\.Equal|(?!\w*(?i:approx|almost|close|near|about|rough))\w*[eE]qual"
)
"""Functions that tell two values with another literal in one place from each other; the last are the tests' own."""


def value_of(tokens: Tokens, run: Run) -> bool | None:
    """Return whether a condition holds, None if that is not known."""
    if not tokens:
        return None
    tokens = _bare(tokens)
    for sign, decides in (("||", True), ("&&", False)):
        parts = split(tokens, sign)
        if len(parts) > 1:
            values = [value_of(part, run) for part in parts]
            if decides in values:
                return decides
            return None if None in values else not decides
    if (sides := _compared(tokens)) is not None:
        left, right, equal = sides
        value = _same(left, right, run)
        return None if value is None else value == equal
    if tokens[0].text == "!":
        value = value_of(tokens[1:], run)
        return None if value is None else not value
    constant = constant_of(tokens, run)
    if constant in {"true", "false"}:
        return constant == "true"
    if len(tokens) == 1 and (known := run.facts.variables.get(_version(tokens[0], run))) is not None:
        return known
    return None if run.differs or uses_change(tokens, run) else run.facts.holds.get(_at(tokens[0], run))


def learn(tokens: Tokens, value: bool, run: Run) -> None:
    """Note that a condition holds, or does not."""
    if not tokens:
        return
    tokens = _bare(tokens)
    for sign, told in (("||", False), ("&&", True)):
        parts = split(tokens, sign)
        if len(parts) > 1:
            open_parts = [part for part in parts if value_of(part, run) is None]
            others = [value_of(part, run) for part in parts if part not in open_parts]
            if value is told or (len(open_parts) == 1 and all(other is told for other in others)):
                for part in parts if value is told else open_parts:
                    learn(part, value, run)
            return
    if (sides := _compared(tokens)) is not None:
        left, right, equal = sides
        _learn_same(left, right, value == equal, run)
    elif tokens[0].text == "!":
        learn(tokens[1:], not value, run)
    elif not run.differs:
        if len(tokens) == 1 and tokens[0].text not in run.hidden:
            run.facts.variables[_version(tokens[0], run)] = value
        run.facts.holds[_at(tokens[0], run)] = value


def _learn_same(left: Tokens, right: Tokens, same: bool, run: Run) -> None:
    compared, constant = _sides(left, right, run)
    if compared is None:
        if not run.differs:
            run.facts.holds[_at(left[0], run)] = same
    elif constant == "nil" and len(compared) == 1 and compared[0].text not in run.hidden:
        run.facts.variables[_version(compared[0], run)] = same
    elif not run.differs:
        (run.facts.equal if same else run.facts.unequal)[_at(compared[0], run)] = constant


def _same(left: Tokens, right: Tokens, run: Run) -> bool | None:
    """Return whether two values are the same, None if that is not known."""
    constants = [constant_of(side, run) for side in (left, right)]
    if None not in constants:
        return _same_constants(str(constants[0]), str(constants[1]))
    if (empty := _length_is(left, right, run)) is not None:
        return empty
    compared, constant = _sides(left, right, run)
    if compared is None:
        changed = uses_change(left, run) or uses_change(right, run)
        return None if run.differs or changed else run.facts.holds.get(_at(left[0], run))
    if constant == "nil" and len(compared) == 1:
        return run.facts.variables.get(_version(compared[0], run))
    if run.differs or uses_change(compared, run):
        return None
    place = _at(compared[0], run)
    if place in run.facts.equal:
        return run.facts.equal[place] == constant
    return False if run.facts.unequal.get(place) == constant else None


def _length_is(left: Tokens, right: Tokens, run: Run) -> bool | None:
    """Return whether `len(a constant) == 0`, None if it is another comparison."""
    if texts(left[:2]) != ["len", "("] or texts(right) != ["0"] or closing(left, 1) != len(left) - 1:
        return None
    inner = constant_of(left[2:-1], run)
    if inner is None or not inner.endswith(("}", '"', "`")):
        return None
    return inner.endswith(("{}", '""', "``"))


def _sides(left: Tokens, right: Tokens, run: Run) -> tuple[Tokens, str] | tuple[None, str]:
    """Return what is compared with a constant, and the constant; None where there is none, or two."""
    for compared, other in ((left, right), (right, left)):
        constant = constant_of(other, run)
        if constant is not None and constant_of(compared, run) is None:
            return compared, constant
    return None, ""


def _same_constants(one: str, other: str) -> bool | None:
    if one == other:
        return True
    kinds = {_kind(one), _kind(other)}
    # Texts are compared as they are written, and a character can be written in two ways.
    if len(kinds) > 1 or "list" in kinds or (kinds == {"text"} and "\\" in one + other):
        return False if "nil" in kinds and "list" in kinds else None
    return False


def _kind(constant: str) -> str:
    if constant == "nil":
        return "nil"
    if constant in {"true", "false"}:
        return "bool"
    if constant[0] in "\"`'":
        return "text"
    return "number" if constant.lstrip("-").isdecimal() else "list"


def _version(token: Token, run: Run) -> tuple[str, str]:
    return token.text, f"{run.frame}:{run.versions.get(token.text, '')}"


def _at(token: Token, run: Run) -> Place:
    return run.frame, token.start


def _bare(tokens: Tokens) -> Tokens:
    while tokens and tokens[0].text == "(" and closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _compared(tokens: Tokens) -> tuple[Tokens, Tokens, bool] | None:
    """Return both sides of a comparison and whether it is of equality, None for what is no comparison."""
    for sign in ("==", "!="):
        sides = split(tokens, sign)
        if len(sides) == 2:  # noqa: PLR2004
            left, right = _unwrapped(*sides)
            return left, right, sign == "=="
    start = next((number for number, token in enumerate(tokens) if token.text == "("), 0)
    if start and _EQUALS.fullmatch("".join(texts(tokens[:start]))) and closing(tokens, start) == len(tokens) - 1:
        arguments = split(tokens[start + 1 : -1], ",")
        if len(arguments) == 2:  # noqa: PLR2004
            return arguments[0], arguments[1], True
    return None


def _unwrapped(left: Tokens, right: Tokens) -> tuple[Tokens, Tokens]:
    """Return what is shown on both sides, where that is what is compared."""
    start = ["fmt", ".", "Sprintf", "("]
    if texts(left[:4]) == start and texts(left[:6]) == texts(right[:6]) and left[5].text == ",":
        return left[6:-1], right[6:-1]
    return left, right
