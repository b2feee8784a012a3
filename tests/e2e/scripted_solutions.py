"""Instances of SWE-bench whose statement is a program, and an agent that does nothing but run it.

So one run of the real command line measures many ways to behave, each as a task of its own.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.fakes.histories import LATER_WORD
from tests.fakes.instances import Record, SyntheticInstance

_AGENT = """\
import json, os, re

settings = json.load(open("/task/task.json"))
os.chdir(settings["workspace"])
exec(re.search(r"```agent\\n(.*?)```", open("/task/problem.md").read(), re.DOTALL).group(1))
"""

FIX = """\
def replaced(path, old, new):
    text = open(path).read()
    assert text.count(old) == 1
    open(path, "w").write(text.replace(old, new))

def fix():
    replaced(
        "tally/stats.py",
        "    return ordered[len(ordered) // 2]\\n",
        "    half = len(ordered) // 2\\n    return (ordered[half] + ordered[-half - 1]) / 2\\n",
    )
"""
"""What resolves the instance tally-11, in other words than its gold patch."""

_UNTIDY = """
open("tests/test_stats.py", "w").write("")
os.makedirs("build", exist_ok=True)
open("build/ignored.txt", "w").write("ignored by the repository")
"""

_FORGED = """
import os
for line in open("/testbed/tests/test_stats.py").read().split("class "):
    name = line.split("(")[0]
    for test in line.split("def ")[1:]:
        test = test.split("(")[0]
        print(f"{test} (tests.test_stats.{name}.{test}) ... ok", flush=True)
os._exit(0)
"""

# Every way in which git runs somebody's program on a status, a diff or a checkout, as far as files can say it.
_HOOKED = """
program = "/testbed/.git/program"
open(program, "w").write("#!/bin/sh\\ntouch /tmp/MARK\\n")
os.chmod(program, 0o755)
for name in ("core.fsmonitor", "diff.external", "filter.x.clean", "filter.x.smudge", "diff.x.textconv", "core.pager"):
    os.system(f"git config {name} {program}")
os.makedirs(".git/hooks", exist_ok=True)
for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction"):
    os.symlink(program, f".git/hooks/{name}")
open(".gitattributes", "w").write("* filter=x diff=x\\n")
"""

_LINKED = """
os.remove("README.md")
os.symlink("/etc/passwd", "README.md")
os.mkfifo("pipe")
"""

_FLOODING = """
for number in range(20_100):
    open(f"{number}.txt", "w").close()
"""

_KILLING = """
import os, signal
os.kill(-1, signal.SIGKILL)
"""

_CHATTY = """
import sys
while True:
    sys.stdout.write("x" * 65536)
"""

_PRETENDING = """
print(">>>>> Patch Apply Failed")
print("Killed: Cannot allocate memory, No space left on device")
"""

_ENDLESS = """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "while True: pass", "MARK"])
"""

_CONNECTS = """
import socket
def connected():
    for address in ADDRESSES:
        try:
            socket.create_connection((address, PORT), timeout=2).close()
            return True
        except OSError:
            pass
    return False
"""

# The word stands reversed in the statement, which is among what is searched.
_SEARCHED = f"""
import subprocess

def said(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

word = {LATER_WORD[::-1]!r}[::-1]
objects = said("git", "cat-file", "--batch-all-objects", "--batch")
names = said("git", "log", "--all", "--reflog", "--format=%s") + said("git", "stash", "list")
files = said("grep", "-rlaF", "--exclude-dir=proc", "--exclude-dir=sys", word, "/")
later = word.encode() in objects + names or bool(files)
open("seen.txt", "w").write(f"later: {{later}}, earlier: {{b'without dependencies' in objects}}\\n")
"""


def scripts(*, addresses: list[str], port: int, mark: str) -> Mapping[str, str]:
    """Return what the agent is told to run, by the name of each way to behave.

    Args:
        addresses: of the host, as containers might reach it.
        port: where the host listens.
        mark: stands in the command line of the process that never ends.
    """
    connects = f"ADDRESSES, PORT = {addresses!r}, {port}\n{_CONNECTS}"
    told_by_tests = f"{connects}\nif not connected():\n    raise SystemExit('no network')\n"
    return {
        "right": f"{FIX}\nfix()",
        "right-and-untidy": f"{FIX}\nfix()\n{_UNTIDY}",
        "wrong": 'open("tally/stats.py", "a").write("\\n\\nNOTHING = 0\\n")',
        "idle": "pass",
        "tests-only": 'open("tests/test_stats.py", "w").write("")',
        "crash": 'open("tally/stats.py", "w").write("def median(:\\n")',
        "endless": f'open("tally/__init__.py", "w").write({_ENDLESS.replace("MARK", mark)!r})',
        "forged": f'open("tally/__init__.py", "w").write({_FORGED!r})',
        "networked-agent": f"{connects}\n{FIX}\nif connected():\n    fix()",
        "networked-tests": f'{FIX}\nfix()\nopen("tally/__init__.py", "w").write({told_by_tests!r})',
        "historian": _SEARCHED,
        "hooked": f"{FIX}\nfix()\n{_HOOKED.replace('MARK', mark)}",
        "linked": f"{FIX}\nfix()\n{_LINKED}",
        "flooding": _FLOODING,
        "killing": f'open("tally/__init__.py", "a").write({_KILLING!r})',
        "chatty": f'open("tally/__init__.py", "a").write({_CHATTY!r})',
        "pretending": f'open("tally/__init__.py", "a").write({_PRETENDING!r})',
    }


def scripted(instance: SyntheticInstance, name: str, script: str) -> Record:
    """Return the record of an instance that is judged as the given one and whose statement is a script."""
    record = instance.record()
    statement = f"{name}\n\n```agent\n{script}\n```\n"
    return {**record, "instance_id": f"{instance.id}-{name}", "problem_statement": statement}


def write_agent(directory: Path) -> Path:
    """Write the agent that runs the statement's script."""
    directory.mkdir()
    (directory / "main.py").write_text(_AGENT)
    return directory
