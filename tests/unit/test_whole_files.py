"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from dgm.boundary.whole_files import write_whole


def test_a_file_is_written_in_the_place_of_another_and_its_directory_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_what_cannot_be_written_to_its_end_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"first")
    write_some = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write_some(self, content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"second")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("file", b"first")]
