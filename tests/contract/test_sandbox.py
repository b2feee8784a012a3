"""What every sandbox does, the fake as well as Docker's."""

from collections.abc import Generator
from contextlib import AbstractContextManager

import pytest

from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import File
from dgm.core.ports import Container, Execution, Sandbox
from tests.docker_fixtures import docker_sandbox, spec
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, Program, ran

LIMIT = 1_000


def _cat(container: FakeContainer, call: Call) -> Execution:
    return ran(container.files[call.argv[1]].content)


def _link(container: FakeContainer, call: Call) -> Execution:
    container.hostile = f"{call.argv[-1]!r} is a symbolic link"
    return ran()


def _copy(container: FakeContainer, call: Call) -> Execution:
    source, target = (f"{call.directory}/{name}" for name in call.argv[1:])
    container.files[target] = container.files[source]
    return ran()


def _returns(execution: Execution) -> Program:
    def program(_container: FakeContainer, _call: Call) -> Execution:
        return execution

    return program


def _print_colour(_container: FakeContainer, call: Call) -> Execution:
    return ran(call.environment["COLOUR"].encode() + b"\n")


def _print_directory(_container: FakeContainer, call: Call) -> Execution:
    return ran(call.directory.encode() + b"\n")


FAKE_PROGRAMS: dict[tuple[str, ...], Program] = {
    ("true",): _returns(ran()),
    ("false",): _returns(ran(exit_code=1)),
    ("sleep",): _returns(ran(exit_code=None, timed_out=True)),
    ("yes",): _returns(ran(b"y\n" * 10 * LIMIT)),
    ("printenv", "COLOUR"): _print_colour,
    ("pwd",): _print_directory,
    ("cat",): _cat,
    ("ln",): _link,
    ("cp",): _copy,
}


@pytest.fixture(scope="module", params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def sandbox(request: pytest.FixtureRequest) -> Generator[Sandbox]:
    if request.param == "fake":
        yield FakeSandbox(FAKE_PROGRAMS)
        return
    with docker_sandbox() as made:
        yield made


@pytest.fixture
def container(sandbox: Sandbox) -> Generator[Container]:
    with sandbox.container(spec("contract")) as made:
        yield made


def test_what_was_written_is_read_back(container: Container) -> None:
    tree = {"a.py": File(b"print(1)\n"), "deep/er/run.sh": File(b"#!/bin/sh\n", executable=True), "empty": File(b"")}
    container.write_files(tree, directory="/workspace", owner="agent")
    assert container.read_files("/workspace") == tree


def test_a_part_of_the_tree_is_read_by_its_directory(container: Container) -> None:
    container.write_files({"a/x": File(b"1"), "b/y": File(b"2")}, directory="/workspace", owner="agent")
    assert container.read_files("/workspace/b") == {"y": File(b"2")}


def test_a_second_writing_replaces_files_and_keeps_others(container: Container) -> None:
    container.write_files({"a": File(b"1"), "b": File(b"1")}, directory="/workspace", owner="agent")
    container.write_files({"b": File(b"2")}, directory="/workspace", owner="agent")
    assert container.read_files("/workspace") == {"a": File(b"1"), "b": File(b"2")}


def test_what_a_command_wrote_is_read_back(container: Container) -> None:
    container.write_files({"a": File(b"1")}, directory="/workspace", owner="agent")
    container.execute(["cp", "a", "b"], timeout_s=20)
    assert container.read_files("/workspace") == {"a": File(b"1"), "b": File(b"1")}


def test_git_and_bytecode_are_left_out(container: Container) -> None:
    tree = {".git/config": File(b"1"), "a/__pycache__/m.pyc": File(b"2"), ".gitignore": File(b"3")}
    container.write_files(tree, directory="/workspace", owner="agent")
    assert container.read_files("/workspace") == {".gitignore": File(b"3")}


def test_the_keeper_lays_files_over_the_agents_tree(container: Container) -> None:
    container.write_files({"tests/a": File(b"1"), "b": File(b"1")}, directory="/workspace", owner="agent")
    container.write_files({"tests/a": File(b"2"), "tests/c": File(b"2")}, directory="/workspace", owner="keeper")
    assert container.read_files("/workspace") == {"tests/a": File(b"2"), "tests/c": File(b"2"), "b": File(b"1")}


def test_the_agent_reads_what_the_keeper_wrote(container: Container) -> None:
    container.write_files({"task/problem.md": File(b"solve it")}, directory="/", owner="keeper")
    assert container.execute(["cat", "/task/problem.md"], timeout_s=20).stdout == b"solve it"


def test_the_agent_cannot_write_where_the_keeper_does(container: Container) -> None:
    with pytest.raises(SandboxError):
        container.write_files({"main.py": File(b"")}, directory="/agent", owner="agent")


def test_an_exit_code_is_a_value(container: Container) -> None:
    execution = container.execute(["false"], timeout_s=20)
    assert (execution.exit_code, execution.timed_out, execution.truncated) == (1, False, False)


def test_a_missing_program_is_a_value(container: Container) -> None:
    assert container.execute(["no-such-program"], timeout_s=20).exit_code in {126, 127}


def test_a_time_out_is_a_value_without_an_exit_code(container: Container) -> None:
    execution = container.execute(["sleep", "300"], timeout_s=0.3)
    assert (execution.exit_code, execution.timed_out, execution.truncated) == (None, True, False)


def test_output_is_cut_at_its_cap(container: Container) -> None:
    execution = container.execute(["yes"], timeout_s=20, output_bytes=LIMIT)
    assert (execution.exit_code, execution.truncated, len(execution.stdout)) == (None, True, LIMIT)


def test_a_command_has_its_environment(container: Container) -> None:
    execution = container.execute(["printenv", "COLOUR"], timeout_s=20, environment={"COLOUR": "blue"})
    assert execution.stdout == b"blue\n"


def test_a_command_runs_in_its_directory(container: Container) -> None:
    assert container.execute(["pwd"], timeout_s=20, directory="/tmp").stdout == b"/tmp\n"


def test_a_tree_with_a_link_is_refused(container: Container) -> None:
    container.execute(["ln", "-s", "/etc/passwd", "x"], timeout_s=20)
    with pytest.raises(HostileBytesError, match="symbolic link"):
        container.read_files("/workspace")


def test_a_container_is_gone_when_its_context_ends(sandbox: Sandbox) -> None:
    with sandbox.container(spec("gone")) as container:
        pass
    with pytest.raises(SandboxError):
        container.execute(["true"], timeout_s=20)


def test_a_container_is_gone_when_its_context_ends_in_an_error(sandbox: Sandbox) -> None:
    opened: AbstractContextManager[Container] = sandbox.container(spec("failed"))
    with pytest.raises(KeyError), opened as container:
        raise KeyError
    with pytest.raises(SandboxError):
        container.execute(["true"], timeout_s=20)


def test_two_containers_share_nothing(sandbox: Sandbox) -> None:
    with sandbox.container(spec("one")) as one, sandbox.container(spec("two")) as two:
        one.write_files({"a": File(b"1")}, directory="/workspace", owner="agent")
        assert two.read_files("/workspace") == {}
