"""What every screen has in common: one style of tables, texts that are no markup, one set of words in the help."""

import os
import sys

import pytest

from dgm.cli.main import run_command
from dgm.cli.screen import console
from dgm.sandbox.doctor import Check

CHECKS = [Check("engine", ok=True, sentence="Docker [bold]1[/bold]"), Check("disk", ok=False, sentence="Full.")]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def diagnose(*_: object, **__: object) -> list[Check]:
        return CHECKS

    monkeypatch.setattr("dgm.sandbox.doctor.diagnose", diagnose)


@pytest.mark.usefixtures("checked")
def test_the_checks_of_a_machine_are_a_table_like_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor"]) == 4
    assert capsys.readouterr().out.splitlines() == [
        "check           finding",
        "engine  ok      Docker [bold]1[/bold]",
        "disk    FAILED  Full.",
    ]


@pytest.mark.parametrize("verb", ["status", "tree"])
def test_a_run_that_may_be_left_out_stands_in_one_pair_of_brackets(
    capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert run_command([verb, "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Usage: dgm {verb} [OPTIONS] [RUN]"


@pytest.mark.parametrize("place", ["a closed pipe", "a full disk"])
def test_work_goes_on_without_a_word_where_nothing_can_be_printed_any_more(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    if place == "a full disk":
        os.close(writing)
        writing = os.open("/dev/full", os.O_WRONLY)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:  # closing it writes out what is left, which must not fail
        monkeypatch.setattr(sys, "stdout", stream)
        screen = console(steady=True)
        for _ in range(3):
            screen.print("a line")
        assert screen.quiet
