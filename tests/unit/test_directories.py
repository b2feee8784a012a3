"""Taking an agent from a directory that a user names."""

from pathlib import Path

import pytest

from dgm.boundary.directories import MAX_FILE_BYTES, read_agent_directory
from dgm.core.errors import MalformedContentError
from dgm.core.files import File


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("print('agent')\n")
    return tmp_path


def test_regular_files_are_read_with_their_modes(agent: Path) -> None:
    (agent / "tools").mkdir()
    script = agent / "tools" / "run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert read_agent_directory(agent) == {
        "main.py": File(b"print('agent')\n"),
        "tools/run": File(b"#!/bin/sh\n", executable=True),
    }


def test_caches_and_git_are_left_out(agent: Path) -> None:
    for name in (".git", "__pycache__"):
        (agent / name).mkdir()
        (agent / name / "file").write_text("x")
    assert list(read_agent_directory(agent)) == ["main.py"]


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedContentError, match="nowhere"):
        read_agent_directory(tmp_path / "nowhere")


def test_an_agent_without_main_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedContentError, match=r"no main\.py"):
        read_agent_directory(tmp_path)


@pytest.mark.parametrize("target", ["main.py", "/etc/passwd", "."])
def test_a_link_is_refused_wherever_it_points(agent: Path, target: str) -> None:
    (agent / "link").symlink_to(target)
    with pytest.raises(MalformedContentError, match="link is not a regular file"):
        read_agent_directory(agent)


def test_an_oversize_file_is_named(agent: Path) -> None:
    (agent / "big").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(MalformedContentError, match="big has"):
        read_agent_directory(agent)
