"""Proves that a changed Go test fails wherever the test itself passes.

A right solution passes the test. So each condition of the test's that would have failed it did not hold: these are
the facts. A changed test that does the same up to a condition finds the same there, but for what was changed: where
that makes a condition hold that fails the test, it fails for every right solution. What is not understood proves
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from dgm.benchmarks.languages.go_conditions import learn, value_of
from dgm.benchmarks.languages.go_runs import LITERALS, NOTHING, Change, Facts, Function, Run, constant_of, uses_change
from dgm.benchmarks.languages.go_text import (
    Block,
    Failure,
    For,
    If,
    Jump,
    Parser,
    Plain,
    Statement,
    Token,
    Tokens,
    closing,
    split,
    texts,
)

End = Literal["fails", "goes on", "unsure"]
_ASSIGNS = frozenset({":=", "=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=", "++", "--"})
_PACKAGES = frozenset({"fmt", "reflect", "sort", "strings", "strconv"})


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of a test that a right solution passes."""

    body: Sequence[Statement]
    tokens: Tokens
    """Those of `body`."""
    row: Mapping[str, Tokens]
    functions: Mapping[str, Function]
    facts: Facts

    def fails(self, change: Change) -> bool:
        """Return whether the changed test surely fails, and goes on in no way that could end the program."""
        run = Run(change, self.facts.copy(), self.row, hidden_variables(self.tokens), self.functions)
        if _walk(self.body, run) != "fails" or run.failure is None:
            return False
        if change.negated and _shows_what_may_not_be(run.failure.tokens[4:], change.negated):
            return False  # it was written for what is not so here
        # A test that goes on although what it expects is not there may take it for granted.
        return run.failure.ends or not run.turned or self._is_last(run.failure)

    def _is_last(self, failure: Failure) -> bool:
        return all(token.text in {";", "}", ")"} for token in self.tokens if token.start >= failure.tokens[-1].end)


def proof_of(
    body: Sequence[Statement], tokens: Tokens, *, row: Mapping[str, Tokens], functions: Mapping[str, Function]
) -> Proof | None:
    """Return what can be told from that a right solution passes a test, None for one that nobody could pass."""
    run = Run(NOTHING, Facts(), row, hidden_variables(tokens), functions)
    return None if _walk(body, run) == "fails" else Proof(body, tokens, row, functions, run.facts)


def hidden_variables(tokens: Tokens) -> frozenset[str]:
    """Return the variables that functions within a test assign to, or that are pointed to."""
    found: set[str] = set()
    for number, token in enumerate(tokens):
        if token.text == "func":
            start = next((place for place in range(number, len(tokens)) if tokens[place].text == "{"), len(tokens) - 1)
            found |= _assigned(tokens[start : closing(tokens, start)]) if tokens[start].text == "{" else set()
        if token.text == "&" and number + 1 < len(tokens) and tokens[number + 1].kind == "word":
            found.add(tokens[number + 1].text)
    return frozenset(found)


def subtest_body(statement: Statement) -> tuple[Tokens, Tokens, str] | None:
    """Return the name, the body and the `*testing.T` of `t.Run(name, func(t *testing.T) { body })`, if it is that."""
    if not isinstance(statement, Plain) or texts(statement.tokens[:4]) != ["t", ".", "Run", "("]:
        return None
    end = closing(statement.tokens, 3)
    arguments = split(statement.tokens[4:end], ",")
    if end != len(statement.tokens) - 1 or len(arguments) != 2:  # noqa: PLR2004
        return None
    function = arguments[1]
    words = texts(function[:9])
    if len(words) < 9 or words[:2] != ["func", "("] or words[3:] != ["*", "testing", ".", "T", ")", "{"]:  # noqa: PLR2004
        return None
    return arguments[0], function[9:-1], words[2]


def _walk(body: Sequence[Statement], run: Run) -> End:
    for statement in body:
        end = _step(statement, run)
        if end != "goes on":
            return end
    return "goes on"


def _step(statement: Statement, run: Run) -> End:
    match statement:
        case Failure():
            run.failure = statement
            return "fails"
        case Jump():
            return "unsure"
        case Block():
            end = _walk(statement.body, run)
            _forget(_statement_tokens(statement), run)
            return end
        case If():
            return _branch(statement, run)
        case For():
            return _loop(statement, run)
        case Plain():
            return _plain(statement, run)


def _plain(statement: Plain, run: Run) -> End:
    subtest = subtest_body(statement)
    if subtest is not None:
        name, body, testing = subtest
        run.differs |= uses_change(name, run)
        if run.turned:
            return "unsure"
        if _walk(Parser(body, testing).statements(), run) == "fails":
            return "fails"
        _forget(statement.tokens, run)
        return "goes on"
    if run.turned and _may_panic(statement.tokens):
        return "unsure"
    words = texts(statement.tokens)
    called = run.functions.get(words[0])
    if called is not None and words[1:2] == ["("] and run.frame == 0:
        return _call(called, statement.tokens, run)
    _assign(statement.tokens, run)
    return "goes on"


def _call(function: Function, tokens: Tokens, run: Run) -> End:
    """Walk through a function of the tests' own, as far as its arguments are known."""
    _, *arguments = split(tokens[2:-1], ",")
    if len(arguments) != len(function.parameters) or closing(tokens, 1) != len(tokens) - 1:
        return "unsure"
    within = run.copy()
    within.frame, within.hidden = tokens[0].start, hidden_variables(function.tokens)
    within.constants, within.versions, within.row = {}, {}, {}
    for name, argument in zip(function.parameters, arguments, strict=True):
        words = texts(argument)
        if all(token.kind in LITERALS or token.text == "-" for token in argument):
            within.constants[name] = argument
            continue
        fields = {field_: value for field_, value in run.row.items() if field_.partition(".")[0] == words[0]}
        if len(words) == 1 and fields:
            within.row = {f"{name}.{field_.partition('.')[2]}": value for field_, value in fields.items()}
        elif uses_change(argument, run):
            within.differs = run.differs = True
    end = _walk(Parser(function.tokens, function.testing).statements(), within)
    run.facts, run.failure = within.facts, within.failure
    run.differs, run.turned = within.differs, within.turned
    return "fails" if end == "fails" else "goes on"


def _shows_what_may_not_be(tokens: Tokens, condition: Tokens) -> bool:
    """Return whether a message has a method's result, or an element, that the condition has not looked at."""
    asked = " ".join(texts(condition))
    words = texts(tokens)
    for number, word in enumerate(words):
        element = word == "[" and number > 0 and tokens[number - 1].kind == "word"
        if element and " ".join(words[number - 1 : closing(tokens, number) + 1]) not in asked:
            return True
        if word == "." and words[number + 2 : number + 3] == ["("] and words[number - 1] not in _PACKAGES:
            return True
    return False


def _may_panic(tokens: Tokens) -> bool:
    """Return whether it holds anything but names and values: what is called or indexed may not be there."""
    return any(
        token.text in {"(", "["} and before.kind == "word" and before.text != "len"
        for before, token in pairwise(tokens)
    )


def _assign(tokens: Tokens, run: Run) -> None:
    words = texts(tokens)
    constant = None
    if len(words) > 2 and tokens[0].kind == "word" and words[1] in {":=", "="}:  # noqa: PLR2004
        constant = constant_of(tokens[2:], run)
    if constant is None:
        # Before the versions, which say whether the values are the test's own.
        run.differs |= uses_change(tokens, run)
    label = f"{tokens[0].start}{'*' if run.differs else ''}" if tokens else ""
    for name in _assigned(tokens):
        run.versions[name] = label
        run.constants.pop(name, None)
    if constant is not None and words[0] not in run.hidden:
        run.constants[words[0]] = tokens[2:]


def _assigned(tokens: Tokens) -> set[str]:
    """Return the names that are assigned to anywhere in it, or declared."""
    found: set[str] = set()
    start = 0
    for number, token in enumerate(tokens):
        if token.text in _ASSIGNS and token.kind == "sign":
            found |= {part.text for part in tokens[start:number] if part.kind == "word"}
        if token.text in {";", "{", "}"} and token.kind == "sign":
            start = number + 1
    return found


def _forget(tokens: Tokens, run: Run) -> None:
    """Forget what was known of each variable that is assigned to in a place of its own."""
    for name in _assigned(tokens):
        run.versions[name] = f"{tokens[-1].start}+"
        run.constants.pop(name, None)


def _statement_tokens(statement: Statement) -> list[Token]:
    match statement:
        case Plain() | Failure() | Jump():
            return [*statement.tokens, Token("sign", ";", statement.tokens[-1].end)] if statement.tokens else []
        case Block():
            return [token for inner in statement.body for token in _statement_tokens(inner)]
        case If():
            inner = [*statement.then, *statement.otherwise]
            header = [*statement.first, Token("sign", ";", statement.condition[0].start), *statement.condition]
            brace = Token("sign", ";", statement.condition[-1].end)
            return [*header, brace, *(token for one in inner for token in _statement_tokens(one))]
        case For():
            brace = Token("sign", ";", statement.header[-1].end if statement.header else 0)
            return [*statement.header, brace, *(token for one in statement.body for token in _statement_tokens(one))]


def _branch(statement: If, run: Run) -> End:
    if run.turned and _may_panic([*statement.first, *statement.condition]):
        return "unsure"
    if statement.first:
        _assign(statement.first, run)
    negated = bool(run.change.negated) and statement.condition[0].start == run.change.negated[0].start
    value = value_of(statement.condition, run)
    if value is None:
        for assumed in (True, False):
            branch = run.copy()
            body = statement.then if assumed != negated else statement.otherwise
            learn(statement.condition, assumed, branch)
            if _walk(body, branch) == "fails":
                run.failure = branch.failure
                value = not assumed
                learn(statement.condition, value, run)
                break
        else:
            return "unsure"
    if uses_change(statement.condition, run):
        # Which way it goes may depend on what was changed; if not, all is as before.
        run.turned = run.turned or _turns(statement.condition, run)
        run.differs = run.differs or _may_differ(statement.condition, run)
    run.differs = run.differs or negated
    end = _walk(statement.then if value != negated else statement.otherwise, run)
    if end == "goes on":
        _forget(_statement_tokens(statement), run)
    return end


def _may_differ(condition: Tokens, run: Run) -> bool:
    """Return whether a condition comes out otherwise than in the test, or may."""
    plain = run.copy()
    plain.change = NOTHING
    before = value_of(condition, plain)
    return before is None or before != value_of(condition, run)


def _turns(condition: Tokens, run: Run) -> bool:
    """Return whether a condition that asks for nothing but constants comes out otherwise than in the test."""
    plain = run.copy()
    plain.change, plain.facts = NOTHING, Facts()
    before = value_of(condition, plain)
    return before is not None and before != value_of(condition, run)


def _loop(statement: For, run: Run) -> End:
    tokens = _statement_tokens(statement)
    if _runs_once(statement.header):
        run.differs |= uses_change(statement.header, run)
        _forget(statement.header, run)
        if _walk(statement.body, run) == "fails":
            return "fails"
    elif uses_change(tokens, run):
        run.differs = True
    if any(token.text in {"return", "goto"} for token in tokens):
        return "unsure"
    _forget(tokens, run)
    return "goes on"


def _runs_once(header: Tokens) -> bool:
    """Return whether a loop surely has a first round."""
    words = texts(header)
    if "range" in words:
        if words[-1:] == ["}"]:
            return len(words) > 1 and words[-2] != "{"
        return False
    if len(words) > 7 and words[1] == ":=" and words[3] == ";" and words[4] == words[0] and words[5] in {"<", "<="}:  # noqa: PLR2004
        first, last = words[2], words[6]
        return first.isdecimal() and last.isdecimal() and int(first) < int(last) + (words[5] == "<=")
    return False
