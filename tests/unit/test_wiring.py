"""What runs and replays are put together from: recorded images, and exercises that do not come with dgm."""

from collections.abc import Generator
from pathlib import Path

import pytest

from dgm.archive.reader import RunReader, read_run
from dgm.archive.run import create_run
from dgm.cli.main import run_command
from dgm.config import Polyglot, RunConfig
from dgm.core.errors import ArchiveError
from dgm.wiring import with_checkout
from dgm.wiring.checkouts import with_absolute_checkout
from dgm.wiring.images import changed_images, require_same_images
from tests.fakes.runs import SEED_CODE, run_of_schema

PYTHON, GO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PRIVATE = "nobodys-business"


@pytest.fixture
def run(tmp_path: Path) -> Generator[RunReader]:
    images = {"python": PYTHON, "polyglot-go": GO}
    create_run(tmp_path / "run", config=RunConfig(), image="python", images=images, seed_code=SEED_CODE).close()
    with read_run(tmp_path / "run") as reader:
        yield reader


def test_a_run_goes_on_in_the_images_that_it_was_measured_in(run: RunReader) -> None:
    require_same_images(run, {"python": PYTHON, "polyglot-go": GO})


def test_a_run_does_not_go_on_where_one_of_its_images_is_another(run: RunReader) -> None:
    digests = {"python": PYTHON, "polyglot-go": "sha256:3"}
    assert changed_images(run, digests) == {"polyglot-go": GO}
    with pytest.raises(ArchiveError, match="was measured in image sha256:222222222222 of polyglot-go, but the image"):
        require_same_images(run, digests)


@pytest.mark.parametrize("version", [1, 2])
def test_an_image_that_an_old_run_does_not_name_has_to_be_the_one_that_it_has(tmp_path: Path, version: int) -> None:
    run_of_schema(version, tmp_path / "old")
    with read_run(tmp_path / "old") as reader:
        assert changed_images(reader, {"python": "sha256:" + "0" * 64, "other": "sha256:" + "0" * 64}) == {}
        assert changed_images(reader, {"other": GO}) == {"other": "sha256:" + "0" * 64}


def at(directory: Path | None) -> RunConfig:
    return RunConfig(polyglot=Polyglot(directory=directory))


def test_the_checkout_that_a_user_names_goes_before_the_recorded_one(tmp_path: Path) -> None:
    assert with_checkout(at(tmp_path), at(Path("/mine"))) == at(Path("/mine"))


def test_the_recorded_checkout_is_used_while_it_is_there(tmp_path: Path) -> None:
    assert with_checkout(at(tmp_path), RunConfig()) == at(tmp_path)
    assert with_checkout(at(tmp_path / "gone"), RunConfig()) == RunConfig()


def test_a_directory_that_nobody_may_look_into_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "is_dir", refused)
    assert with_checkout(at(tmp_path), RunConfig()) == RunConfig()


def test_a_new_run_records_a_checkout_as_it_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_absolute_checkout(at(Path("mine"))) == at(tmp_path / "mine")
    assert with_absolute_checkout(RunConfig()) == RunConfig()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A directory of the user's own that a stranger's run names, in the layout of the exercises and with a link."""
    exercise = tmp_path / "house" / "cpp" / "exercises" / "practice" / "all-your-base"
    (exercise / ".docs").mkdir(parents=True)
    (exercise / ".meta").mkdir()
    (exercise / ".docs" / "instructions.md").write_text(PRIVATE)
    (exercise / ".meta" / "config.json").write_text(PRIVATE)
    (exercise / f"{PRIVATE}.txt").write_text(PRIVATE)
    (exercise / f"{PRIVATE}.link").symlink_to("/etc/passwd")
    return tmp_path / "house"


@pytest.mark.parametrize("verb", ["replay", "resume"])
@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["", "with --debug"])
def test_of_a_directory_that_a_strangers_run_names_nothing_is_told_but_its_path(
    tmp_path: Path, house: Path, capsys: pytest.CaptureFixture[str], verb: str, debug: list[str]
) -> None:
    config = RunConfig(benchmark="polyglot", tasks=("cpp/all-your-base",), polyglot=Polyglot(directory=house))
    archive = create_run(
        tmp_path / "runs" / "theirs", config=config, image="python", images={"python": PYTHON}, seed_code=SEED_CODE
    )
    agent = archive.agent_tree().root.id
    archive.close()
    words = ["theirs", "--runs-dir", str(tmp_path / "runs"), *([agent] if verb == "replay" else ["--yes"])]
    assert run_command([*debug, verb, *words]) == 2
    printed = capsys.readouterr()
    assert f"{house} is not https://" in printed.err
    assert "cpp/exercises/practice/all-your-base differs" in printed.err
    assert PRIVATE not in printed.out + printed.err
