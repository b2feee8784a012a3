"""Runs a Python exercise's tests inside a grading container and prints what they did.

    python3 -I grader.py SOLUTION_DIRECTORY TEST_FILE...

Put into the container by the keeper, run as the agent user. The standard output gets the line "ready" before anything
of the solution is imported, and one line of JSON at the end. What the solution prints goes nowhere. The solution
shares this process, so nothing that is printed here is believed as it stands: the host knows which tests there are and
which of them must fail.
"""

import os
import sys

# The report's own descriptor: print(), sys.stdout and descriptor 1 lead elsewhere before the solution exists.
REPORT = os.dup(1)
os.dup2(2, 1)

import json  # noqa: E402

import pytest  # noqa: E402

# What a short run of unittest classes has no use for; leaving it out saves a third of the start-up.
UNUSED_PLUGINS = (
    "cacheprovider",
    "capture",
    "doctest",
    "faulthandler",
    "junitxml",
    "legacypath",
    "logging",
    "pastebin",
    "setuponly",
    "setupplan",
    "stepwise",
    "terminal",
    "threadexception",
    "unraisableexception",
    "warnings",
)


class Collector:
    """A pytest plugin that notes each test's outcome over set-up, call and tear-down."""

    def __init__(self):
        self.outcomes = {}
        self.collection_errors = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self):
        # pytest is configured and nothing of the solution is imported yet: from here on a failure is the solution's.
        os.write(REPORT, b"ready\n")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)

    def pytest_collectreport(self, report):
        if report.failed:
            self.collection_errors += 1

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition("::")[2]
        # The first phase that did not pass decides.
        if self.outcomes.get(name, "passed") == "passed":
            self.outcomes[name] = report.outcome


def run(solution, tests):
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    sys.dont_write_bytecode = True
    # Last, so that a solution cannot stand in for a module of the standard library or of pytest.
    sys.path.append(solution)
    if os.path.isdir(solution):  # there is none where nothing of a solution is left
        os.chdir(solution)
    options = ["--noconftest", "--import-mode=importlib", "--assert=plain", "-c", os.devnull]
    options += ["--rootdir", os.path.dirname(os.path.abspath(__file__))]
    for plugin in UNUSED_PLUGINS:
        options += ["-p", "no:" + plugin]
    collector = Collector()
    pytest.main(options + tests, plugins=[collector])
    return collector


def main():
    collector = run(sys.argv[1], sys.argv[2:])
    report = {"collection_errors": collector.collection_errors, "outcomes": list(collector.outcomes.items())}
    document = json.dumps(report).encode() + b"\n"
    while document:
        document = document[os.write(REPORT, document) :]
    # At once: exit handlers and threads of the solution do not get to add to the report.
    os._exit(0)


main()
