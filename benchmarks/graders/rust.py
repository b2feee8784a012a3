"""Builds a Rust exercise with its tests inside a grading container, then runs the tests and prints what they did.

    python3 -I rust.py build NAME SOLUTION_DIRECTORY TESTS_DIRECTORY TEST_FILE...
    python3 -I rust.py run NAME TEST_FILE...

NAME is the exercise's, TEST_FILE a path such as tests/ant-trail.rs, which becomes a program of its own. The host wrote
the Cargo.toml: it names no build script and no plug-in, so nothing of the solution is executed by `build`; see report.py
for what is believed of it when it is.
"""

import glob
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from report import FAILED, MAX_OUTPUT_BYTES, PASSED, SKIPPED, Report, require_tool, run_child  # noqa: E402

del sys.path[0]
REPORT = Report()
TARGET = os.environ["CARGO_TARGET_DIR"] = os.path.abspath("target.of.cargo")
OUTCOMES = {"ok": PASSED, "failed": FAILED, "ignored": SKIPPED}
# One line per test, in a file: what the solution prints stands between a report's lines on the standard output.
LOGGED = re.compile(r"^(ok|failed|ignored)\S* (\S+)$", re.MULTILINE)
INCLUDES = re.compile(rb"\binclude_(str|bytes)\b")
ASSEMBLER = re.compile(rb"asm\b")
SECTION = re.compile(r"^---- (\S+) stdout ----$", re.MULTILINE)


def build(name, solution, tests, *files):
    for tool in ("cargo", "rustc", "cc"):
        require_tool([tool, "--version"])
    directory = os.path.abspath(name)
    shutil.copytree(solution, directory)
    sources = glob.glob(directory + "/src/**/*.rs", recursive=True)
    shutil.copytree(tests, directory, dirs_exist_ok=True)  # over the solution
    REPORT.ready()
    if takes_files(b"\n".join(open(path, "rb").read() for path in sources)):
        said = "include_str, include_bytes and assembler cannot be used: there is no file to include"
        REPORT.end(messages=[("", said)], problem="build")
    # The tests alone: neither what a solution has of its own nor examples in its comments.
    named = [argument for file in files for argument in ("--test", stem(file))]
    code, text = run_child(["cargo", "test", "--no-run", "--offline", *named], directory)
    if code != 0:
        REPORT.end(messages=[("", text)], problem="build")
    for file in files:
        os.rename(built(file), program(name, file))
        # As the host does with /task/tests. What a solution could read there is what its results are compared with.
        os.unlink(os.path.join(directory, file))
    REPORT.end()


def takes_files(source):
    """Return whether a solution could take the tests' sources into the program: assembler has `.incbin`."""
    return INCLUDES.search(source) or ASSEMBLER.search(source) and b"arch" in source


def built(file):
    paths = glob.glob(TARGET + "/debug/deps/" + stem(file).replace("-", "_") + "-*")
    return next(path for path in paths if not path.endswith(".d"))


def stem(file):
    return os.path.splitext(os.path.basename(file))[0]


def program(name, file):
    return os.path.abspath(name) + "." + stem(file) + ".program"


def run(name, *files):
    for file in files:
        if not os.access(program(name, file), os.X_OK):
            raise SystemExit(program(name, file) + " was not built")
    logs = tempfile.mkdtemp()
    REPORT.ready()
    outcomes, messages = [], []
    for file in files:
        log = os.path.join(logs, stem(file))
        code, text = run_tests(name, file, log)
        if code is None or os.path.exists(log) and os.path.getsize(log) > MAX_OUTPUT_BYTES:
            REPORT.end(problem="output")
        outcomes += read(log, stem(file))
        messages += said(text, stem(file), code)
    REPORT.end(outcomes, messages)


def run_tests(name, file, log):
    # In the package's directory and one after the other: some tests count what is allocated meanwhile.
    argv = [program(name, file), "--include-ignored", "--test-threads=1", "--logfile", log]
    return run_child(argv, os.path.abspath(name), {"CARGO_MANIFEST_DIR": os.path.abspath(name)})


def read(log, group):
    """Return (test, outcome) pairs; a test that is named again gets a number, so that the report names it twice."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_OUTPUT_BYTES)
    except OSError:
        return []  # the program ended before its tests began
    outcomes, times = [], {}
    for outcome, test in LOGGED.findall(text):
        times[test] = times.get(test, 0) + 1
        name = f"{group}::{test}"
        outcomes.append((name if times[test] == 1 else f"{name} #{times[test]}", OUTCOMES[outcome]))
    return outcomes


def said(text, group, code):
    """Return what failed tests printed, or the end of all that was printed where the program did not come to an end."""
    _, *sections = SECTION.split(text.rpartition("\nfailures:\n")[0])
    if not sections and code not in (0, 101):
        return [("", text)]
    return [(f"{group}::{test}", shown.strip()) for test, shown in zip(sections[::2], sections[1::2])]


{"build": build, "run": run}[sys.argv[1]](*sys.argv[2:])
