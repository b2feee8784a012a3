"""Builds a Go exercise with its tests inside a grading container, then runs the tests and prints what they did.

    python3 -I go.py build NAME SOLUTION_DIRECTORY TESTS_DIRECTORY
    python3 -I go.py run NAME

NAME is the exercise's. Nothing of the solution is executed by `build`; see report.py for what is believed of it when
it is.
"""

import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from report import FAILED, PASSED, SKIPPED, Report, require_tool, run_child  # noqa: E402

del sys.path[0]
REPORT = Report()
OUTCOMES = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
# With -test.v=test2json this byte begins what the framework says, also behind a solution's unfinished line. A solution
# can print it as well: then a name comes twice, or was not expected, or one of the canaries is missing.
MARK = "\x16"
# With it a solution could take the tests' sources into the program, and read there what is expected of it.
EMBED = b"//go:embed"
# What ends the program is the solution's, whichever test it ended in.
ENDED = re.compile(r"^(?:panic|fatal error): ", re.MULTILINE)
SAID = re.compile(r"(?:=== [A-Z]+ +|--- (PASS|FAIL|SKIP): )(\S*)(?: \([0-9.]+s\))?\n")


def build(name, solution, tests):
    require_tool(["go", "version"])
    directory = os.path.abspath(name)
    shutil.copytree(solution, directory)
    sources = glob.glob(os.path.join(directory, "*.go"))
    shutil.copytree(tests, directory, dirs_exist_ok=True)  # over the solution
    REPORT.ready()
    if any(EMBED in open(path, "rb").read() for path in sources):
        REPORT.end(messages=[("", "go:embed cannot be used: there is no file to embed")], problem="build")
    # Without `go vet`, which is a matter of style; `go test` alone could take a result from its cache.
    code, text = run_child(["go", "test", "-c", "-vet=off", "-o", program(name), "."], directory)
    if code == 0:
        # As the host does with /task/tests. What a solution could read there is what its results are compared with.
        for path in glob.glob(os.path.join(directory, "*_test.go")):
            os.unlink(path)
        REPORT.end()
    REPORT.end(messages=[("", text)], problem="build")


def run(name):
    if not os.access(program(name), os.X_OK):
        raise SystemExit(program(name) + " was not built")
    REPORT.ready()
    # In the package's directory, as `go test` does.
    code, text = run_child([program(name), "-test.v=test2json"], os.path.abspath(name))
    if code is None:
        REPORT.end(problem="output")
    REPORT.end(*read(text))


def program(name):
    return os.path.abspath(name) + ".program"


def read(text):
    """Return (outcomes, messages); a test that ended everything has no outcome, and what it said is a message."""
    outcomes, times, texts = {}, {}, {}
    name = ""
    for part in text.split(MARK):
        said = SAID.match(part)
        if said:
            name = said[2]
            part = part[said.end() :]
        if said and said[1]:
            times[name] = times.get(name, 0) + 1
            # As nothing of the framework's has a space, no honest name can be meant.
            outcomes[name if times[name] == 1 else f"{name} #{times[name]}"] = OUTCOMES[said[1]]
        texts.setdefault("" if ENDED.search(part) else name, []).append(part)
    messages = [(name, "".join(parts)) for name, parts in texts.items() if outcomes.get(name, FAILED) == FAILED]
    return outcomes.items(), [(name, text) for name, text in messages if text.strip() not in ("", "PASS", "FAIL")]


{"build": build, "run": run}[sys.argv[1]](*sys.argv[2:])
