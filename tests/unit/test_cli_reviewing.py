"""`dgm review`, `pause`, `stop` and `resume` of a paused run, and what other verbs tell of them, on runs on disk."""

import re
import shutil
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from rich.console import Console

from dgm.archive.run import RunArchive, locked_run, open_run, read_run
from dgm.cli.review_session import ReviewSession
from dgm.config import Bounds, parse_config
from dgm.core.actions import Expand, Rejection
from dgm.core.errors import UnknownNameError, UsageError
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId
from dgm.core.oversight import Intervene, Intervention, Judge, Review
from dgm.evolution.bench import Bench
from dgm.evolution.desk import Desk, Request
from dgm.oversight.address import CONTROL_SOCKET
from dgm.oversight.server import served
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.wiring import LiveRun, remove_stale_socket, review_step
from tests.fakes.commands import Answer, answered
from tests.fakes.runs import SEED_CODE, diagnosis, new_run, step
from tests.unit.test_engine import Recorder

HOSTILE = b"# \x1b]0;title\x07\x1b[2J\xe2\x80\xae\nx = 1\r- import os\n"
CHILD: FileTree = {**SEED_CODE, "main.py": File(HOSTILE, executable=True), "sitecustomize.py": File(b"import os\n")}
OTHER: FileTree = {**SEED_CODE, "tools/edit.py": File(b"EDIT = 2\n")}
EACH = parse_config("oversight.approve = 'each'", source="test")


def hold(archive: RunArchive, code: FileTree, *, proposal: str = "View ranges of lines.") -> int:
    """Let a child of the seed agent wait and return the decision that made it."""
    root = archive.agent_tree().root.id
    decision = archive.decide(Expand(root, len(archive.held_records()) + 1))
    made = step(len(archive.held_records()) + 1, root, child=code)
    archive.hold(decision.number, replace(made, diagnosis=diagnosis(proposal)))
    return decision.number


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run in which two children wait, of the steps 1 and 2."""
    directory = tmp_path_factory.mktemp("template") / "mine"
    with new_run(directory, config=EACH) as archive:
        hold(archive, CHILD)
        hold(archive, OTHER)
    return directory


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "mine"))


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str) -> Answer:
        return answered(capsys, *arguments, "--runs-dir", str(tmp_path))

    return command


def words(text: str) -> str:
    return " ".join(text.split())


# --- without a terminal ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("run")
def test_what_waits_is_listed_with_what_to_do_and_the_exit_code_says_so(dgm: Any) -> None:
    answer = dgm("review", "mine")
    assert answer.code == 1
    assert "View ranges of lines.; found: nothing" in words(answer.out)
    assert "1 runs by itself" in words(answer.out)
    assert answer.out.endswith("Look: `dgm review mine --step 1`. Say: --approve, or --reject REASON.\n")
    assert dgm("review", "mine", "--list").code == 0


def test_where_nothing_waits_it_says_so(dgm: Any, tmp_path: Path) -> None:
    new_run(tmp_path / "mine").close()
    assert dgm("review", "mine") == Answer(0, "No child of mine waits to be seen.\n", "")


@pytest.mark.usefixtures("run")
def test_a_child_is_told_in_json_with_its_diff_diagnosis_and_findings(dgm: Any) -> None:
    answer = dgm("review", "mine", "--json").json
    assert [child["step"] for child in answer["waiting"]] == [1, 2]
    child = answer["waiting"][1]
    assert child["diff_stat"] == {"files_changed": 1, "insertions": 1, "deletions": 1}
    assert child["diff"].endswith("-EDIT = 1\n+EDIT = 2\n")
    assert child["diagnosis"]["improvement_proposal"] == "View ranges of lines."
    assert (child["cost_usd"], child["findings"]) == (0.25, [])
    kinds = [finding["kind"] for finding in answer["waiting"][0]["findings"]]
    assert {"hidden characters", "runs by itself", "new file"} <= set(kinds)


@pytest.mark.usefixtures("run")
def test_one_child_is_shown_whole(dgm: Any) -> None:
    shown = dgm("review", "mine", "--step", "2").out
    assert "The static check found nothing." in shown
    assert "What it changed: 1 file, +1 -1" in shown
    assert shown.index("\n-EDIT = 1\n") < shown.index("\n+EDIT = 2\n")


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("width", ["40", "80", "120", "200"])
def test_nothing_that_a_child_wrote_moves_the_cursor_or_begins_a_line_of_ours(
    dgm: Any, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    shown = dgm("review", "mine", "--step", "1").out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert not any(line.lstrip().startswith("- import os") for line in shown.splitlines())
    assert "x = 1⏎- import os" in shown


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--approve"], "Say which child with --step N"),
        (["--step", "1", "--approve", "--reject", "no"], "A child is either approved or rejected."),
        (["--step", "1", "--reason", "yes"], "--reason goes with --approve"),
        (["--step", "7", "--approve"], "Step 7 does not wait to be seen; of this run, these do: 1, 2."),
        (["--step", "7"], "Step 7 does not wait to be seen"),
        (["--step", "0"], "Invalid value for '--step'"),
    ],
)
@pytest.mark.usefixtures("run")
def test_what_cannot_be_meant_is_refused_in_one_sentence(dgm: Any, options: list[str], sentence: str) -> None:
    answer = dgm("review", "mine", *options)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert sentence in answer.err


# --- a run that nobody evolves ---------------------------------------------------------------------------------------


def test_what_is_said_of_a_run_that_is_not_under_way_is_in_its_archive(dgm: Any, run: Path) -> None:
    rejected = dgm("review", "mine", "--step", "1", "--reject", "It runs by itself.")
    approved = dgm("review", "mine", "--step", "2", "--approve", "--reason", "reads well")
    going_on = "the run is not under way, and `dgm resume mine` goes on.\n"
    assert (rejected.code, rejected.out) == (0, f"Step 1 is rejected; {going_on}")
    assert (approved.code, approved.out) == (0, f"Step 2 is approved; {going_on}")
    with read_run(run) as reader:
        assert [held.review for held in reader.held()] == [
            Review(approved=False, reason="It runs by itself."),
            Review(approved=True, reason="reads well"),
        ]
        assert (reader.waiting(), len(reader.starts())) == ((), 1)  # to say something is not to go on with the run


def approve_the_first(run: Path) -> None:
    with locked_run(run) as archive:
        archive.add_review(archive.waiting()[0].decision, Review(approved=True))


def go_on_with_never(run: Path) -> None:
    with locked_run(run) as archive:
        archive.start(children=3, bounds=Bounds(approve="never"))


@pytest.mark.parametrize(("approve", "let_go"), [("first", approve_the_first), ("each", go_on_with_never)])
def test_what_is_let_go_without_a_review_waits_no_more(
    dgm: Any, tmp_path: Path, approve: str, let_go: Callable[[Path], None]
) -> None:
    with new_run(tmp_path / "mine", config=parse_config(f"oversight.approve = '{approve}'", source="test")) as archive:
        hold(archive, CHILD)
        hold(archive, OTHER)
    assert dgm("status", "mine", "--json").json["oversight"]["waiting"] == [1, 2]
    let_go(tmp_path / "mine")
    assert dgm("review", "mine") == Answer(0, "No child of mine waits to be seen.\n", "")
    assert dgm("review", "mine", "--json").json["waiting"] == []
    assert dgm("status", "mine", "--json").json["oversight"]["waiting"] == []


@pytest.mark.usefixtures("run")
def test_a_child_is_reviewed_once(dgm: Any) -> None:
    dgm("review", "mine", "--step", "1", "--approve")
    again = dgm("review", "mine", "--step", "1", "--reject", "after all")
    assert (again.code, "Step 1 does not wait to be seen" in again.err) == (2, True)


@pytest.mark.parametrize("verb", ["pause", "stop"])
@pytest.mark.usefixtures("run")
def test_what_does_not_run_is_neither_paused_nor_stopped(dgm: Any, verb: str) -> None:
    assert dgm(verb, "mine") == Answer(2, "", "dgm: mine is not running.\n")


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_run_that_is_just_starting_takes_no_commands(dgm: Any, run: Path, verb: str) -> None:
    with locked_run(run):
        answer = dgm(verb, "mine")
    assert (answer.code, "mine is just starting or ending, and takes no commands" in answer.err) == (2, True)


# --- a run that a process evolves ------------------------------------------------------------------------------------


def carried_out(request: Request, archive: RunArchive) -> str:
    """Stand for the engine."""
    match request.command:
        case Judge(decision=decision, review=review):
            archive.add_review(decision, review)
            return "Said."
        case Intervene(what=what, reason=reason):
            archive.add_intervention(what, reason)
            return f"It is to {what}."


@contextmanager
def evolving(run: Path) -> Generator[RunArchive]:
    """Hold a run as the process does that evolves it, and carry out what is asked of it."""
    desk, is_over = Desk(), False
    with open_run(run) as archive:

        def work() -> None:
            while not is_over:
                desk.bell.result()
                for request in desk.take():
                    request.answer.set_result(carried_out(request, archive))

        engine = Thread(target=work, daemon=True)
        engine.start()
        with served(run, desk):
            yield archive
        is_over = True
        desk.ring()
        engine.join()


@pytest.mark.parametrize(
    ("options", "review"),
    [
        (["--approve", "--reason", "reads well"], Review(approved=True, reason="reads well")),
        (["--reject", "no"], Review(approved=False, reason="no")),
    ],
)
def test_a_review_reaches_the_process_that_evolves_the_run(
    dgm: Any, run: Path, options: list[str], review: Review
) -> None:
    with evolving(run) as archive:
        answer = dgm("review", "mine", "--step", "2", *options)
        assert (answer.code, answer.out, answer.err) == (0, "Said.\n", "")
        assert [held.review for held in archive.held()] == [None, review]


def test_a_review_is_told_in_json(dgm: Any, run: Path) -> None:
    with evolving(run):
        answer = dgm("review", "mine", "--step", "2", "--approve", "--json").json
    assert answer == {"run": "mine", "step": 2, "answer": "Said."}


@pytest.mark.parametrize(("verb", "what"), [("pause", Intervention.PAUSE), ("stop", Intervention.STOP)])
def test_a_run_is_paused_and_stopped_from_elsewhere(dgm: Any, run: Path, verb: str, what: Intervention) -> None:
    with evolving(run) as archive:
        answer = dgm(verb, "mine", "--reason", "to think")
        assert (answer.code, answer.out) == (0, f"It is to {verb}.\n")
        assert [(done.what, done.reason) for done in archive.interventions()] == [(what, "to think")]


def test_a_run_that_is_paused_and_under_way_goes_on(dgm: Any, run: Path) -> None:
    with evolving(run) as archive:
        dgm("pause", "mine")
        answer = dgm("resume", "mine")
        assert (answer.code, answer.out) == (0, "It is to resume.\n")
        assert [done.what for done in archive.interventions()] == [Intervention.PAUSE, Intervention.RESUME]


def test_the_process_of_a_paused_run_takes_no_other_settings(dgm: Any, run: Path) -> None:
    with evolving(run) as archive:
        dgm("pause", "mine")
        answer = dgm("resume", "mine", "--children", "20")
        assert (answer.code, "its process takes no other settings" in answer.err) == (2, True)
        assert len(archive.interventions()) == 1


def test_a_run_that_is_under_way_and_not_paused_is_in_use(dgm: Any, run: Path) -> None:
    with evolving(run):
        answer = dgm("resume", "mine")
    assert (answer.code, "is in use by process" in answer.err) == (3, True)


def test_a_pause_of_an_earlier_process_is_none_of_this_one(dgm: Any, run: Path) -> None:
    with evolving(run):
        dgm("pause", "mine")
        assert dgm("status", "mine", "--json").json["oversight"]["paused"]
    assert not dgm("status", "mine", "--json").json["oversight"]["paused"]
    with evolving(run):
        assert not dgm("status", "mine", "--json").json["oversight"]["paused"]


def test_a_review_of_a_run_that_ends_at_this_moment_is_written_once_it_has_ended(run: Path) -> None:
    archive = open_run(run)
    with read_run(run) as reader:
        (first, _) = reader.waiting()

    def end(_: float) -> None:
        archive.close()

    answer = review_step(run, first.decision, Review(approved=True), pause=end)
    assert answer == "Step 1 is approved; the run is not under way, and `dgm resume mine` goes on."


def test_a_run_that_takes_no_command_for_long_is_given_up(run: Path) -> None:
    with open_run(run), pytest.raises(UsageError, match="just starting or ending"):
        review_step(run, 1, Review(approved=True), pause=lambda _: None)


# --- a person on a terminal ------------------------------------------------------------------------------------------


def seen(run: Path, *answers: str, width: int = 120, step: int | None = None) -> str:
    """Return what a person sees who types that, and then nothing more."""
    console = Console(width=width, height=10_000, force_terminal=False, markup=False, emoji=False, highlight=False)
    typed: Iterator[str] = iter(answers)

    def ask(question: str) -> str:
        console.print(question)
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    with console.capture() as captured:
        ReviewSession(run, console, step=step, ask=ask, now=lambda: 1_800_000_300.0).run()
    return captured.get()


def reviews_of(run: Path) -> list[Review | None]:
    with read_run(run) as reader:
        return [held.review for held in reader.held_records()]


def test_children_are_shown_one_after_the_other_and_judged(run: Path) -> None:
    shown = seen(run, "a", "reads well", "reject", "It only adds words.")
    assert "step 1  the oldest of 2 that wait" in shown
    assert "step 2  the only one that waits" in shown
    assert shown.endswith("That was all.\n")
    assert reviews_of(run) == [
        Review(approved=True, reason="reads well"),
        Review(approved=False, reason="It only adds words."),
    ]


def test_what_is_skipped_still_waits(run: Path) -> None:
    assert seen(run, "s", "skip").endswith("That was all. 2 children wait to be seen still.\n")
    assert reviews_of(run) == [None, None]


@pytest.mark.parametrize("answers", [["q"], []], ids=["quit", "end of input"])
def test_who_has_enough_leaves_all_as_it_is(run: Path, answers: list[str]) -> None:
    assert "step 2" not in seen(run, *answers)
    assert reviews_of(run) == [None, None]


def test_what_is_no_answer_is_asked_again_and_a_diff_is_shown_again(run: Path) -> None:
    shown = seen(run, "what?", "", "d", "q")
    assert (shown.count("[a]pprove"), shown.count("What it changed: ")) == (4, 2)


def test_one_step_alone_can_be_looked_at(run: Path) -> None:
    shown = seen(run, "a", "", step=2)
    assert "step 1  " not in shown
    assert reviews_of(run) == [None, Review(approved=True)]
    with pytest.raises(UnknownNameError):
        seen(run, step=9)


def test_a_person_stops_the_run_from_a_review(run: Path) -> None:
    with evolving(run) as archive:
        assert seen(run, "t").endswith("It is to stop.\n")
        assert [done.what for done in archive.interventions()] == [Intervention.STOP]


def test_a_child_that_somebody_else_judged_meanwhile_is_told_so_and_the_next_one_shown(run: Path) -> None:
    with read_run(run) as reader:
        first = reader.waiting()[0].decision
    answers = iter(["r", "no", "q"])

    def ask(_: str) -> str:
        with locked_run(run) as archive:
            if archive.waiting() and archive.waiting()[0].decision == first:
                archive.add_review(first, Review(approved=True))
        return next(answers)

    console = Console(width=100, markup=False)
    with console.capture() as captured:
        ReviewSession(run, console, ask=ask).run()
    assert "That step does not wait for a review" in captured.get()
    assert "step 2  the only one that waits" in captured.get()


# --- what other verbs tell -------------------------------------------------------------------------------------------


def judged(run: Path) -> AgentId:
    """Reject the child of step 1, approve that of step 2, record what came of both, and return the new agent."""
    with locked_run(run) as archive:
        first, second = archive.waiting()
        archive.add_review(first.decision, Review(approved=False, reason="It reads keys."))
        archive.add_review(second.decision, Review(approved=True, reason="reads well"))
        refused, approved = archive.held()
        rejected = replace(refused.step, child=None, rejection=Rejection.NOT_APPROVED, detail="It reads keys.")
        archive.add_step(refused.decision, rejected)
        child = archive.add_step(approved.decision, approved.step)
        archive.add_intervention(Intervention.PAUSE, "to think")
        assert child is not None
        return child.id


@pytest.mark.usefixtures("run")
def test_status_says_how_many_children_wait(dgm: Any) -> None:
    assert "interrupted, 2 children wait to be seen: `dgm review mine`" in words(dgm("status", "mine").out)
    assert dgm("status", "mine", "--json").json["oversight"] == {
        "approve": "each",
        "paused": False,
        "waiting": [1, 2],
        "reviews": [],
        "interventions": [],
        "bounds": [],
    }


def test_status_says_that_a_run_is_paused_and_why(dgm: Any, run: Path) -> None:
    with evolving(run):
        dgm("pause", "mine", "--reason", "to\x1b[2J think")
        assert "running, paused (to think), 2 children wait" in words(dgm("status", "mine").out)


def test_status_lists_what_persons_said_and_did(dgm: Any, run: Path) -> None:
    judged(run)
    shown = words(dgm("status", "mine").out)
    assert "rejected step 1 It reads keys." in shown
    assert "approved step 2 reads well" in shown
    assert "paused the run to think" in shown
    found = dgm("status", "mine", "--json").json["oversight"]
    assert [(review["step"], review["approved"], review["reason"]) for review in found["reviews"]] == [
        (1, False, "It reads keys."),
        (2, True, "reads well"),
    ]
    assert [(done["what"], done["reason"]) for done in found["interventions"]] == [("pause", "to think")]


def test_an_agent_says_when_it_was_approved_and_why(dgm: Any, run: Path) -> None:
    child = judged(run)
    assert re.search(r"approved \S+T\S+: reads well", words(dgm("show", "mine", child).out))
    assert dgm("show", "mine", child, "--json").json["review"]["reason"] == "reads well"


def test_an_agent_that_nobody_was_asked_about_has_no_review(dgm: Any, run: Path) -> None:
    with read_run(run) as reader:
        seed = reader.seed_agent()
    assert dgm("show", "mine", seed, "--json").json["review"] is None


def test_a_step_that_was_not_approved_is_shown_with_the_reason(dgm: Any, run: Path) -> None:
    judged(run)
    with read_run(run) as reader:
        seed = reader.seed_agent()
    assert "not approved" in dgm("show", "mine", seed).out
    assert "It reads keys." in dgm("show", "mine", seed).out


# --- leftovers -------------------------------------------------------------------------------------------------------


def leave_a_socket(run: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(run / CONTROL_SOCKET))


def test_the_socket_of_a_killed_process_is_collected(run: Path) -> None:
    leave_a_socket(run)
    assert (remove_stale_socket(run), (run / CONTROL_SOCKET).exists()) == (True, False)
    assert not remove_stale_socket(run)


def test_the_socket_of_a_living_process_is_left_alone(run: Path) -> None:
    with evolving(run):
        assert not remove_stale_socket(run)
        assert (run / CONTROL_SOCKET).exists()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "directory"])
def test_what_is_no_socket_is_not_collected(run: Path, make: Callable[[Path], None]) -> None:
    make(run / CONTROL_SOCKET)
    assert not remove_stale_socket(run)
    assert (run / CONTROL_SOCKET).exists()


def test_a_run_whose_directory_can_hold_no_socket_goes_on_without_and_says_so(run: Path) -> None:
    (run / CONTROL_SOCKET).mkdir()
    recorder = Recorder()
    with open_run(run) as archive:
        live = LiveRun("mine", archive.config(), archive, cast("Bench", None), cast("DockerSandbox", None))
        with live._commanded(recorder):  # pyright: ignore[reportPrivateUsage]
            assert not live.desk.bell.done()
    assert len(recorder.events) == 1
    assert recorder.events[0].startswith("Nobody can pause, stop or review this run while it is under way: ")
