"""The seed agent: its own tests, what it is written in, and how it ends."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dgm.core.files import File
from tests.fakes.offline import as_tree, run_agent, seed_agent, write_tree
from tests.fakes.providers import ScriptedProvider, says

CODE = seed_agent()
PYTHON = [path for path in CODE if path.endswith(".py")]


def test_its_own_tests_pass_in_its_own_directory(tmp_path: Path) -> None:
    write_tree(tmp_path, as_tree(CODE))
    command = [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("path", PYTHON)
def test_it_is_written_for_python_3_8(path: str) -> None:
    ast.parse(CODE[path], feature_version=(3, 8))


@pytest.mark.parametrize("path", PYTHON)
def test_it_uses_the_standard_library_only(path: str) -> None:
    own = {name.removesuffix(".py").split("/")[0] for name in PYTHON} | {"scripted"}
    imported: set[str] = set()
    for node in ast.walk(ast.parse(CODE[path])):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= own | sys.stdlib_module_names


@pytest.mark.parametrize("path", CODE)
def test_each_file_can_be_viewed_whole_by_itself(path: str) -> None:
    assert len(CODE[path]) < 5_000


def test_it_ends_with_0_when_the_model_is_done(tmp_path: Path) -> None:
    session = run_agent(
        as_tree(CODE), "Mend.", {}, provider=ScriptedProvider(says("Done.")), seed=0, directory=tmp_path
    )
    assert (session.exit_code, session.stderr) == (0, "")


def test_it_shows_the_problem_to_the_model(tmp_path: Path) -> None:
    session = run_agent(
        as_tree(CODE), "Mend {the} façade.", {}, provider=ScriptedProvider(says("Done.")), seed=0, directory=tmp_path
    )
    assert session.messages[1] == {"role": "user", "content": "Mend {the} façade."}


def test_it_leaves_the_workspace_alone_when_nothing_is_called(tmp_path: Path) -> None:
    workspace = {"a.py": File(b"x = 1\n")}
    session = run_agent(
        as_tree(CODE), "Mend.", workspace, provider=ScriptedProvider(says("Done.")), seed=0, directory=tmp_path
    )
    assert session.workspace == workspace
