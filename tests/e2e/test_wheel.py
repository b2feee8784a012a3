"""The wheel holds what the code reads: seed agent, sandbox and benchmarks, and nothing of anybody's runs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the files in a wheel built from this checkout."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize(
    "name",
    [
        "archive/seed-agent/main.py",
        "sandbox/CONTRACT.md",
        "sandbox/seccomp.json",
        "sandbox/images/python/Dockerfile",
        "benchmarks/graders/python.py",
        "benchmarks/katas/benchmark.toml",
        "benchmarks/katas/tasks/bus-card/.meta/config.json",
        "benchmarks/katas/tasks/bus-card/.docs/instructions.md",
    ],
)
def test_content_is_in_the_wheel(names: set[str], name: str) -> None:
    assert f"dgm/_content/{name}" in names


def test_prompts_and_ideas_are_in_the_wheel(names: set[str]) -> None:
    assert "dgm/evolution/prompts/diagnose.md" in names
    assert any(name.startswith("dgm/gateway/rehearsal/ideas/") for name in names)


def test_runs_and_caches_are_not(names: set[str]) -> None:
    assert not [name for name in names if "/runs/" in name or "__pycache__" in name]
