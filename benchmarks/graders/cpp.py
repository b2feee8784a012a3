"""Builds a C++ exercise with its own CMakeLists.txt, and runs its Catch tests, inside a grading container.

    python3 -I cpp.py build NAME SOLUTION_DIRECTORY TESTS_DIRECTORY HEADER...
    python3 -I cpp.py run NAME

NAME is the exercise's, HEADER a file of the solution that CMakeLists.txt names and that may have been deleted. Nothing of
the solution is executed by `build`, which leaves the program alone; see report.py for what is believed of it when it is.
"""

import os
import shutil
import sys
import tempfile
from xml.etree import ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from report import FAILED, MAX_OUTPUT_BYTES, PASSED, SKIPPED, Report, require_tool, run_child  # noqa: E402

del sys.path[0]
REPORT = Report()
OPTIONS = ["-DEXERCISM_RUN_ALL_TESTS=1", "-DEXERCISM_TEST_SUITE=1", "-Wno-dev", "-G", "Unix Makefiles"]


def build(name, solution, tests, *headers):
    require_tool(["make", "--version"])
    source, made = os.path.abspath(name), os.path.abspath(name) + ".build"
    shutil.copytree(solution, source)
    shutil.copytree(tests, source, dirs_exist_ok=True)  # over the solution
    configure(source, made, [os.path.join(source, header) for header in headers])
    REPORT.ready()
    # Only the program: the target of all would run the tests too.
    code, text = run_child(["make", name], made)
    if code == 0:
        keep_program(name, source, made)
        REPORT.end()
    REPORT.end(messages=[("", text)], problem="build")


def keep_program(name, source, made):
    """Remove what the program was made of, which its tests can be read in."""
    for place in (source, made):
        os.rename(place, place + ".gone")
        os.mkdir(place)
    program = os.path.join(made + ".gone", name)
    if os.path.lexists(program):
        os.rename(program, os.path.join(made, name))
    for place in (source, made):
        shutil.rmtree(place + ".gone", ignore_errors=True)


def configure(source, made, headers):
    """Run cmake, which looks for the headers but not into them, so that what fails here is not the solution's doing."""
    missing = [header for header in headers if not os.path.exists(header)]
    for header in missing:
        open(header, "x").close()
    code, text = run_child(["cmake", *OPTIONS, "-S", source, "-B", made], source)
    if code != 0:
        raise SystemExit(f"cmake failed: {text}")
    for header in missing:
        os.unlink(header)


def run(name):
    program = os.path.join(os.path.abspath(name) + ".build", name)
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program} was not built")
    # In a file: what the solution prints stands between a report's lines on the standard output.
    path = os.path.join(tempfile.mkdtemp(), "report.xml")
    REPORT.ready()
    code, _ = run_child([program, "--reporter", "xml", "--out", path, "--order", "decl"], os.path.abspath(name))
    if code is None or os.path.exists(path) and os.path.getsize(path) > MAX_OUTPUT_BYTES:
        REPORT.end(problem="output")
    REPORT.end(*read(path))


def read(path):
    """Return (outcomes, messages) as far as the report goes; what is missing at its end is no test's success."""
    outcomes, messages = [], []
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == "TestCase":
                name, result = element.get("name", ""), element.find("OverallResult")
                outcome = outcome_of(result)
                outcomes.append((name, outcome))
                if outcome == FAILED:
                    messages.append((name, "\n".join(said(element))))
    except (OSError, ElementTree.ParseError):
        pass
    return outcomes, messages


def outcome_of(result):
    if result is None or result.get("success") != "true":
        return FAILED
    return PASSED if result.get("skips", "0") == "0" else SKIPPED


def said(test):
    """Yield what a failed test says of itself, in the words of Catch's console reporter."""
    for element in test.iter():
        if element.tag == "Expression":
            yield f"line {element.get('line')}: {element.get('type')}( {text_of(element.find('Original'))} )"
            yield f"    with expansion: {text_of(element.find('Expanded'))}"
        elif element.tag in ("Exception", "FatalErrorCondition", "Failure", "Info"):
            yield f"{element.tag}: {text_of(element)}"


def text_of(element):
    return "" if element is None else (element.text or "").strip()


{"build": build, "run": run}[sys.argv[1]](*sys.argv[2:])
