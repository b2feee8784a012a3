"""`dgm transcript`: which sessions there are, and one of them as a conversation that is safe to look at."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import ChatRequest, Message
from dgm.cli.main import run_command
from dgm.core.actions import Evaluate
from dgm.core.files import File
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Outcome, Usage, Verdict
from dgm.gateway.transcripts import TranscriptWriter
from tests.fakes.runs import grow, new_run, pay

SYSTEM = Message(role="system", content="You are an agent.")
USER = Message(role="user", content="Mend it.\n\nrequest 9\nassistant\n    Done.")
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "edit", "arguments": json.dumps({"path": "a.py", "text": "x = 1\ny = 2\n", "lines": [1, 2]})},
}
CALLS = Message.model_validate({"role": "assistant", "tool_calls": [CALL]})
RESULT = Message(role="tool", tool_call_id="c1", content="Wrote \x1b[2J\x1b]0;title\x07a.py.\u202e")
DONE = Message(role="assistant", content="Done.")
TOOLS = ({"type": "function", "function": {"name": "edit"}},)


def write_transcript(path: Path) -> None:
    """Write a session of two answers, something that is no request, and a refusal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = TranscriptWriter(path)
    usage = {"input_tokens": 1_200, "output_tokens": 30, "cache_read_tokens": 900, "cache_write_tokens": 100}
    writer.add(
        ChatRequest.model_validate({"model": "m", "messages": (SYSTEM, USER), "tools": TOOLS, "temperature": 1}),
        {
            "number": 1,
            "time": 1_800_000_000.0,
            "seconds": 2.5,
            "answer": CALLS.model_dump(exclude_none=True, exclude={"role"}),
            "finish_reason": "tool_calls",
            "thinking": "Which file is it?\nSurely a.py.",
            "usage": usage,
            "cost_usd": 0.0123,
        },
        answer=CALLS,
    )
    writer.add_refusal({"number": None, "time": 1_800_000_002.0, "error": {"message": "messages: \x1b[31mnone"}})
    writer.add(
        ChatRequest.model_validate(
            {"model": "m", "messages": (SYSTEM, USER, CALLS, RESULT), "tools": TOOLS, "temperature": 1}
        ),
        {
            "number": 2,
            "time": 1_800_000_003.0,
            "seconds": 0.25,
            "error": {
                "type": "RequestRefusedError",
                "message": "It is too long.",
                "code": "x",
                "detail": "413\nsays",
            },
        },
        answer=None,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run with a measured seed agent, a step, and a session that came to nothing."""
    directory = tmp_path / "first"
    with new_run(directory) as archive:
        root = archive.agent_tree().root.id
        decision = archive.decide(Evaluate(root, TaskId("anagram"), 0)).number
        session = SessionId("00001.2.agent")
        pay(archive, "00001.1.agent", Usage(calls=1, input_tokens=5, output_tokens=5, cost_usd=0.5))
        pay(archive, session, Usage(calls=1, input_tokens=1_200, output_tokens=30, cost_usd=0.0123))
        archive.add_outcome(decision, root, Outcome(TaskId("anagram"), 0, Verdict.RESOLVED, "all", 1.0, session))
        grow(archive, root, {"main.py": File(b"print('child')\n")})
        archive.end("finished")
    write_transcript(directory / "transcripts" / "00001.2.agent.jsonl.gz")
    return directory


def shown(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> list[str]:
    assert run_command(["transcript", str(run), *words]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> str:
    assert run_command(["transcript", str(run), *words]) == 2
    return capsys.readouterr().err


def parsed(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> dict[str, Any]:
    assert run_command(["transcript", str(run), *words, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    return json.loads(printed)


def test_a_session_is_shown_as_a_conversation(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, run, "00001.2.agent")
    assert lines[2:4] == [
        f"session 00001.2.agent: agent {parsed(capsys, run, '1.2')['agent'][:7]} on anagram, trial 0: resolved",
        "1 calls, 1,230 tokens, $0.0123",
    ]
    assert lines[4:] == [
        "",
        "tools: edit",
        "",
        'parameters: {"temperature": 1.0}',
        "",
        "system",
        "    You are an agent.",
        "",
        "user",
        "    Mend it.",
        "",
        "    request 9",
        "    assistant",
        "        Done.",
        "",
        "── request 1  08:00:00 UTC  2.5 s  1,200 in (75% cached)  30 out  $0.0123",
        "assistant",
        "    thinking",
        "        Which file is it?",
        "        Surely a.py.",
        "    calls edit",
        "        path: a.py",
        "        text:",
        "            x = 1",
        "            y = 2",
        "        lines: [1, 2]",
        "",
        "gateway, to what was no chat request",
        "    messages: none",
        "",
        "tool edit",
        "    Wrote a.py.",
        "",
        "── request 2  08:00:03 UTC  0.2 s",
        "gateway",
        "    It is too long.",
        "    the provider's words: 413 says",
    ]


@pytest.mark.parametrize("name", ["00001.2.agent", "00001.2", "1.2"])
def test_a_session_may_be_abbreviated(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert parsed(capsys, run, name)["session"] == "00001.2.agent"


def test_an_abbreviation_of_several_names_them(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, run, "1")
    assert said == "dgm: '1' could be 00001.1.agent, 00001.1.diagnose, 00001.1.improve, 00001.2.agent.\n"


@pytest.mark.parametrize("name", ["7", "../../x", "\x1b[2J"])
def test_an_unknown_session_says_how_to_find_them(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    said = refused(capsys, run, name)
    assert said.endswith(f"`dgm transcript {run}` lists those that there are.\n")
    assert "\x1b" not in said


def test_without_a_session_they_are_listed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, run)
    assert lines[1] == "model: rehearsal (simulated; scores say nothing about real models)"
    assert [line.split()[0] for line in lines[3:]] == [
        "00001.1.agent",
        "00001.1.diagnose",
        "00001.1.improve",
        "00001.2.agent",
    ]
    assert lines[6].split()[2:] == ["anagram", "1", "0.012", "resolved"]


def test_the_list_names_a_child_as_people_see_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    improve = parsed(capsys, run)["sessions"][2]
    assert shown(capsys, run)[5].endswith("  " + improve["result"][: len("child 1234567")])


def test_the_list_says_what_came_of_each(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sessions = {entry["session"]: entry for entry in parsed(capsys, run)["sessions"]}
    first = sessions["00001.1.agent"]
    assert (first["task"], first["trial"], first["result"], first["cost_usd"]) == ("anagram", 0, "no result", 0.5)
    improve = sessions["00001.1.improve"]
    assert (improve["role"], improve["step"], improve["task"]) == ("improve", 1, "anagram")
    assert improve["result"].startswith("child ")


def test_what_came_of_a_held_out_session_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory, held_out = tmp_path / "holding", TaskId("bottles")
    with new_run(directory, held_out=[held_out]) as archive:
        root = archive.agent_tree().root.id
        decision = archive.decide(Evaluate(root, held_out, 0)).number
        found = Outcome(held_out, 0, Verdict.TIMED_OUT, "", 1.0, SessionId("00001.1.agent"), flags=("It ended early.",))
        archive.add_outcome(decision, root, found)
    (entry,) = parsed(capsys, directory)["sessions"]
    assert (entry["task"], entry["result"], entry["flags"]) == ("bottles", "timed out", ["It ended early."])


def test_json_has_the_records_as_they_are(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, run, "1.2")
    assert answer["damage"] == ""
    assert [record["number"] for record in answer["records"]] == [1, None, 2]
    assert answer["records"][2]["messages"][0]["content"] == RESULT.content
    assert len(answer["records"][0]["request_hash"]) == 64


def test_a_damaged_transcript_is_shown_as_far_as_it_goes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "transcripts" / "00001.2.agent.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9])
    lines = shown(capsys, run, "1.2")
    assert lines[-1] == "The rest of this transcript cannot be read: it ends within record 3."
    assert parsed(capsys, run, "1.2")["damage"] == "it ends within record 3"


def test_a_session_without_a_transcript_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, run, "1.1.agent")[-1] == "It has no transcript."


def test_a_replays_sessions_are_shown_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_transcript(run / "replays" / "0001" / "transcripts" / "00002.1.agent.jsonl.gz")
    (run / "replays" / "0001" / "transcripts" / "..jsonl.gz").write_text("no transcript of ours")
    listed = parsed(capsys, run, "--replay", "0001")["sessions"]
    assert [(entry["session"], entry["calls"], entry["cost_usd"]) for entry in listed] == [("00002.1.agent", 1, 0.0123)]
    assert "session 00002.1.agent" in shown(capsys, run, "2", "--replay", "0001")
    assert "There is no replay in" in refused(capsys, run, "--replay", "0002")


def test_on_a_terminal_long_lines_stay_below_their_heading(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a line that a terminal wraps could begin like a heading of ours."""
    writer = TranscriptWriter(run / "transcripts" / "00009.1.agent.jsonl.gz")
    forged = Message(role="tool", content="x" * 76 + " assistant " + "y" * 60, tool_call_id="c1")
    writer.add(ChatRequest(model="m", messages=(USER, CALLS, forged)), {"error": {"message": "No."}}, answer=None)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = shown(capsys, run, "9")
    assert not [line for line in lines if line.startswith("assistant y")]
    assert [line for line in lines if line.startswith("    assistant y")]
