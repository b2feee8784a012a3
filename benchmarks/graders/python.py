"""Runs a Python exercise's tests inside a grading container and prints what they did.

    python3 -I python.py SOLUTION_DIRECTORY TEST_FILE...

The solution shares this process; see report.py for what is believed of it.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from report import PASSED, Report  # noqa: E402

del sys.path[0], sys.modules["report"]  # a solution may have a module of that name
REPORT = Report()

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

    def __init__(self, directories):
        self.directories = directories
        self.outcomes = {}
        self.messages = []
        self.problem = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self):
        REPORT.ready()  # pytest is configured and nothing of the solution is imported yet
        # Last, so that a solution cannot stand in for a module of the standard library, of pytest or of the tests, and
        # not before pytest has looked for what it imports where there is such a module.
        sys.path += self.directories

    def pytest_collectreport(self, report):
        if report.failed:
            self.problem = "import"
            self.messages.append(("", str(report.longrepr)))

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition("::")[2]
        # The first phase that did not pass decides.
        if self.outcomes.get(name, PASSED) == PASSED:
            self.outcomes[name] = report.outcome
            if report.failed:
                self.messages.append((name, str(report.longrepr)))


def run(solution, tests):
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    sys.dont_write_bytecode = True
    if os.path.isdir(solution):  # there is none where nothing of a solution is left
        os.chdir(solution)
    options = ["--noconftest", "--import-mode=importlib", "--assert=plain", "-c", os.devnull]
    options += ["--rootdir", os.path.dirname(os.path.abspath(__file__))]
    for plugin in UNUSED_PLUGINS:
        options += ["-p", "no:" + plugin]
    collector = Collector([os.path.dirname(tests[0]), solution])
    pytest.main(options + tests, plugins=[collector])
    return collector


collector = run(sys.argv[1], sys.argv[2:])
REPORT.end(collector.outcomes.items(), collector.messages, collector.problem)
