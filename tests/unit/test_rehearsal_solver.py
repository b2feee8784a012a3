"""The rehearsal model at work on a task: what it sees, forgets and gets wrong."""

import ast
from collections.abc import Callable
from random import Random

import pytest

from dgm.boundary.chat import ChatRequest, Message, Tool
from dgm.core.tasks import KnownTask
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.rehearsal.rewriting import Hunk, hunks, with_slip
from dgm.gateway.rehearsal.toolbox import Create
from tests.fakes.conversing import EDITOR, FULL_EDITOR, GOOD_SEED, SHELL, Talk, known_task, seed_where

BEFORE = {"sums.py": "def add(a, b):\n    return a - b\n"}
AFTER = {"sums.py": "def add(a, b):\n    return (a + b)\n"}
TASK = known_task(BEFORE, AFTER)


def silent(_: str) -> str:
    return ""


class Recorder:
    """A shell that prints nothing and keeps what it was to run."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def __call__(self, command: str) -> str:
        self.commands.append(command)
        return ""


def start(
    known: KnownTask = TASK,
    *,
    seed: int = GOOD_SEED,
    system: str = "Work.",
    tools: tuple[Tool, ...] = (SHELL, EDITOR),
    shell: Callable[[str], str] = silent,
    limit: int = 10_000,
) -> Talk:
    """Return a session of an agent with a shell and an editor."""
    files = {path: file.content.decode() for path, file in known.task.workspace.items()}
    talk = Talk(RehearsalProvider([known]), seed, files, tools=tools, shell=shell, limit=limit)
    talk.messages = [Message(role="system", content=system), Message(role="user", content=known.task.statement)]
    return talk


def long_file(lines: int, *, changed: bool) -> str:
    """Return a Python file whose last function is wrong until it is changed."""
    body = "".join(f"def number_{line}():\n    return {line}\n" for line in range(lines // 2 - 1))
    return body + f"def last():\n    return {'right' if changed else 'wrong'!r}\n"


def test_it_looks_then_writes_the_answer() -> None:
    talk = start()
    talk.run()
    assert talk.files == AFTER


def test_it_knows_the_task_however_the_agent_wraps_its_lines() -> None:
    talk = start()
    talk.messages = [Message(role="user", content="Please:  " + TASK.task.statement.replace(" ", "\n  "))]
    talk.run()
    assert talk.files == AFTER


def test_it_does_not_know_what_to_do_with_another_task() -> None:
    talk = start()
    talk.messages = [Message(role="user", content="Write a poem.")]
    assert talk.next().tool_calls == ()


def test_the_same_conversation_and_seed_get_the_same_answer() -> None:
    answers: list[object] = []
    for _ in range(2):
        talk = start(seed=3)
        answers.append([talk.next(), talk.next(), talk.next()])
    assert answers[0] == answers[1]


def test_timings_in_what_tools_print_make_no_difference() -> None:
    known = known_task(BEFORE, AFTER, statement="# Mend\n\n>>> add(1, 2)\n3\n")
    ends: list[object] = []
    for seconds in ("0.01", "7.93"):
        talk = start(known, system="Check your work.", shell=f"ran {{}} in {seconds} s".format)
        ends.append(talk.run())
    assert ends[0] == ends[1]


def test_its_first_reply_may_be_empty() -> None:
    talk = start(seed=seed_where("empty reply"))
    assert not talk.run().content
    assert talk.files == BEFORE


def test_asked_again_after_an_empty_reply_it_goes_on() -> None:
    talk = start(seed=seed_where("empty reply"))
    talk.run()
    talk.say("Your reply was empty. Go on with the work.").run()
    assert talk.files == AFTER


def test_it_may_give_up_after_looking() -> None:
    talk = start(seed=seed_where("gives up"))
    assert "nothing to do" in (talk.run().content or "")
    assert talk.files == BEFORE


def test_told_that_nothing_was_changed_it_goes_on() -> None:
    talk = start(seed=seed_where("gives up"))
    talk.run()
    talk.say("Nothing was changed yet, so the problem is not solved.").run()
    assert talk.files == AFTER


SLIPPING = seed_where("slip")


@pytest.mark.parametrize("tools", [(SHELL, EDITOR), (SHELL, FULL_EDITOR)])
def test_it_may_forget_a_bracket(tools: tuple[Tool, ...]) -> None:
    talk = start(seed=SLIPPING, tools=tools)
    talk.run()
    with pytest.raises(SyntaxError):
        ast.parse(talk.files["sums.py"])


@pytest.mark.parametrize("tools", [(SHELL, EDITOR), (SHELL, FULL_EDITOR)])
def test_it_mends_a_syntax_error_that_it_is_shown(tools: tuple[Tool, ...]) -> None:
    talk = start(seed=SLIPPING, tools=tools)
    talk.run()
    talk.say("sums.py: SyntaxError: '(' was never closed").run()
    assert talk.files == AFTER


LONG = known_task({"long.py": long_file(300, changed=False)}, {"long.py": long_file(300, changed=True)})


def test_it_shortens_a_long_file_that_it_has_to_write_again() -> None:
    talk = start(LONG)
    talk.run()
    assert "rest of the file unchanged" in talk.files["long.py"]
    assert "def number_70" not in talk.files["long.py"]


def test_it_does_not_restore_a_shortened_file_on_a_second_try() -> None:
    talk = start(LONG)
    talk.run()
    talk.say("SyntaxError: invalid syntax").run()
    assert "def number_70" not in talk.files["long.py"]


def test_with_an_exact_replacement_it_changes_only_the_place() -> None:
    talk = start(LONG, tools=(SHELL, FULL_EDITOR))
    talk.run()
    assert talk.files["long.py"] == long_file(300, changed=True)


def test_a_small_replacement_is_made_unique_by_its_context() -> None:
    before = "".join(f"def f{number}():\n    return 1\n\n\n" for number in range(5))
    after = before.replace("def f3():\n    return 1", "def f3():\n    return 2")
    talk = start(known_task({"f.py": before}, {"f.py": after}), tools=(SHELL, FULL_EDITOR))
    talk.run()
    assert talk.files["f.py"] == after


def test_it_cannot_mend_what_was_clipped() -> None:
    talk = start(LONG, limit=2_000)
    assert "not shown" in (talk.run().content or "")
    assert talk.files["long.py"] == long_file(300, changed=False)


def test_a_range_of_lines_lets_it_see_the_rest() -> None:
    talk = start(LONG, limit=2_000, tools=(SHELL, FULL_EDITOR))
    talk.run()
    assert talk.files["long.py"] == long_file(300, changed=True)


EXAMPLES = known_task(
    BEFORE,
    AFTER,
    statement="# Mend\n\n```python\n>>> add(1, 2)\n3\n```\n",
    naive={"sums.py": "def add(a, b):\n    return a * b\n"},
)


def failing(_: str) -> str:
    return "Failed example:\n    add(1, 2)\nExpected:\n    3\nGot:\n    2\n"


def test_it_tries_the_naive_solution_and_does_not_check() -> None:
    shell = Recorder()
    talk = start(EXAMPLES, shell=shell)
    talk.run()
    assert talk.files["sums.py"] == "def add(a, b):\n    return a * b\n"
    assert shell.commands == []


def test_asked_to_check_it_sees_the_failure_and_mends_it() -> None:
    talk = start(EXAMPLES, shell=failing)
    talk.run()
    talk.say("Before you finish, run every example and mend what does not agree.").run()
    assert talk.files == AFTER


def test_a_check_that_shows_nothing_wrong_changes_nothing() -> None:
    talk = start(EXAMPLES)
    talk.run()
    talk.say("Please verify your work.").run()
    assert talk.files["sums.py"] == "def add(a, b):\n    return a * b\n"


def test_the_word_check_in_the_task_is_no_request_of_the_agent() -> None:
    shell = Recorder()
    known = known_task(BEFORE, AFTER, statement="# Check digits\n\nVerify.\n\n>>> add(1, 2)\n3\n")
    start(known, shell=shell).run()
    assert shell.commands == []


NOISY = known_task(
    BEFORE,
    AFTER,
    statement="# Mend\n\nThe rule is printed by\n\n    python3 tools/describe.py\n",
    naive={"sums.py": "def add(a, b):\n    return a\n"},
    must_see="the rule is plus",
)


@pytest.mark.parametrize(
    ("noise", "expected"),
    [(100, AFTER["sums.py"]), (20_000, "def add(a, b):\n    return a\n")],
    ids=["seen", "clipped"],
)
def test_it_knows_a_rule_only_if_it_saw_it_printed(noise: int, expected: str) -> None:
    talk = start(NOISY, shell=f"{{}}\n{'.' * noise}\nthe rule is plus".format)
    talk.run()
    assert talk.files["sums.py"] == expected


SEVERAL = known_task({"a.py": "A = 1\n", "b.py": "B = 1\n"}, {"a.py": "A = 2\n", "b.py": "B = 2\n"})


def test_of_several_files_it_changes_only_the_first() -> None:
    talk = start(SEVERAL)
    talk.run()
    assert talk.files == {"a.py": "A = 2\n", "b.py": "B = 1\n"}


def test_asked_for_a_plan_it_changes_all_files() -> None:
    talk = start(SEVERAL, system="Begin with a plan.")
    talk.run()
    assert talk.files == {"a.py": "A = 2\n", "b.py": "B = 2\n"}


def test_it_loses_track_of_a_very_long_conversation() -> None:
    talk = start()
    talk.say("x" * 120_000)
    assert "lost track" in (talk.next().content or "")


def test_without_a_tool_that_shows_files_it_says_so() -> None:
    talk = start(tools=())
    assert "None of the tools" in (talk.run().content or "")


def test_with_a_shell_alone_it_can_work() -> None:
    talk = start(tools=(SHELL,))
    talk.run()
    assert talk.files == AFTER


def test_an_answer_over_the_limit_is_cut_off() -> None:
    talk = start()
    talk.next()
    request = ChatRequest(model="rehearsal", messages=tuple(talk.messages), tools=talk.tools)
    reply = talk.provider.complete(request, output_tokens=2, seed=talk.seed, kept={})
    assert (reply.finish_reason, reply.tool_calls, reply.output_tokens) == ("length", (), 2)


@pytest.mark.parametrize("result", ["", "something else\n", "def add(a, b):\n"], ids=["nothing", "other", "a part"])
def test_a_file_that_was_not_shown_as_it_is_cannot_be_written_again(result: str) -> None:
    talk = start()
    talk.next()
    talk.files["sums.py"] = result  # what the agent's tool makes of it
    assert "not shown" in (talk.run().content or "")
    assert talk.files["sums.py"] == result


def test_lines_cannot_be_put_into_a_file_that_was_not_shown() -> None:
    known = known_task({"a.py": "x = 1\ny = 2\n"}, {"a.py": "x = 1\nz = 3\ny = 2\n"})
    talk = start(known)
    talk.next()
    talk.files["a.py"] = ""
    talk.run()
    assert talk.files["a.py"] == ""


def test_texts_that_would_take_minutes_to_compare_differ_as_a_whole() -> None:
    lines = 50_000
    assert hunks("\n" * lines, "x\n" * 50) == [Hunk(0, lines, 0, 50)]


def test_no_slip_is_searched_for_without_end() -> None:
    edit = Create("a.py", "#" + ")" * 50_000)  # minutes, if each of them were tried
    assert with_slip(edit, "", Random(0)) == edit
