"""Chaos: runs that are evolved in rounds, in each of which something is done to them; nothing may be lost or twice.

    python -m tests.chaos [ROUNDS] [SEED] [--only DEED]... [--kill-engine]

After each round `dgm gc` and `dgm check` must pass, nothing may be left behind, and every fact of the round before must
be there. A run that came to its end is compared with one that nobody disturbed, where its choices hang on its seed
alone. What is done, and when, hangs on SEED, as far as time allows.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from dgm.archive.processes import RunState
from dgm.archive.reader import read_run
from dgm.benchmarks.catalogue import benchmark_named
from dgm.wiring.checking import check_run
from tests.chaos_deeds import DEEDS, Target, containers_of, docker, end, now, possible, until
from tests.chaos_engine import EngineDoor, engine_door
from tests.chaos_provider import Provider, failing_provider

POLICIES = ("dgm", "hgm", "dgm", "random", "dgm", "auto")
DISK_BYTES = 96 * 2**20
_EXPECTED_CODES = {0, 4, 130, -2, -9, -15}
"""Ended, a fault of ours, interrupted (-2 and -15 before it minds signals, or when it ends by itself), killed.

What is done here costs no budget and breaks no archive."""
_LIMIT_S = 600
_LATE = 0.8
_BEGINS_S = 30.0
_DIES_S = 5.0
_ROUNDING = Decimal("0.000001")

Dump: TypeAlias = dict[str, set[tuple[Any, ...]]]


@dataclass
class Run:
    """One run, as it stands after a round."""

    number: int
    name: str
    policy: str
    workers: int
    is_remote: bool
    """Whether its model is behind the server that can fail."""
    billed_before: Decimal = Decimal(0)
    """What the server had billed when the run began."""
    rounds: int = 0
    dump: Dump = field(default_factory=dict[str, set[tuple[Any, ...]]])


@dataclass
class Chaos:
    """All runs of one seed."""

    directory: Path
    seed: int
    provider: Provider
    door: EngineDoor
    fills: bool
    kills_engine: bool = False
    """Whether the machine's engine was started for this alone, so that it can be killed."""
    say: Any = print
    done: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    lost: int = 0
    twice: int = 0
    left_behind: int = 0
    finished: int = 0
    compared: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.runs = self.directory / "runs"
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self.run = self.new_run(1)
        self.deeds = possible(fills=self.fills, kills_engine=self.kills_engine, verbs=self.verbs())
        self.plan: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def abandon(self) -> None:
        """Leave nothing under way where a round was interrupted."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.dgm("gc")

    # One round.

    def round(self, number: int, *, limit_s: float = 6.0) -> None:
        """Start or go on with the run, do something to it, end it, and look what is left."""
        run, random, started = self.run, Random(f"{self.seed}:{number}"), now()
        deed = self.next_deed()
        target = self.started(run)
        at = random.uniform(0.2, limit_s)
        # Mostly from where it begins to work: it takes seconds until then.
        if random.random() < _LATE:
            until(target, lambda: [1] if self.has_begun(run) else [], _BEGINS_S)
        did = "ended before" if target.wait(at) else DEEDS[deed](target, random)
        self.done[deed if not did.startswith("ended before") else "nothing: it had ended"] += 1
        waits = random.uniform(0.2, limit_s)
        target.wait(waits if target.is_alive and deed != "kill" else _DIES_S)
        how = end(target, random)
        problems = self.examined(run, target.process.returncode, how)
        run.rounds += 1
        self.wrong += [f"round {number}: {problem}" for problem in problems]
        verdict = "ok" if not problems else "WRONG: " + "; ".join(problems)
        self.say(
            f"round {number:3} {run.name} {run.policy} w{run.workers}: at {at:4.1f} s {did}; {how} "
            f"({target.process.returncode}), {now() - started:.1f} s: {verdict}",
            flush=True,
        )
        if self.is_finished(run):
            self.close(run)

    def next_deed(self) -> str:
        """Return what is done next: each kind as often as the others."""
        if not self.plan:
            self.plan = self.random.sample(self.deeds, len(self.deeds))
        return self.plan.pop()

    def started(self, run: Run) -> Target:
        """Start a process that makes the run or goes on with it."""
        directory = self.runs / run.name
        config = self.directory / f"{run.name}.toml"
        new = ["run", run.name, "--config", str(config)]
        words = ["resume", run.name, "--config", str(config)] if directory.exists() else new
        with self.log(run).open("w") as log:
            process = subprocess.Popen(
                self.argv(*words, "--yes"), stdout=log, stderr=subprocess.STDOUT, text=True, env=self.environment
            )
        self.process = process
        return Target(run.name, directory, self.temporary, process, self.dgm, self.provider, self.door, self.fills)

    def has_begun(self, run: Run) -> bool:
        """Whether the process that was started last says that it works."""
        return f"run {run.name}: " in self.log(run).read_text("utf-8", "replace")

    def log(self, run: Run) -> Path:
        """Return where the process of a run's next round says what it does."""
        return self.directory / f"{run.name}.{run.rounds}.log"

    def examined(self, run: Run, code: int, how: str) -> list[str]:
        """Return what is wrong after a round."""
        problems = [] if code in _EXPECTED_CODES else [f"exit code {code}, see {self.log(run).name}"]
        problems += [how] if "HUNG" in how else []
        collected = self.dgm("gc")
        problems += [] if collected.returncode == 0 else [f"gc: {collected.stderr.strip()}"]
        if left := self.left():
            self.left_behind += len(left)
            problems.append(f"left behind: {', '.join(left)}")
        if not (self.runs / run.name).exists():
            return problems + (["the run is lost"] if run.dump else [])
        findings = check_run(self.runs / run.name)
        broken = [f"{finding.name}: {' '.join(finding.problems[:2])}" for finding in findings if not finding.holds]
        problems += [f"check: {' '.join(broken)}"] if broken else []
        return problems + self.unbooked(run) + self.compared_with_before(run)

    def unbooked(self, run: Run) -> list[str]:
        """Return whether the books say less than the bill: whatever happens, they never do."""
        billed = self.provider.server.billed_usd - run.billed_before
        with read_run(self.runs / run.name) as reader:
            spent = Decimal(reader.spent().cost_usd) if run.is_remote else billed
        return [f"the provider billed ${billed:.6f}, the books say ${spent:.6f}"] if spent + _ROUNDING < billed else []

    def left(self) -> list[str]:
        """Return what no process owns any more: containers, temporary files, runs that were never made whole."""
        names = [path.name for path in self.runs.iterdir() if path.name.startswith(".")]
        sockets = [f"{path.parent.name}/{path.name}" for path in self.runs.glob("*/*.sock")]
        return containers_of(self.run.name) + [path.name for path in self.temporary.iterdir()] + names + sockets

    def compared_with_before(self, run: Run) -> list[str]:
        """Return what is lost of the facts of the round before, or done twice."""
        dump = dumped(self.runs / run.name / "archive.db")
        lost = sum(len(rows - dump.get(table, set())) for table, rows in run.dump.items())
        twice = done_twice(self.runs / run.name / "archive.db")
        run.dump = dump
        self.lost, self.twice = self.lost + lost, self.twice + twice
        return ([f"{lost} facts are lost"] if lost else []) + ([f"{twice} things were done twice"] if twice else [])

    # A run that came to its end.

    def is_finished(self, run: Run) -> bool:
        """Whether nothing is left to do for a run."""
        if not (self.runs / run.name).exists():
            return False
        with read_run(self.runs / run.name) as reader:
            return reader.state() is RunState.FINISHED

    def close(self, run: Run) -> None:
        """Compare a run with an undisturbed one, and begin the next."""
        self.finished += 1
        if run.workers == 1 and run.policy == "dgm" and (differs := self.differs(run)):
            self.wrong.append(f"{run.name}: {differs}")
        self.say(f"{run.name} finished after {run.rounds} rounds", flush=True)
        self.run = self.new_run(run.number + 1)

    def differs(self, run: Run) -> str:
        """Return what is not as it would be had nobody disturbed it, "" where nothing is."""
        whole = f"whole-{run.number}"
        config = (self.directory / f"{run.name}.toml").read_text()
        (self.directory / f"{whole}.toml").write_text(config)
        done = self.dgm("run", whole, "--config", str(self.directory / f"{whole}.toml"), "--yes")
        if done.returncode != 0:
            return f"the undisturbed run ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        self.compared += 1
        trees = [self.tree(name) for name in (run.name, whole)]
        return "" if trees[0] == trees[1] else f"its tree is not that of {whole}"

    def tree(self, name: str) -> list[dict[str, Any]]:
        """Return a run's agents without what the clock decides."""
        agents = json.loads(self.dgm("tree", name, "--json").stdout)["agents"]
        return [{key: value for key, value in agent.items() if key != "created_at"} for agent in agents]

    def new_run(self, number: int) -> Run:
        """Return the next run, with its configuration written."""
        run = Run(
            number,
            name=f"chaos-{self.seed}-{number}",
            policy=POLICIES[(number - 1) % len(POLICIES)],
            workers=(1, 2, 1, 3, 2, 4)[(number - 1) % 6],
            is_remote=number % 3 != 1,
            billed_before=self.provider.server.billed_usd,
        )
        stage = benchmark_named("katas").stages()[0].tasks
        tasks = ", ".join(f'"{task}"' for task in (stage[0], stage[-1]))
        settings = f"""
policy = "{run.policy}"
children = 2
workers = {run.workers}
seed = {1000 * self.seed + number}
tasks = [{tasks}]
[search]
evaluations = 6
[integrity]
control_tasks = {int(number % 4 == 0)}
control_every = 4
[sandbox]
minimum_free_bytes = 0
"""
        path = self.directory / f"{run.name}.toml"
        path.write_text(settings + (self.provider.settings if run.is_remote else ""))
        return run

    # Commands.

    @property
    def environment(self) -> dict[str, str]:
        """What all processes are started with."""
        return {
            **os.environ,
            **self.provider.environment,
            **self.door.environment,
            "TMPDIR": str(self.temporary),
            "COLUMNS": "200",
        }

    def argv(self, *words: str, runs: bool = True) -> list[str]:
        """Return a command line."""
        return [sys.executable, "-m", "dgm", *words, *(["--runs-dir", str(self.runs)] if runs else [])]

    def dgm(self, *words: str, runs: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        argv = self.argv(*words, runs=runs)
        return subprocess.run(
            argv, env=self.environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )  # fmt: skip

    def verbs(self) -> list[str]:
        """Return the verbs that there are."""
        return re.findall(r"^  (\w+) ", self.dgm("--help", runs=False).stdout, re.MULTILINE)

    def summary(self) -> str:
        """Return the table of all that was done and what came of it."""
        rows = [f"| {name} | {count} |" for name, count in sorted(self.done.items())]
        head = ["| what was done | times |", "|---|---|"]
        total = (
            f"{sum(self.done.values())} rounds, seed {self.seed}: {self.finished} runs finished, {self.compared} "
            f"compared with an undisturbed one; {self.lost} lost, {self.twice} twice, {self.left_behind} left behind, "
            f"{len(self.wrong)} wrong"
        )
        return "\n".join([*head, *rows, "", total])


def dumped(database: Path) -> Dump:
    """Return all rows of all tables."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as sql:
        tables = [row[0] for row in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        dump = {table: set(sql.execute(f"SELECT rowid, * FROM {table}")) for table in tables}  # noqa: S608
    sql.close()
    return dump


def done_twice(database: Path) -> int:
    """Return how often something was done again that had its result already."""
    queries = (
        "SELECT count(*) FROM (SELECT 1 FROM evaluations GROUP BY agent, task, trial HAVING count(*) > 1)",
        "SELECT count(*) FROM attempts JOIN evaluations USING (decision) WHERE attempts.at > evaluations.at",
        "SELECT count(*) FROM attempts JOIN steps USING (decision) WHERE attempts.at > steps.at",
    )
    sql = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    found = sum(sql.execute(query).fetchone()[0] for query in queries)
    sql.close()
    return found


@contextmanager
def small_disk(place: Path) -> Generator[bool]:
    """Mount a small disk of its own at a directory, where this user can; say whether."""
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "dgm-chaos", str(place)]
    is_mounted = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=False)  # noqa: S607


@contextmanager
def chaos(directory: Path, seed: int, *, kills_engine: bool = False) -> Generator[Chaos]:
    """Return what carries out rounds in a new directory."""
    with (
        small_disk(directory / "runs") as fills,
        failing_provider() as provider,
        engine_door(directory) as door,
    ):
        made = Chaos(directory, seed, provider, door, fills, kills_engine)
        try:
            yield made
        finally:
            made.abandon()
            if made.wrong:  # the disk is gone in a moment
                shutil.copytree(made.runs, directory / "kept", ignore=shutil.ignore_patterns("*.sock"))


def main(argv: Sequence[str]) -> int:
    """Carry out rounds and print what came of them."""
    parser = argparse.ArgumentParser(prog="scripts/chaos")
    parser.add_argument("rounds", nargs="?", type=int, default=30)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--only", action="append", choices=sorted(DEEDS))
    parser.add_argument("--kill-engine", action="store_true", help="also kill dockerd, and start it again")
    wanted = parser.parse_args(argv)
    if wanted.kill_engine and (running := docker("ps", "--quiet").split()):
        parser.error(f"{len(running)} containers run on this engine; it is killed only where nobody else uses it")
    directory = Path(tempfile.mkdtemp(prefix="dgm-chaos."))
    with chaos(directory, wanted.seed, kills_engine=wanted.kill_engine) as made:
        made.deeds = [name for name in made.deeds if not wanted.only or name in wanted.only]
        if not made.deeds:
            parser.error(f"nothing of {', '.join(wanted.only)} can be done here")
        skipped = sorted(DEEDS.keys() - set(made.deeds))
        print(f"in {directory}" + (f"; without {', '.join(skipped)}" if skipped else ""), flush=True)
        with suppress(KeyboardInterrupt):  # what was found until then is told
            for number in range(1, wanted.rounds + 1):
                made.round(number)
        print(f"\n{made.summary()}")
        for problem in made.wrong:
            print(f"WRONG {problem}")
    if not made.wrong:
        shutil.rmtree(directory)
        return 0
    print(f"Everything is kept in {directory}.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
