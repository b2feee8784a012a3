"""What the model knows of programming languages: how definitions look, and how to see whether files compile."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One language, told by the names of its files."""

    suffixes: tuple[str, ...]
    definitions: str
    """Extended regular expression of `grep` for lines that begin a definition."""
    compiling: str
    """Shell command that compiles `{files}` and leaves nothing in the workspace; empty for none."""

    @property
    def search(self) -> str:
        """A shell command that lists definitions."""
        files = " ".join(f"--include='*{suffix}'" for suffix in self.suffixes)
        return f"grep -rnE '{self.definitions}' {files} . | head -n 40"

    def compile(self, paths: Iterable[str]) -> str:
        """Return a shell command that shows whether the language's files of `paths` compile; empty where none does."""
        files = [shlex.quote(path) for path in paths if path.endswith(self.suffixes)]
        return self.compiling.replace("{files}", " ".join(files))


PYTHON = Language((".py",), "^(def|class) ", "")  # its examples can be run, which shows more
_LANGUAGES = (
    PYTHON,
    Language((".go",), "^(func|type) ", "go build -o /dev/null ./..."),
    Language(
        (".rs",),
        "^ *(pub |impl |fn |struct |enum |trait )",
        "CARGO_TARGET_DIR=${TMPDIR:-/tmp}/check cargo check --offline --quiet",
    ),
    Language(
        (".js",),
        "^(export |class |function |const )",
        # As a module whatever package.json says; names of files do not matter for this.
        'for file in {files}; do cp "$file" ${TMPDIR:-/tmp}/check.mjs && node -c ${TMPDIR:-/tmp}/check.mjs; done',
    ),
    Language(
        (".java",),
        "^ *(public|private|protected|class|interface|enum|record) ",
        "javac -d ${TMPDIR:-/tmp}/check $(find . -name '*.java' -not -path '*/test/*')",
    ),
    Language(
        (".cpp", ".h"), "^ *(class|struct|namespace|template|enum) ?", "g++ -std=c++17 -fsyntax-only -x c++ {files}"
    ),
)
SOURCE_SUFFIXES = tuple(suffix for language in _LANGUAGES for suffix in language.suffixes)


def language_of(paths: Iterable[str]) -> Language:
    """Return the language that some of the files are in; Python where that cannot be told."""
    names = tuple(paths)
    return next(
        (language for language in _LANGUAGES if any(name.endswith(language.suffixes) for name in names)), PYTHON
    )
