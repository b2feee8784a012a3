"""Finds languages by the names that benchmarks give them."""

from collections.abc import Mapping

from dgm.benchmarks.languages.cpp import CppLanguage
from dgm.benchmarks.languages.go import GoLanguage
from dgm.benchmarks.languages.java import JavaLanguage
from dgm.benchmarks.languages.javascript import JavaScriptLanguage
from dgm.benchmarks.languages.python import PythonLanguage
from dgm.benchmarks.languages.rust import RustLanguage
from dgm.benchmarks.suites import Language
from dgm.core.errors import UnknownNameError

_ALL: tuple[Language, ...] = (
    CppLanguage(),
    GoLanguage(),
    JavaLanguage(),
    JavaScriptLanguage(),
    PythonLanguage(),
    RustLanguage(),
)
_LANGUAGES: Mapping[str, Language] = {language.name: language for language in _ALL}


def language_named(name: str) -> Language:
    """Return how exercises of a language are judged.

    Raises:
        UnknownNameError: there is no such language.
    """
    try:
        return _LANGUAGES[name]
    except KeyError:
        raise UnknownNameError(f"There is no language {name!r}; there is {', '.join(_LANGUAGES)}.") from None
