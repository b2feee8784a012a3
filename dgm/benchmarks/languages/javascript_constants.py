"""Finds what a JavaScript expression is made of, where another literal in it surely makes another value."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from dgm.benchmarks.languages.javascript_literals import comparable, is_literal
from dgm.benchmarks.languages.javascript_tokens import Token, closing, depths, split

_DECLARED_AND_USED = 2
_ERRORS = frozenset({"Error", "RangeError", "SyntaxError", "TypeError"})
_CONSTRUCTORS = frozenset({"Date", "Map", "Set", *_ERRORS})
"""Of these another argument makes another value. Errors are compared by what they say."""
_FAITHFUL = frozenset({"join", "map", "relative", "resolve", "resolvePath", "split", "trim"})
"""What a function of the tests' own may call, if what it returns is to differ wherever a word of its arguments does."""
_SIGNS = frozenset("[]{}(),:-+.")
_BEFORE_A_LIST = frozenset("[{(,:+")
_NESTED = 2


def constant(compared: Sequence[Token], body: Sequence[Token], file: Sequence[Token]) -> Sequence[Token]:
    """Return an expression's tokens, with a variable's declaration in its place; nothing where it is no constant.

    Args:
        compared: the expression.
        body: the statements that it stands among.
        file: the whole file, where variables may be declared too.
    """
    match list(compared):
        case [name, dot, member] if name.kind == "word" and dot.text == ".":
            compared = _member(name.text, member.text, body)
        case _:
            for _ in range(_NESTED):
                compared = _expanded(compared, body, file)
    return compared if _is_constant(compared, _faithful_functions(file)) else ()


def alternatives(name: Token, body: Sequence[Token], file: Sequence[Token]) -> list[str]:
    """Return the variables that are declared beside another one and have other constants as values than it has."""
    faithful = _faithful_functions(file)
    for scope in (body, file):
        values = {
            variable: value for variable, value in _declared_beside(name.text, scope) if _is_constant(value, faithful)
        }
        if name.text in values:
            right = values[name.text]
            return [
                other
                for other, value in values.items()
                # What one expectation alone needs may be changed for its sake.
                if len(_uses(other, scope)) > _DECLARED_AND_USED and _surely_differ(right, value)
            ]
    return []


def _surely_differ(right: Sequence[Token], other: Sequence[Token]) -> bool:
    if not right or not other or right[0].kind != other[0].kind:
        return False
    return Counter(map(comparable, literals(right))) != Counter(map(comparable, literals(other)))


def _declared_beside(name: str, scope: Sequence[Token]) -> Iterator[tuple[str, Sequence[Token]]]:
    """Yield name and value of the constants that are declared in the same block as `name`, and of itself."""
    levels = depths(scope)
    places = [place + 1 for place, token in enumerate(scope) if token.text == "const"]
    declared = {scope[place].text: place for place in places if place < len(scope)}
    own = declared.get(name)
    for other, place in declared.items():
        first, last = sorted((place, own)) if own is not None else (0, -1)
        if own is not None and levels[place] == levels[own] == min(levels[first : last + 1]):
            yield other, _initial_value(scope, place)


def _faithful_functions(file: Sequence[Token]) -> frozenset[str]:
    """Return the functions of a test file that put their arguments together and do nothing else with them."""
    found = list(_functions(file))
    called = _FAITHFUL | {name for name, _, _ in found}
    return frozenset(name for name, parameters, body in found if _is_faithful(parameters, body, called))


def _functions(file: Sequence[Token]) -> Iterator[tuple[str, Sequence[Token], Sequence[Token]]]:
    """Yield name, parameters and body of each `function name(...) {...}`."""
    for place in range(len(file) - 2):
        end = closing(file, place + 2) if file[place].text == "function" and file[place + 2].text == "(" else None
        last = closing(file, end + 1) if end is not None and _text(file, end + 1) == "{" else None
        if end is not None and last is not None:
            yield file[place + 1].text, file[place + 3 : end], file[end + 2 : last]


def _is_faithful(parameters: Sequence[Token], body: Sequence[Token], called: Collection[str]) -> bool:
    said = " ".join(token.text for token in body)
    if not all(re.search(rf"\b{re.escape(token.text)}\b", said) for token in parameters if token.kind == "word"):
        return False
    calls = [_text(body, place - 1) for place, token in enumerate(body) if token.text == "("]
    computes = {"+", "-", "*", "/", "%", "?", "if", "for", "while"}
    return all(not name.isidentifier() or name in called for name in calls) and not computes & {t.text for t in body}


def literals(tokens: Sequence[Token]) -> list[Token]:
    """Return the literals of a constant whose values are part of its own: neither names of members nor what joins."""
    return [
        token
        for place, token in enumerate(tokens)
        if is_literal(token) and _text(tokens, place + 1) != ":" and _text(tokens, place - 2) != "join"
    ]


def _expanded(compared: Sequence[Token], body: Sequence[Token], file: Sequence[Token]) -> Sequence[Token]:
    expanded: list[Token] = []
    for place, token in enumerate(compared):
        is_variable = token.kind == "word" and not is_literal(token) and _text(compared, place + 1) not in {":", "."}
        declared = (_declared(token.text, body) or _declared(token.text, file)) if is_variable else ()
        expanded += declared or [token]
    return expanded


def _uses(name: str, tokens: Sequence[Token]) -> list[int]:
    found = (index for index, token in enumerate(tokens) if token.kind == "word" and token.text == name)
    return [index for index in found if _text(tokens, index - 1) != "." and not _is_key(tokens, index)]


def _is_key(tokens: Sequence[Token], place: int) -> bool:
    return _text(tokens, place + 1) == ":" and _text(tokens, place - 1) in {"{", ","}


def _declared(name: str, tokens: Sequence[Token]) -> Sequence[Token]:
    """Return what a variable is declared to be, nothing where it is used for anything else than one expectation."""
    uses = _uses(name, tokens)
    return _initial_value(tokens, uses[0]) if len(uses) == _DECLARED_AND_USED else ()


def _initial_value(tokens: Sequence[Token], name: int) -> Sequence[Token]:
    if _text(tokens, name - 1) not in {"const", "let", "var"} or _text(tokens, name + 1) != "=":
        return ()
    return split(tokens[name + 2 :], ";")[0]


def _member(name: str, member: str, body: Sequence[Token]) -> Sequence[Token]:
    """Return what a variable's member is declared to be, nothing where anything else is done with it."""
    declaration, *uses = _uses(name, body) or [0]
    members = [(_text(body, use + 1), _text(body, use + 2)) for use in uses]
    if any(dot != "." for dot, _ in members) or members.count((".", member)) != 1:
        return ()
    value = _initial_value(body, declaration)
    if not value or value[0].text != "{" or closing(value, 0) != len(value) - 1:
        return ()
    pairs = (split(pair, ":") for pair in split(value[1:-1], ","))
    return next((tuple(value) for (key, *rest) in pairs for value in rest if [t.text for t in key] == [member]), ())


def _is_constant(tokens: Sequence[Token], faithful: Collection[str]) -> bool:
    words = {token.text for token in tokens}
    if "Date" in words and not all(token.text.isdecimal() for token in literals(tokens)):
        return False  # what is no date is equal to any other that is none
    if "{" in words and not words.isdisjoint(_ERRORS):
        return False  # an error's cause is not compared
    return all(_is_part_of_a_constant(tokens, place, faithful) for place in range(len(tokens)))


def _is_part_of_a_constant(tokens: Sequence[Token], place: int, faithful: Collection[str]) -> bool:
    token, before = tokens[place], _text(tokens, place - 1)
    if token.text == "[" and before and before not in _BEFORE_A_LIST:
        return False  # a place in something
    if token.kind == "sign":
        return token.text in _SIGNS and (token.text != "(" or _is_call_of_a_value(tokens, place, faithful))
    if token.kind == "word" and not is_literal(token):
        is_join = (before, token.text) == (".", "join")
        is_made = token.text == "new" or (before == "new" and token.text in _CONSTRUCTORS)
        is_called = token.text in faithful and _text(tokens, place + 1) == "("
        return is_join or is_made or is_called or _text(tokens, place + 1) == ":"
    return is_literal(token)


def _is_call_of_a_value(tokens: Sequence[Token], opening: int, faithful: Collection[str]) -> bool:
    """Return whether a bracket opens the arguments of `new Error(`, `].join(` or a faithful function."""
    before = [_text(tokens, opening - back) for back in (3, 2, 1)]
    return before[1] == "new" or before == ["]", ".", "join"] or before[2] in faithful


def _text(tokens: Sequence[Token], place: int) -> str:
    """Return what a token says, "" where there is none."""
    return tokens[place].text if 0 <= place < len(tokens) else ""
