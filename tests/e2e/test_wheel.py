"""The wheel holds what the code reads: seed agent, sandbox and benchmarks, and nothing of anybody's runs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return a wheel built from this checkout."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = place.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    """Return the names of the files in it."""
    return set(wheel.namelist())


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


@pytest.mark.parametrize(
    ("words", "says"),
    [(["runs"], "There is no run in {here}/dgm-runs yet"), (["benchmarks"], "katas: 28 tasks, image python")],
)
def test_what_is_installed_finds_its_content_and_keeps_runs_where_one_is(
    wheel: zipfile.ZipFile, tmp_path: Path, words: list[str], says: str
) -> None:
    wheel.extractall(tmp_path / "installed")
    (tmp_path / "here").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "dgm", *words],
        cwd=tmp_path / "here",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(says.format(here=tmp_path / "here"))
