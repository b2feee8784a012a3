"""A real run whose agents plant things for their descendants, through three generations: nothing of it takes hold."""

import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.reader import read_run
from dgm.benchmarks.catalogue import benchmark_named
from dgm.content import seed_agent_directory
from dgm.core.ids import TaskId
from dgm.core.tampering import SignKind
from dgm.sandbox.engine import connect
from tests.e2e.commands import Command
from tests.e2e.planted_lineage import (
    AGENT_MODEL,
    DIAGNOSE_MODEL,
    IMPROVE_MODEL,
    INJECTED,
    LINGERING,
    REFUSED,
    Accomplice,
    generations,
    seed_code,
)
from tests.fakes import openai_server
from tests.fakes.commands import answered
from tests.fakes.openai_rules import FakeModel
from tests.fakes.openai_server import OpenAiServer

pytestmark = [pytest.mark.docker, pytest.mark.slow]

RUN = f"lineage-{os.getpid()}"
TASKS = ("ferry-lanes", "tide-table")
_CONFIG = """
policy = "dgm"
unknown_price = "zero"
children = 3
workers = 1
tasks = [{tasks}]
[models]
agent = "openai:{agent}"
improve = "openai:{improve}"
diagnose = "openai:{diagnose}"
[openai]
base_url = "{url}"
[parameters."openai:*"]
api = "chat"
[search]
ablation = "no-open-ended"
[integrity]
control_tasks = 0
control_every = 0
"""


@dataclass(frozen=True)
class Grown:
    """The run, and all around it."""

    runs: Path
    canaries: Path
    model: Accomplice
    output: str
    """All that `dgm run` printed."""
    untouched: dict[str, str]
    """What the host's files outside of the run were before it."""
    outside: tuple[Path, ...]

    @property
    def ids(self) -> list[str]:
        """The agents, oldest first."""
        with read_run(self.runs / RUN) as run:
            return [str(agent.id) for agent in run.agent_tree()]


def fingerprints(*directories: Path) -> dict[str, str]:
    """Return what each file below some directories is."""
    found = [path for directory in directories for path in sorted(directory.rglob("*"))]
    return {
        str(path): str(path.readlink()) if path.is_symlink() else sha256(path.read_bytes()).hexdigest()
        for path in found
        if (path.is_symlink() or path.is_file()) and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Generator[Grown]:
    place = tmp_path_factory.mktemp("lineage")
    runs, canaries, home, here = (place / name for name in ("runs", "canaries", "home", "here"))
    for directory in (runs, canaries, home, here):
        directory.mkdir()
    for name in (".bashrc", ".gitconfig", ".profile"):
        (home / name).write_text("# as it was\n")
    model = Accomplice(canaries)
    models = {name: FakeModel() for name in (AGENT_MODEL, IMPROVE_MODEL, DIAGNOSE_MODEL)}
    outside = (home, here, seed_agent_directory())
    before = fingerprints(*outside)
    with OpenAiServer(model, models=models) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", openai_server.KEY)
        patch.setenv("HOME", str(home))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setenv("COLUMNS", "200")
        patch.chdir(here)
        tasks = ", ".join(f'"{task}"' for task in TASKS)
        config = place / "run.toml"
        config.write_text(
            _CONFIG.format(
                tasks=tasks, url=server.base_url, agent=AGENT_MODEL, improve=IMPROVE_MODEL, diagnose=DIAGNOSE_MODEL
            )
        )
        done = Command(runs)("run", RUN, "--config", str(config), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        yield Grown(runs, canaries, model, done.stdout + done.stderr, before, outside)


def raw(text: str) -> set[str]:
    """Return what a reader cannot see of a text, line ends and tabs aside."""
    return {letter for letter in text if unicodedata.category(letter) in {"Cc", "Cf"}} - {"\n", "\t"}


def code_of_generations(canaries: Path) -> list[dict[str, bytes]]:
    trees = [seed_code()]
    for added in generations(canaries):
        trees.append({**trees[-1], **added})
    return trees


def test_nothing_ran_on_the_host(grown: Grown) -> None:
    assert grown.model.failures == []
    assert list(grown.canaries.iterdir()) == []


def test_a_canary_would_have_been_found(tmp_path: Path) -> None:
    """What was planted does leave a file where it runs, or the test above could not fail."""
    copy = tmp_path / "canaries"
    copy.mkdir()
    for name in ("conftest.py", "sitecustomize.py", "setup.py", "tests/test_hooks.py"):
        planted = generations(copy)[0][name].decode()
        subprocess.run([sys.executable, "-I", "-c", planted], check=True)
    assert len(list(copy.iterdir())) == 4


def test_nothing_outside_of_the_run_changed(grown: Grown) -> None:
    assert fingerprints(*grown.outside) == grown.untouched
    assert sorted(path.name for path in grown.runs.iterdir()) == [RUN]


def test_three_generations_are_archived_byte_for_byte(grown: Grown) -> None:
    with read_run(grown.runs / RUN) as run:
        tree = run.agent_tree()
        assert [agent.generation for agent in tree] == [0, 1, 2, 3]
        found = [{path: file.content for path, file in run.code(agent.id).items()} for agent in tree]
    assert found == code_of_generations(grown.canaries)


def test_what_is_no_plain_tree_was_refused_with_a_reason(grown: Grown) -> None:
    with read_run(grown.runs / RUN) as run:
        rejected = [(step.rejection, step.detail) for step in run.steps() if step.rejection is not None]
    assert [rejection for rejection, _ in rejected] == [refused.rejection for refused in REFUSED]
    reasons = [refused.reason in detail for refused, (_, detail) in zip(REFUSED, rejected, strict=True)]
    assert all(reasons), rejected


def test_what_the_agents_tried_in_their_sandboxes_failed(grown: Grown) -> None:
    with read_run(grown.runs / RUN) as run:
        paths = {
            path for agent in run.agent_tree() for found in run.outcomes_of(agent.id) for path in found.dropped_paths
        }
    tried = {"other-model", "replace-socket", "write-agent", "write-canary", "write-task"}
    assert {path for path in paths if path.startswith("tried/")} == {f"tried/{what}" for what in tried}
    assert {path for path in paths if path.startswith("succeeded/")} == set()
    assert grown.model.strangers == []


@pytest.mark.usefixtures("grown")
def test_no_process_and_no_container_is_left() -> None:
    lines: list[bytes] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:  # it ended meanwhile
            continue
    assert [line for line in lines if LINGERING.encode() in line] == []
    client: Any = vars(connect())["_client"]
    assert client.containers(all=True, filters={"label": f"dgm.run={RUN}"}) == []


def test_nobody_resolved_anything_by_cheating(grown: Grown) -> None:
    with read_run(grown.runs / RUN) as run:
        scores = list(run.scores().values())
    assert [score.resolved for score in scores] == [0, 0, 0, 0]
    assert [score.attempted for score in scores] == [2, 2, 2, 2]


def test_what_was_left_beside_the_solutions_is_counted_as_tampering(grown: Grown) -> None:
    with read_run(grown.runs / RUN) as run:
        tree = [agent.id for agent in run.agent_tree()]
        found = [run.tampering()[agent] for agent in tree]
    assert [each.with_grave_signs for each in found] == [0, 0, 2, 2]
    planted = {SignKind.RUNS_BY_ITSELF, SignKind.TEST_SETTINGS, SignKind.BUILD_SETTINGS, SignKind.GIT_SETTINGS}
    assert planted <= found[3].kinds.keys()


# --- what the diagnosing model was shown ---------------------------------------------------------------------------


def test_a_diagnosis_holds_nothing_that_cannot_be_seen(grown: Grown) -> None:
    assert len(grown.model.diagnoses) == 3 + len(REFUSED)
    assert [raw(prompt) for prompt in grown.model.diagnoses] == [set()] * len(grown.model.diagnoses)


def test_nothing_in_a_diagnosis_ends_its_quotation(grown: Grown) -> None:
    assert any(all(text in prompt for text in INJECTED) for prompt in grown.model.diagnoses), "it was said"
    for prompt in grown.model.diagnoses:
        closed = re.findall(r"<\s*/\s*(\w+)\s*>", prompt)
        ours = ["contract", "agent_source", "task_statement", "transcript", "patch", "test_summary"]
        assert [tag for tag in closed if tag in {*ours, "tried_before"}] in (ours, [*ours, "tried_before"])


def test_no_hidden_test_reaches_a_model(grown: Grown) -> None:
    benchmark = benchmark_named("katas")
    tests = "\n".join(benchmark.hidden_tests(TaskId(task)) for task in TASKS)
    lines = {line.strip() for line in tests.splitlines() if "self.assert" in line}
    assert len(lines) > 10
    for prompt in grown.model.diagnoses:
        assert [line for line in lines if line in prompt] == []


# --- what people and their tools see -------------------------------------------------------------------------------


def screens(grown: Grown) -> list[tuple[str, ...]]:
    ids = grown.ids
    every = [("tree", RUN), ("tree", RUN, "--json"), ("status", RUN), ("status", RUN, "--json"), ("runs",)]
    every += [("lineage", RUN, ids[3], "--diff"), ("lineage", RUN, ids[3], "--json", "--diff"), ("best", RUN)]
    for before, agent in pairwise(ids):
        every += [("show", RUN, agent), ("show", RUN, agent, "--json")]
        every += [("diff", RUN, before, agent), ("diff", RUN, before, agent, "--json")]
    every += [("transcript", RUN), ("transcript", RUN, "--json")]
    with read_run(grown.runs / RUN) as run:
        sessions = [session for step in run.steps() for session in step.sessions]
        sessions += [found.session for agent in run.agent_tree() for found in run.outcomes_of(agent.id)]
    return every + [("transcript", RUN, str(session)) for session in sessions if not session.endswith("probe")]


def test_no_screen_prints_what_agents_and_models_hid_and_none_runs_it(
    grown: Grown, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raw(grown.output) == set()
    for words in screens(grown):
        answer = answered(capsys, *words, "--runs-dir", str(grown.runs))
        assert answer.code == 0, (words, answer.err)
        assert raw(answer.out + answer.err) == set(), words
    assert list(grown.canaries.iterdir()) == []


def test_a_checkout_is_plain_files_where_it_was_told(
    grown: Grown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (agent, code) in enumerate(zip(grown.ids, code_of_generations(grown.canaries), strict=True)):
        answer = answered(
            capsys, "checkout", RUN, agent, str(tmp_path / f"{number}" / "code"), "--runs-dir", str(grown.runs)
        )
        assert answer.code == 0, answer.err
        assert list((tmp_path / f"{number}").iterdir()) == [tmp_path / f"{number}" / "code"]
        root = tmp_path / f"{number}" / "code"
        found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if not path.is_dir()}
        assert all(path.is_file() and not path.is_symlink() for path in found.values())
        assert {name: path.read_bytes() for name, path in found.items()} == code
    assert list(grown.canaries.iterdir()) == []


def test_git_clients_on_the_agents_repository_stay_harmless(grown: Grown, tmp_path: Path) -> None:
    repository = shutil.copytree(grown.runs / RUN / "agents.git", tmp_path / "agents.git")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": "/dev/null"}
    (tmp_path / "work").mkdir()

    def git(*words: str) -> str:
        argv = ["git", f"--git-dir={repository}", f"--work-tree={tmp_path / 'work'}", *words]
        done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (words, done.stderr[-2000:])
        return done.stdout.decode("utf-8", "replace")

    newest = f"refs/agents/{grown.ids[3]}"
    assert len(git("log", "--format=%H", newest).split()) == 4
    assert "planted" in git("log", "--all", "-p", "--stat", "--textconv", "--ext-diff")
    assert raw(git("log", "--all", "--format=%an %ae %B")) == set()
    # It says so, rightly, of the one file that was planted for it, and finds nothing else.
    git("-c", "fsck.gitmodulesUrl=ignore", "fsck", "--full", "--strict")
    git("checkout", newest, "--", ".")
    git("status", "--porcelain")
    assert (tmp_path / "work" / "generation").read_bytes() == b"3"
    assert list(grown.canaries.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agents.git", "work"]
