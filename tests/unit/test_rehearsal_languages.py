"""The rehearsal model on tasks in other languages than Python, and on files as exercises of strangers have them.

The exercises of Polyglot do not come with dgm: the tests on them run where DGM_POLYGLOT_DIR names a checkout of them.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.chat import Message, Tool
from dgm.core.ids import TaskId
from dgm.core.tasks import KnownTask
from dgm.evolution.prompts import prompt
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.rehearsal.ideas import Symptom, catalogue
from dgm.gateway.rehearsal.languages import SOURCE_SUFFIXES, language_of
from dgm.gateway.rehearsal.session import SYNTAX_ERROR
from dgm.gateway.rehearsal.symptoms import symptoms
from tests.fakes.conversing import EDITOR, FULL_EDITOR, GOOD_SEED, SHELL, Talk, known_task, seed_where
from tests.fakes.offline import as_tree, run_agent, seed_agent, with_ideas

CHECKOUT = os.environ.get("DGM_POLYGLOT_DIR", "")
NEEDS_CHECKOUT = pytest.mark.skipif(not CHECKOUT, reason="DGM_POLYGLOT_DIR names no checkout of the exercises")

GO = known_task(
    {"owl.go": 'package owl\n\nfunc Hoots(night int) int {\n\tpanic("not done")\n}\n', "go.mod": "module owl\n"},
    {"owl.go": "package owl\n\nfunc Hoots(night int) int {\n\treturn 3 * night\n}\n"},
)
CPP = known_task(
    {"owl.cpp": '#include "owl.h"\n', "owl.h": "#pragma once\nnamespace owl {\n}\n"},
    {
        "owl.cpp": '#include "owl.h"\nint owl::hoots(int night) {\n    return 3 * night;\n}\n',
        "owl.h": "#pragma once\nnamespace owl {\nint hoots(int night);\n}\n",
    },
)
RUST = known_task(
    {"Cargo.toml": '[package]\nname = "owl"\n', "src/lib.rs": "pub fn hoots() {\n    todo!()\n}\n"},
    {
        "Cargo.toml": '[package]\nname = "owl"\n\n[dependencies]\nwings = "1"\n',
        "src/lib.rs": "mod beak;\npub fn hoots() -> u32 {\n    beak::COUNT\n}\n",
        "src/beak.rs": "pub const COUNT: u32 = 3;\n",
    },
)
JAVA = known_task(
    {"src/main/java/Owl.java": "class Owl {\n}\n"},
    {
        "src/main/java/Owl.java": "class Owl {\n    int hoots(Beak beak) {\n        return beak.count();\n    }\n}\n",
        "src/main/java/Beak.java": "interface Beak {\n    int count();\n}\n",
    },
)
JAVASCRIPT = known_task(
    {"owl.js": "export const hoots = () => {\n  throw new Error('Remove this');\n};\n", "package.json": "{}\n"},
    {"owl.js": "export const hoots = (night) => {\n  return 3 * night;\n};\n"},
)
ODD = {
    "tabs": known_task({"a.go": "\tone\n\t\ttwo\n"}, {"a.go": "\tone\n\t\tthree\t\n"}),
    "line ends of Windows": known_task({"a.js": "one\r\ntwo\r\n"}, {"a.js": "one\r\nthree\r\n"}),
    "no newline at the end": known_task({"a.h": "one\ntwo"}, {"a.h": "one\nthree"}),
    "letters beyond ASCII": known_task({"a.rs": "// Eule 🦉\nü\n"}, {"a.rs": "// Eule 🦉\n\u2028ö\x0c\n"}),
    "an empty file": known_task({"a.cpp": ""}, {"a.cpp": "int one = 1;\n"}),
    "a file with nothing but line ends": known_task({"a.cpp": "\n\n"}, {"a.cpp": "\nint one = 1;\n\n"}),
    "what stands there often": known_task({"a.go": "{\n}\n" * 30}, {"a.go": "{\n}\n" * 20 + "{ 1\n}\n" + "{\n}\n" * 9}),
}
ALL = {"go": GO, "cpp": CPP, "rust": RUST, "java": JAVA, "javascript": JAVASCRIPT, **ODD}
PLAN = "Begin with a plan of every place."


def texts(known: KnownTask) -> dict[str, str]:
    return {path: file.content.decode("utf-8", "replace") for path, file in known.task.workspace.items()}


def answer(known: KnownTask) -> dict[str, str]:
    """Return the workspace with the reference in it."""
    return texts(known) | {path: file.content.decode() for path, file in known.reference.items()}


def start(
    known: KnownTask,
    *,
    provider: RehearsalProvider | None = None,
    files: Mapping[str, str] | None = None,
    seed: int = GOOD_SEED,
    system: str = PLAN,
    statement: str = "",
    tools: Sequence[Tool] = (SHELL, FULL_EDITOR),
) -> Talk:
    """Return a session on a task, with the task's own files unless told otherwise."""
    talk = Talk(provider or RehearsalProvider([known]), seed, dict(files or texts(known)), tools=tuple(tools))
    problem = statement or known.task.statement
    talk.messages = [Message(role="system", content=system), Message(role="user", content=problem)]
    return talk


@pytest.mark.parametrize("tools", [(SHELL, EDITOR), (SHELL, FULL_EDITOR)], ids=["whole files", "replacements"])
@pytest.mark.parametrize("known", ALL.values(), ids=ALL)
def test_the_answer_is_written_as_it_is(known: KnownTask, tools: Sequence[Tool]) -> None:
    talk = start(known, tools=tools)
    talk.run()
    assert talk.files == answer(known)


def test_a_long_file_is_changed_in_its_places() -> None:
    before = "".join(f"func f{number}() int {{\n\treturn {number}\n}}\n" for number in range(400))
    known = known_task({"long.go": before}, {"long.go": before.replace("return 7\n", "return 8\n")})
    talk = start(known)
    talk.run()
    assert talk.files == answer(known)


def test_without_a_plan_only_the_first_of_several_files_is_changed() -> None:
    talk = start(CPP, system="Work.")
    talk.run()
    assert talk.files == texts(CPP) | {"owl.cpp": answer(CPP)["owl.cpp"]}


def test_tasks_that_differ_in_the_files_that_they_name_are_told_apart() -> None:
    story = "# Owls\n\nCount hoots.\n\nChange: `{}`."
    both = [replace(known, task=replace(known.task, statement=story.format(path))) for known, path in
            ((GO, "owl.go"), (JAVASCRIPT, "owl.js"))]  # fmt: skip
    for known in both:
        talk = start(known, provider=RehearsalProvider(both))
        talk.run()
        assert talk.files == answer(known)


@pytest.mark.parametrize("known", [GO, CPP, RUST, JAVA, JAVASCRIPT], ids=["go", "cpp", "rust", "java", "javascript"])
def test_it_may_forget_a_bracket_that_no_compiler_does_without(known: KnownTask) -> None:
    talk = start(known, seed=seed_where("slip"), tools=(SHELL, EDITOR))
    talk.run()
    written = "".join(text for path, text in talk.files.items() if path.endswith(SOURCE_SUFFIXES))
    wanted = "".join(text for path, text in answer(known).items() if path.endswith(SOURCE_SUFFIXES))
    lost = [wanted.count(bracket) - written.count(bracket) for bracket in ")]}"]
    assert sorted(lost) == ([0, 0, 0] if known is RUST else [0, 0, 1])  # of Rust's files, the first is no source


SAID_OF_A_LOST_BRACKET = [
    "owl.go:5:1: syntax error: unexpected EOF, expecting }",
    "error: this file contains an unclosed delimiter",
    "error: mismatched closing delimiter: `)`",
    "SyntaxError: Unexpected end of input",
    "Owl.java:5: error: reached end of file while parsing",
    "Owl.java:3: error: ')' or ',' expected",
    "owl.cpp:4:2: error: expected \u2018}\u2019 at end of input",
]


@pytest.mark.parametrize("said", SAID_OF_A_LOST_BRACKET)
def test_it_mends_what_a_compiler_complains_of(said: str) -> None:
    talk = start(JAVA, seed=seed_where("slip"))
    talk.run()
    assert talk.files != answer(JAVA)
    talk.say(said).run()
    assert talk.files == answer(JAVA)


@pytest.mark.parametrize("said", ["error[E0308]: mismatched types, expected u32", "expected 3, got 4", "0 errors"])
def test_what_is_no_syntax_error_is_not_taken_for_one(said: str) -> None:
    assert SYNTAX_ERROR.search(said) is None


@pytest.mark.parametrize(
    ("known", "command"),
    [
        (GO, "go build -o /dev/null ./..."),
        (CPP, "g++ -std=c++17 -fsyntax-only -x c++ owl.cpp owl.h"),
        (RUST, "CARGO_TARGET_DIR=${TMPDIR:-/tmp}/check cargo check --offline --quiet"),
        (JAVA, "javac -d ${TMPDIR:-/tmp}/check $(find . -name '*.java' -not -path '*/test/*')"),
        (
            JAVASCRIPT,
            'for file in owl.js; do cp "$file" ${TMPDIR:-/tmp}/check.mjs && node -c ${TMPDIR:-/tmp}/check.mjs; done',
        ),
    ],
    ids=["go", "cpp", "rust", "java", "javascript"],
)
def test_asked_to_check_it_compiles(known: KnownTask, command: str) -> None:
    talk = start(known, system="Plan, and check your work.")
    ran: list[str] = []
    talk.shell = lambda command: ran.append(command) or ""  # type: ignore[func-returns-value]
    talk.run()
    assert ran == [command]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("owl.go", "func Hoots() int {"),
        ("owl.rs", "pub fn hoots() {"),
        ("owl.js", "export const hoots = 3;"),
        ("Owl.java", "    public int hoots() {"),
        ("owl.h", "namespace owl {"),
        ("owl.py", "def hoots():"),
    ],
)
def test_it_searches_for_definitions_as_the_language_has_them(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(f"\n{line}\n")
    search = language_of([name]).search
    found = subprocess.run(["bash", "-c", search], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S607
    assert found.stdout == f"./{name}:2:{line}\n"


def test_it_never_compiles_where_it_does_not_know_the_language() -> None:
    assert language_of(["owl.txt"]).compile(["owl.txt"]) == ""


def test_an_opened_file_of_another_language_that_was_left_alone_is_a_symptom() -> None:
    transcript = '[assistant calls editor]\n{"command": "view", "path": "owl.h"}\n[tool]\n\n'
    assert Symptom.ONE_PLACE in symptoms(transcript, "+++ b/owl.cpp\n+x\n")
    assert Symptom.ONE_PLACE not in symptoms(transcript.replace("owl.h", "go.mod"), "+++ b/owl.cpp\n+x\n")


def test_compiling_counts_as_having_checked() -> None:
    transcript = '[assistant calls bash]\n{"command": "go build -o /dev/null ./..."}\n[tool]\n\n'
    assert Symptom.UNCHECKED not in symptoms(transcript, "+++ b/owl.go\n+x\n")


def second(known: KnownTask, files: Mapping[str, str], *, system: str = PLAN) -> Talk:
    """Return a second attempt at a task, with the files that the first left."""
    said = prompt("second", statement=known.task.statement, summary="1 of 2 tests passed", output="Hoots: 2 != 3")
    return start(known, files=files, statement=said, system=system)


LEFT_WRONG = texts(GO) | {"owl.go": "package owl\n\nfunc Hoots(night int) int {\n\treturn 2 * night\n"}


@pytest.mark.parametrize("tools", [(SHELL, EDITOR), (SHELL, FULL_EDITOR)])
def test_a_second_attempt_goes_on_from_what_the_first_left(tools: Sequence[Tool]) -> None:
    talk = second(GO, LEFT_WRONG)
    talk.tools = tuple(tools)
    talk.run()
    assert talk.files == answer(GO)


def test_without_the_tests_words_such_a_file_is_not_what_it_knows_and_is_left_alone() -> None:
    talk = start(GO, files=LEFT_WRONG)
    talk.run()
    assert talk.files == LEFT_WRONG


def test_what_the_tests_say_makes_it_doubt_its_first_idea() -> None:
    naive = GO.reference["owl.go"].content.decode().replace("3", "2")
    known = replace(GO, naive=as_tree({"owl.go": naive}))
    first = start(known)
    first.run()
    assert first.files["owl.go"] == naive
    talk = second(known, first.files)
    talk.run()
    assert talk.files == answer(GO)


def test_a_second_attempt_changes_the_next_place() -> None:
    first = start(CPP, system="Work.")
    first.run()
    talk = second(CPP, first.files, system="Work.")
    talk.run()
    assert talk.files == answer(CPP)


# Upstream's exercises.


def upstream() -> list[KnownTask]:
    return list(benchmark_named("polyglot", checkout=Path(CHECKOUT)).known_tasks())


def good_seed(known: KnownTask) -> int:
    return seed_where(subject=known.task.id)


@NEEDS_CHECKOUT
@pytest.mark.slow
def test_every_exercise_comes_out_as_its_reference_where_no_weakness_shows() -> None:
    tasks = upstream()
    provider = RehearsalProvider(tasks)
    wrong: list[TaskId] = []
    for known in tasks:
        talk = start(known, provider=provider, seed=good_seed(known))
        talk.run()
        if talk.files != answer(known):
            wrong.append(known.task.id)
    assert (len(tasks), wrong) == (224, [])


@NEEDS_CHECKOUT
@pytest.mark.slow
def test_the_seed_agent_with_all_helpful_ideas_leaves_every_reference(tmp_path: Path) -> None:
    tasks = upstream()
    provider = RehearsalProvider(tasks)
    code = as_tree(with_ideas(seed_agent(), [idea for idea in catalogue() if idea.kind == "helpful"]))
    wrong: list[TaskId] = []
    for number, known in enumerate(tasks):
        (place := tmp_path / str(number)).mkdir()
        session = run_agent(
            code, known.task.statement, known.task.workspace, provider=provider, seed=good_seed(known), directory=place
        )
        left = {path: file.content for path, file in known.task.solution_in(session.workspace).items()}
        if left != {path: file.content for path, file in known.reference.items()}:
            wrong.append(known.task.id)
    assert (len(tasks), wrong) == (224, [])
