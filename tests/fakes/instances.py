"""Instances of SWE-bench of our own: tiny repositories with one issue each, and images as the official ones are.

`repositories/<name>/base/` holds the files at the base commit, `repositories/<name>/<number>/` one issue: `gold/` and
`tests/` hold the files that the gold patch and the test patch leave, `instance.toml` the rest. Every file has ".txt"
behind its name, so that no tool takes it for ours.

`python -m tests.fakes.instances DIRECTORY` builds all images and writes DIRECTORY/instances.jsonl, to be tried with
`dgm run --benchmark swebench --swebench-dataset DIRECTORY/instances.jsonl`.
"""

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from dgm.core.files import File, FileTree, tree_hash
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.images import BOOTSTRAPPED, ensure_image, image_tag
from tests.fakes.histories import Git, plant_later_history, with_base_history

Record: TypeAlias = Mapping[str, str]
"""One instance in the format of swebench 5.x."""

LABEL = "dgm.test-instance"
_ROOT = Path(__file__).parent / "repositories"
_DELIMITER = "EOF_114329324912"

# What official images have as well: an environment of conda's whose `python` is not the system's.
_BASE = """\
ARG BASE
FROM ${BASE}
RUN set -eu; \\
    apt-get -o Acquire::Retries=2 update; \\
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
        bash git patch python3 python3-pip python3-pytest; \\
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; \\
    python3 -m venv --without-pip --system-site-packages /opt/miniconda3/envs/testbed; \\
    mkdir /opt/miniconda3/bin
COPY activate /opt/miniconda3/bin/activate
"""
_ACTIVATE = """\
conda() {
    export CONDA_PREFIX="/opt/miniconda3/envs/$2" CONDA_DEFAULT_ENV="$2" PATH="/opt/miniconda3/envs/$2/bin:$PATH"
}
"""
_INSTANCE = """\
ARG BASE
FROM ${BASE}
COPY testbed /testbed
WORKDIR /testbed
"""
_WITHOUT_GIT = "RUN rm -rf /usr/bin/git /usr/lib/git-core\n"
_EVAL_SCRIPT = """\
#!/bin/bash
set -uxo pipefail
source /opt/miniconda3/bin/activate
conda activate testbed
cd /testbed
git config --global --add safe.directory /testbed
cd /testbed
git status
git show
git -c core.fileMode=false diff {base}
source /opt/miniconda3/bin/activate
conda activate testbed
{install}git checkout {base} {tests}
git apply -v - <<'{delimiter}'
{test_patch}
{delimiter}
: '>>>>> Start Test Output'
{command}
: '>>>>> End Test Output'
git checkout {base} {tests}
"""


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticInstance:
    """One issue of one of our repositories."""

    id: str
    """Such as "pebbleworks__tally-11"."""
    repo: str
    """Such as "pebbleworks/tally"."""
    base: FileTree
    gold: FileTree
    """What the gold patch leaves of the files that it touches."""
    tests: FileTree
    facts: Mapping[str, Any]
    """What instance.toml says."""

    @property
    def broken(self) -> str:
        """Why it cannot be judged; "" for a sound one."""
        return str(self.facts.get("broken", ""))

    @property
    def image(self) -> str:
        """Reference of its image, with a hash of all that goes into it."""
        name = self.id.replace("__", "_1776_")
        parts = {"base": self.base, "gold": self.gold}
        hashed = {part: File(tree_hash(tree).encode()) for part, tree in parts.items()}
        recipe = _base_tag() + self._dockerfile() + Path(__file__).with_name("histories.py").read_text("utf-8")
        hashed["recipe"] = File(recipe.encode())
        return f"dgm-tests/sweb.eval.x86_64.{name}:{tree_hash(hashed)[:12]}"

    def record(self) -> Record:
        """Return the record that the dataset has of it."""
        return _record(self)

    def build(self, engine: Engine) -> None:
        """Build its image, unless it is there."""
        if engine.image_id(self.image) is not None:
            return
        with tempfile.TemporaryDirectory() as place:
            repository = Path(place) / "testbed"
            git = Git(repository)
            with_base_history(git, self.base)
            plant_later_history(git, self.gold)
            (Path(place) / "Dockerfile").write_text(self._dockerfile())
            arguments, labels = {"BASE": ensured_base(engine)}, {LABEL: self.id}
            engine.build(Path(place), tag=self.image, arguments=arguments, labels=labels, say=_quiet)

    def _dockerfile(self) -> str:
        return _INSTANCE + ("" if self.facts.get("git", True) else _WITHOUT_GIT)


@cache
def instances() -> tuple[SyntheticInstance, ...]:
    """Return all of them, the sound ones first."""
    found = [_read(path.parent) for path in sorted(_ROOT.glob("*/*/instance.toml"))]
    return tuple(sorted(found, key=lambda instance: bool(instance.broken)))


def sound_instances() -> tuple[SyntheticInstance, ...]:
    """Return those that can be judged."""
    return tuple(instance for instance in instances() if not instance.broken)


def instance_named(name: str) -> SyntheticInstance:
    """Return the instance of an id."""
    return next(instance for instance in instances() if instance.id == name)


def built_images(engine: Engine, chosen: Iterable[SyntheticInstance] | None = None) -> list[Record]:
    """Return the records of the chosen instances, else of all, once their images are built; built ones are kept."""
    wanted = instances() if chosen is None else tuple(chosen)
    for instance in wanted:
        instance.build(engine)
    return [instance.record() for instance in wanted]


def write_records(path: Path, records: Iterable[Record]) -> Path:
    """Write a dataset of records as JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "ascii")
    return path


def _read(directory: Path) -> SyntheticInstance:
    facts = tomllib.loads((directory / "instance.toml").read_text("utf-8"))
    owner, name = facts["owner"], directory.parent.name
    return SyntheticInstance(
        id=f"{owner}__{name}-{directory.name}",
        repo=f"{owner}/{name}",
        base=_tree(directory.parent / "base"),
        gold=_tree(directory / "gold"),
        tests=_tree(directory / "tests"),
        facts=facts,
    )


def _tree(directory: Path) -> FileTree:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {path.relative_to(directory).as_posix().removesuffix(".txt"): File(path.read_bytes()) for path in files}


@cache
def _record(instance: SyntheticInstance) -> Record:
    facts = instance.facts
    with tempfile.TemporaryDirectory() as place:
        git = Git(Path(place) / "testbed")
        base_commit = with_base_history(git, instance.base)
        patches: list[str] = []
        for files in (instance.gold, instance.tests):
            git.write(files)
            patches.append(git.run("diff", "--cached", base_commit))
            git.run("reset", "--quiet", "--hard", base_commit)
    gold_patch, test_patch = patches
    install = facts.get("install", "")
    return {
        "repo": instance.repo,
        "instance_id": instance.id,
        "base_commit": base_commit,
        "patch": gold_patch,
        "test_patch": test_patch,
        "problem_statement": facts["problem_statement"].strip() + "\n",
        "hints_text": facts["hints_text"],
        "created_at": "2024-05-01T00:00:00Z",
        "version": facts["version"],
        "FAIL_TO_PASS": json.dumps(facts["fail_to_pass"]),
        "PASS_TO_PASS": json.dumps(facts["pass_to_pass"]),
        "environment_setup_commit": base_commit,
        "difficulty": facts["difficulty"],
        "eval_script": _EVAL_SCRIPT.format(
            base=base_commit,
            install=f"{install}\n" if install else "",
            tests=" ".join(instance.tests),
            delimiter=_DELIMITER,
            test_patch=test_patch.rstrip("\n"),
            command=facts["test_command"],
        ),
        "log_parser": facts.get("log_parser", "parse_log_django"),
        "eval_type": "pass_and_fail",
        "image": instance.image,
    }


def _base_tag() -> str:
    recipe = tree_hash({"Dockerfile": File(_BASE.encode()), "activate": File(_ACTIVATE.encode())})
    return f"dgm-tests/base:{recipe[:12]}"


def ensured_base(engine: Engine) -> str:
    """Return the tag of what all images are made from, built where it is not there."""
    tag = _base_tag()
    if engine.image_id(tag) is None:
        ensure_image(engine, "python", say=_quiet)
        candidates = ("debian:trixie-slim", ":".join(BOOTSTRAPPED), image_tag("python"))
        arguments = {"BASE": next(name for name in candidates if engine.image_id(name) is not None)}
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "Dockerfile").write_text(_BASE)
            (Path(place) / "activate").write_text(_ACTIVATE)
            engine.build(Path(place), tag=tag, arguments=arguments, labels={LABEL: "base"}, say=_quiet)
    return tag


def _quiet(line: str) -> None:
    del line


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    print(write_records(place / "instances.jsonl", built_images(connect())))  # noqa: T201
