"""What the screen says while a run is under way."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from dgm.archive.run import RunArchive
from dgm.cli.progress import LiveProgress, resume_command
from dgm.config import parse_config
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.wiring import LiveRun
from tests.fakes.runs import new_run, pay


def first_line(archive: RunArchive) -> str:
    console = Console(width=120)
    run = cast("LiveRun", SimpleNamespace(archive=archive, draining=False))
    with console.capture() as captured:
        console.print(LiveProgress(run, console, children=2))
    return captured.get().splitlines()[0]


def test_what_is_set_aside_for_calls_under_way_is_told_apart_from_what_was_paid(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as archive:
        pay(archive, "00001.1.agent", Usage(calls=1, input_tokens=1_000, output_tokens=200, cost_usd=0.5))
        assert "| 1,200 tokens | $0.50 |" in first_line(archive)
        reserved = Usage(calls=1, input_tokens=4_000, output_tokens=16_384, cost_usd=0.25)
        archive.reserve_call(SessionId("00002.1.agent"), 1, worst_case=reserved)
        assert "| 1,200 tokens | $0.50 and $0.25 reserved |" in first_line(archive)


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ("", "dgm resume mine"),
        ("[openai]\nbase_url = 'http://h:1/v1'", "dgm resume mine"),
        ("models.agent = 'openai:m'\n[openai]\nbase_url = 'http://h:1/v1'", "dgm resume mine --base-url http://h:1/v1"),
        ("models.agent = 'anthropic:m'\n[anthropic]\nbase_url = 'http://h:1'", "dgm resume mine --config FILE"),
    ],
)
def test_the_command_that_goes_on_says_again_where_keys_go(settings: str, command: str) -> None:
    assert resume_command("mine", parse_config(settings, source="test")) == command
