"""Runs a JavaScript exercise's tests with jest inside a grading container and prints what they did.

    python3 -I javascript.py DIRECTORY TEST_FILE...

DIRECTORY holds the solution and the tests, the keeper's all of it. Jest and Babel are configured here and by nothing
else: no package.json, jest.config.js or babel.config.js counts. The solution runs in jest's process; see report.py for
what is believed of it.
"""

import json
import os
import secrets
import subprocess
import sys

GRADERS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, GRADERS)

from report import FAILED, PASSED, SKIPPED, Report  # noqa: E402

REPORT = Report()

MODULES = "/usr/share/nodejs"
MAX_LINE_BYTES = 5_000_000
MAX_NAME_CHARS = 480
SEPARATOR = " > "
OUTCOMES = {"passed": PASSED, "failed": FAILED}
# Jest's own 5 s are too short for a busy machine; the host ends what takes too long altogether.
TEST_TIMEOUT_MS = 60_000


def configuration(directory, descriptor):
    babel = {
        "babelrc": False,
        "configFile": False,
        "presets": [[MODULES + "/@babel/preset-env", {"targets": {"node": "current"}}]],
    }
    return {
        "rootDir": directory,
        "cacheDirectory": "/tmp/jest",
        "moduleFileExtensions": ["js", "cjs", "mjs", "json"],
        "reporters": [[GRADERS + "/javascript.js", {"descriptor": descriptor}]],
        "setupFilesAfterEnv": [GRADERS + "/javascript_setup.js"],
        "testTimeout": TEST_TIMEOUT_MS,
        "transform": {r"\.[cm]?js$": [MODULES + "/babel-jest", babel]},
    }


def started(directory, tests, secret):
    """Start jest; return the reading end of a pipe that its reporter writes to."""
    source, sink = os.pipe()
    options = ["--config", json.dumps(configuration(directory, sink))]
    # --silent: what is logged is not kept; --forceExit: not even a timer that never ends keeps it alive
    options += ["--ci", "--forceExit", "--no-watchman", "--runInBand", "--silent", "--runTestsByPath"]
    jest = subprocess.Popen(
        ["node", MODULES + "/jest/bin/jest.js", *options, *tests],
        cwd=directory,
        pass_fds=[sink],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    os.close(sink)
    jest.stdin.write(secret)
    jest.stdin.close()
    return os.fdopen(source, "rb")


def findings(lines, secret):
    """Return what the reporter said of each test file, None if it did not get to that."""
    while True:
        line = lines.readline(MAX_LINE_BYTES)
        if not line:
            return None
        if line.startswith(secret):
            return json.loads(line[len(secret) :])


def numbered(names):
    """Return unique names: jest allows equal ones, which are told apart by their order."""
    times = {}
    for name in names:
        times[name] = times.get(name, 0) + 1
        yield name if times[name] == 1 else f"{name} #{times[name]}"


def report(files):
    # In the order of their names: jest's own order depends on their sizes.
    files = sorted(files, key=lambda file: file["path"])
    tests = [test for file in files for test in file["tests"]]
    names = list(numbered(SEPARATOR.join(test["titles"])[:MAX_NAME_CHARS] for test in tests))
    outcomes = [(name, OUTCOMES.get(test["status"], SKIPPED)) for name, test in zip(names, tests)]
    broken = [("", file["broken"]) for file in files if file["broken"] is not None]
    said = [(name, test["message"]) for name, test in zip(names, tests) if test["message"]]
    REPORT.end(outcomes, broken + said, "import" if broken else "")


def main(directory, *tests):
    secret = secrets.token_hex(16).encode()
    lines = started(directory, tests, secret)
    if lines.readline() != b"ready\n":
        sys.exit("jest does not work")
    REPORT.ready()
    files = findings(lines, secret)
    if files is not None:  # else the solution ended the process: there is nothing to report
        report(files)


main(*sys.argv[1:])
