"""What every sandbox does with a repository of a task's image, the fake as well as Docker's."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import pytest

from dgm.core.errors import SandboxError
from dgm.core.files import Change, File
from dgm.core.ids import SessionId
from dgm.core.ports import Changes, Container, ContainerSpec, Execution, Sandbox
from dgm.core.tasks import Repository
from tests.docker_fixtures import spec
from tests.fakes.repository_images import CORE, DIRECTORY, README, repository_sandbox, stocked_image
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, Program, ran

IMAGE = "the-image"
PRISTINE = {"README.md": README, "mill/core.py": CORE, "run.sh": File(b"#!/bin/sh\n", executable=True)}


def _remove(container: FakeContainer, call: Call) -> Execution:
    del container.files[f"{call.directory}/{call.argv[1]}"]
    return ran()


def _make_executable(container: FakeContainer, call: Call) -> Execution:
    path = f"{call.directory}/{call.argv[2]}"
    container.files[path] = File(container.files[path].content, executable=True)
    return ran()


def _link(container: FakeContainer, call: Call) -> Execution:
    container.left_out = (call.argv[-1],)
    return ran()


def _cat(container: FakeContainer, call: Call) -> Execution:
    return ran(container.files[f"{call.directory}/{call.argv[1]}"].content)


PROGRAMS: dict[tuple[str, ...], Program] = {
    ("rm",): _remove,
    ("chmod", "+x"): _make_executable,
    ("ln",): _link,
    ("cat",): _cat,
}


@dataclass
class Place:
    """A sandbox, and what stands in it."""

    sandbox: Sandbox
    spec: ContainerSpec


@pytest.fixture(scope="module", params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Generator[Place]:
    if request.param == "fake":
        repository = Repository(DIRECTORY, "0" * 40)
        wanted = ContainerSpec(IMAGE, "agent", SessionId("contract"), 120.0, repository=repository)
        yield Place(FakeSandbox(PROGRAMS, repositories={IMAGE: PRISTINE}), wanted)
        return
    with repository_sandbox() as sandbox:
        yield Place(sandbox, stocked_image(sandbox.engine).spec("contract"))


@pytest.fixture
def container(place: Place) -> Generator[Container]:
    with place.sandbox.container(place.spec) as made:
        yield made


def did(container: Container, argv: Sequence[str]) -> None:
    assert container.execute(argv, timeout_s=20, directory=DIRECTORY).exit_code == 0


def test_an_untouched_repository_has_no_changes(container: Container) -> None:
    assert container.changes() == Changes(Change({}, {}))


def test_the_agent_finds_the_repository_at_its_directory(container: Container) -> None:
    assert container.execute(["cat", "mill/core.py"], timeout_s=20, directory=DIRECTORY).stdout == CORE.content


def test_a_changed_file_comes_with_what_it_was(container: Container) -> None:
    new = File(b"better\n")
    container.write_files({"mill/core.py": new}, directory=DIRECTORY, owner="agent")
    assert container.changes() == Changes(Change({"mill/core.py": CORE}, {"mill/core.py": new}))


def test_a_new_file_has_no_before(container: Container) -> None:
    files = {"new/er/file.txt": File(b"x"), "tool": File(b"y", executable=True)}
    container.write_files(files, directory=DIRECTORY, owner="agent")
    assert container.changes() == Changes(Change({}, files))


def test_a_removed_file_has_no_after(container: Container) -> None:
    did(container, ["rm", "README.md"])
    assert container.changes() == Changes(Change({"README.md": README}, {}))


def test_a_file_that_became_executable_is_changed(container: Container) -> None:
    did(container, ["chmod", "+x", "README.md"])
    after = {"README.md": File(README.content, executable=True)}
    assert container.changes() == Changes(Change({"README.md": README}, after))


def test_writing_the_same_again_is_no_change(container: Container) -> None:
    container.write_files({"README.md": README}, directory=DIRECTORY, owner="agent")
    assert container.changes() == Changes(Change({}, {}))


def test_git_and_bytecode_are_no_changes(container: Container) -> None:
    files = {"sub/.git/config": File(b"1"), "mill/__pycache__/core.pyc": File(b"2")}
    container.write_files(files, directory=DIRECTORY, owner="agent")
    assert container.changes() == Changes(Change({}, {}))


def test_a_link_is_left_out_and_the_rest_is_taken(container: Container) -> None:
    did(container, ["ln", "-s", "/etc/passwd", "x"])
    container.write_files({"y": File(b"y")}, directory=DIRECTORY, owner="agent")
    assert container.changes() == Changes(Change({}, {"y": File(b"y")}), left_out=("x",))


def test_thousands_of_changed_files_are_taken(container: Container) -> None:
    """Their names alone are more than what lies between the engine and a program can hold at a time."""
    files = {f"{'long' * 20}/{number:05}": File(b"x") for number in range(12_000)}
    container.write_files(files, directory=DIRECTORY, owner="agent")
    assert container.changes().change.after == files


def test_changes_can_be_asked_for_twice(container: Container) -> None:
    container.write_files({"a": File(b"1")}, directory=DIRECTORY, owner="agent")
    first = container.changes()
    did(container, ["rm", "a"])
    assert (first.change.paths, container.changes().change.paths) == (("a",), ())


def test_two_containers_share_no_repository(place: Place) -> None:
    with place.sandbox.container(place.spec) as one, place.sandbox.container(place.spec) as other:
        one.write_files({"a": File(b"1")}, directory=DIRECTORY, owner="agent")
        assert other.changes() == Changes(Change({}, {}))


def test_an_image_that_is_nowhere_is_a_fault_of_ours(place: Place) -> None:
    wanted = replace(place.spec, image="127.0.0.1:1/no-such-image:x")
    with pytest.raises(SandboxError), place.sandbox.container(wanted):
        pass


def test_a_container_without_a_repository_has_no_changes_to_give(place: Place) -> None:
    with place.sandbox.container(spec("plain")) as container, pytest.raises(SandboxError, match="without a repository"):
        container.changes()
