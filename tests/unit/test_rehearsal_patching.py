"""The rehearsal model at work on a repository that the host does not know: it mends what it was shown of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dgm.boundary.chat import Message, Tool
from dgm.core.errors import MalformedContentError
from dgm.core.hunks import hunks_by_path
from dgm.core.tasks import KnownTask
from dgm.gateway.rehearsal import RehearsalProvider
from tests.fakes.conversing import EDITOR, FULL_EDITOR, GOOD_SEED, SHELL, Talk, known_by, patch_of, seed_where

RECORDS = Path(__file__).parents[3] / "shared/spec/swebench/verified_sample.jsonl"
WITHOUT_RANGES = FULL_EDITOR.model_copy(deep=True)
del WITHOUT_RANGES.function.parameters["properties"]["view_range"]
PLAN = "Begin with a plan: list every place."

SMALL = {"sums/add.py": "def add(a, b):\n    return a - b\n"}
MENDED = {"sums/add.py": "def add(a, b):\n    return (a + b)\n"}
SEVERAL = {"a.py": "A = 1\n", "b.py": "B = 1\n", "c.py": "C = 1\n"}
CHANGED = {"a.py": "A = 2\n", "b.py": "B = 2\n", "c.py": "C = 1\n"}


def start(
    before: Mapping[str, str],
    known: KnownTask,
    *,
    seed: int = GOOD_SEED,
    tools: tuple[Tool, ...] = (SHELL, EDITOR),
    system: str = "",
    limit: int = 10_000,
) -> Talk:
    """Return a session of an agent that names the repository as our own does."""
    talk = Talk(RehearsalProvider([known]), seed, in_testbed(before), tools=tools, limit=limit)
    instructions = f"Solve the problem below by changing files of the repository in /testbed.\n{system}"
    talk.messages = [Message(role="system", content=instructions), Message(role="user", content=known.task.statement)]
    return talk


def in_testbed(files: Mapping[str, str]) -> dict[str, str]:
    return {f"/testbed/{path}": text for path, text in files.items()}


def function_file(functions: int, *, mended: tuple[int, ...] = ()) -> str:
    """Return a Python file of four lines a function, some of them mended."""
    return "".join(f"def f{n}():\n    return ({'-' * (n in mended)}{n})\n\n\n" for n in range(functions))


@pytest.mark.parametrize("tools", [(SHELL,), (SHELL, EDITOR), (SHELL, FULL_EDITOR)])
def test_it_looks_and_then_mends_a_file_by_its_absolute_path(tools: tuple[Tool, ...]) -> None:
    talk = start(SMALL, known_by(patch_of(SMALL, MENDED)), tools=tools)
    talk.run()
    assert talk.files == in_testbed(MENDED)


def test_an_agent_that_does_not_name_the_repository_gets_relative_paths() -> None:
    talk = start(SMALL, known_by(patch_of(SMALL, MENDED)))
    talk.files = dict(SMALL)
    talk.messages[0] = Message(role="system", content="Mend it.")
    talk.run()
    assert talk.files == MENDED


def test_a_file_that_is_not_as_the_patch_says_is_left_alone() -> None:
    other = {"sums/add.py": "def add(*numbers):\n    return 0\n"}
    talk = start(other, known_by(patch_of(SMALL, MENDED)))
    assert "not shown" in (talk.run().content or "")
    assert talk.files == in_testbed(other)


def test_it_forgets_a_bracket_and_mends_it_once_it_is_shown() -> None:
    talk = start(SMALL, known_by(patch_of(SMALL, MENDED)), seed=seed_where("slip"))
    talk.run()
    assert talk.files != in_testbed(MENDED)
    talk.say("sums/add.py: SyntaxError: '(' was never closed").run()
    assert talk.files == in_testbed(MENDED)


LONG = {"long.py": function_file(200)}
LONG_MENDED = {"long.py": function_file(200, mended=(190,))}
LONG_TASK = known_by(patch_of(LONG, LONG_MENDED))


def test_it_cannot_mend_what_was_clipped() -> None:
    talk = start(LONG, LONG_TASK, limit=2_000)
    assert "not shown" in (talk.run().content or "")
    assert talk.files == in_testbed(LONG)


def test_it_shortens_a_long_file_that_it_has_to_write_again() -> None:
    talk = start(LONG, LONG_TASK)
    talk.run()
    assert "rest of the file unchanged" in talk.files["/testbed/long.py"]


def test_ranges_of_lines_and_exact_replacements_let_it_mend_a_long_file() -> None:
    talk = start(LONG, LONG_TASK, limit=2_000, tools=(SHELL, FULL_EDITOR))
    talk.run()
    assert talk.files == in_testbed(LONG_MENDED)


def test_of_several_places_it_changes_those_that_it_was_shown() -> None:
    after = {"long.py": function_file(200, mended=(3, 190))}
    talk = start(LONG, known_by(patch_of(LONG, after)), limit=2_000, tools=(SHELL, WITHOUT_RANGES))
    talk.run()
    assert talk.files == in_testbed({"long.py": function_file(200, mended=(3,))})


@pytest.mark.parametrize(("system", "last"), [("", 3), (PLAN, 60)], ids=["without a plan", "with one"])
def test_many_places_of_a_file_take_a_plan(system: str, last: int) -> None:
    before, places = {"f.py": function_file(70)}, (3, 30, 60)
    after = {"f.py": function_file(70, mended=places)}
    talk = start(before, known_by(patch_of(before, after)), tools=(SHELL, FULL_EDITOR), system=system)
    talk.run()
    mended = tuple(place for place in places if place <= last)
    assert talk.files == in_testbed({"f.py": function_file(70, mended=mended)})


@pytest.mark.parametrize(("system", "b"), [("", "B = 1\n"), (PLAN, "B = 2\n")], ids=["without a plan", "with one"])
def test_several_files_take_a_plan(system: str, b: str) -> None:
    talk = start(SEVERAL, known_by(patch_of(SEVERAL, CHANGED)), system=system)
    talk.run()
    assert talk.files == in_testbed({**CHANGED, "b.py": b})


def test_it_makes_new_files() -> None:
    after = {**MENDED, "sums/new.py": "NEW = 1\n"}
    talk = start(SMALL, known_by(patch_of(SMALL, after)), system=PLAN)
    talk.run()
    assert talk.files == in_testbed(after)


def test_of_places_that_look_the_same_it_takes_the_one_that_is_meant() -> None:
    known = known_by("--- a/f.py\n+++ b/f.py\n@@ -33,2 +33,2 @@\n x = 1\n-x = 1\n+x = 2\n")
    talk = start({"f.py": "x = 1\n" * 41}, known)
    talk.run()
    assert talk.files == in_testbed({"f.py": "x = 1\n" * 33 + "x = 2\n" + "x = 1\n" * 7})


def test_two_changes_of_a_very_long_file_are_one_replacement_of_what_lies_between() -> None:
    before = {"f.py": function_file(500)}
    after = {"f.py": function_file(500, mended=(300, 310))}
    talk = start(before, known_by(patch_of(before, after)), tools=(SHELL, FULL_EDITOR))
    talk.run()
    assert talk.files == in_testbed(after)
    assert max(len(str(message.tool_calls)) for message in talk.messages) < 2_000


def test_an_answer_that_is_no_patch_is_refused_at_once() -> None:
    with pytest.raises(MalformedContentError, match="The answer of made-up cannot be read: A patch is no"):
        RehearsalProvider([known_by("Just do it.\n")])


@pytest.mark.skipif(not RECORDS.exists(), reason="the records of SWE-bench are not here")
def test_it_mends_what_real_records_ask_for() -> None:
    for line in RECORDS.read_text("utf-8").splitlines():
        record = json.loads(line)
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        for path, hunks in hunks_by_path(record["patch"]).items():
            old, new = "", ""
            for hunk in hunks:
                filler = "".join(f"# line {number}\n" for number in range(old.count("\n") + 1, hunk.line))
                old, new = old + filler + hunk.old, new + filler + hunk.new
            before[path], after[path] = old, new
        known = known_by(record["patch"], record["problem_statement"])
        talk = start(before, known, tools=(SHELL, FULL_EDITOR), system=PLAN)
        talk.run()
        assert talk.files == in_testbed(after), record["instance_id"]
