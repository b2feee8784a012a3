"""A command line carried out in this process, and what it printed."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from dgm.cli.main import run_command


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed on standard output, as JSON."""
        return json.loads(self.out)


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> Answer:
    """Carry out a command line of `dgm`."""
    code = run_command(list(words))
    printed = capsys.readouterr()
    return Answer(code, printed.out, printed.err)
