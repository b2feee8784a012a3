"""Runs the `dgm` command as a user does: another process, its output and exit code."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Command:
    """The command line with a directory of runs of its own."""

    runs: Path

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dgm", *words, "--runs-dir", str(self.runs)]

    def start(self, *words: str, errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(self.argv(*words), stdout=subprocess.PIPE, stderr=errors, text=True)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=600, check=False)

    def bare(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb that has no directory of runs."""
        return subprocess.run(self.argv(*words)[:-2], capture_output=True, text=True, timeout=600, check=False)

    def json(self, *words: str) -> Any:
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def comparable(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the agents of `dgm tree --json` without what the clock decides."""
    return [{key: value for key, value in agent.items() if key != "created_at"} for agent in tree["agents"]]
