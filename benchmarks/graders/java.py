"""Builds a Java solution with its tests, or runs them, inside a grading container, and prints what they did.

    python3 -I java.py build|run SOLUTION_DIRECTORY TESTS_DIRECTORY BUILD_DIRECTORY

Both are done by the image's judge.jar, a Java process that shares itself with the solution when it runs tests. It ends
with a line that begins with a key, which it gets on its standard input: what a solution prints is not taken for that.
See report.py for what is believed of it.
"""

import json
import os
import secrets
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from report import MAX_OUTPUT_BYTES, Report  # noqa: E402

REPORT = Report()
LIBRARY = "/usr/local/lib"
READY = b"ready\n"
# The container has 2 GiB, of which files may take half. The serial collector is what one processor is for.
JAVA = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+DisableAttachMechanism", "-Xlog:disable"]
# The second compiler pays for itself with solutions that search for seconds, and never with javac.
JAVA_OPTIONS = {"compile": ["-XX:TieredStopAtLevel=1"], "run": []}


def judged(command, arguments, directory):
    """Run the judge, and say that it is ready as soon as it is.

    Returns (its report, None where there is none; whether it printed too much).
    """
    key = secrets.token_hex(16)
    archive = "-XX:SharedArchiveFile=" + LIBRARY + "/judge-" + command + ".jsa"
    child = subprocess.Popen(
        [*JAVA, *JAVA_OPTIONS[command], archive, "-jar", LIBRARY + "/judge.jar", command, *arguments],
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    child.stdin.write(key.encode())
    child.stdin.close()
    said = b""
    while not said.startswith(READY):
        piece = os.read(child.stdout.fileno(), 65_536)
        if not piece:
            raise SystemExit("java does not work: " + said.decode("utf-8", "replace"))
        said += piece
    REPORT.ready()
    output = bytearray(said)
    while len(output) <= MAX_OUTPUT_BYTES:
        piece = os.read(child.stdout.fileno(), 65_536)
        if not piece:
            child.wait()
            return found_report(bytes(output), key.encode()), False
        output += piece
    child.kill()
    child.wait()
    return None, True


def found_report(output, key):
    """Return the document after the key, None where there is none or it is broken."""
    for line in output.split(b"\n"):
        if line.startswith(key + b" "):
            try:
                return json.loads(line[len(key) :].decode())
            except ValueError:
                return None
    return None


def build(solution, tests, directory):
    os.makedirs(directory)
    sources = [solution + "/src/main/java", tests + "/src/test/java"]
    report, _ = judged("compile", [directory + "/classes", *sources], directory)
    if report is None:
        REPORT.end(problem="build", messages=[("", "the compiler ended without a word")])
    if not report["built"]:
        said = report["said"].replace(sources[0], "src/main/java").replace(sources[1], "src/test/java")
        REPORT.end(problem="build", messages=[("", said)])
    REPORT.end()


def run(directory):
    report, too_much = judged("run", [directory + "/classes"], directory)
    if too_much:
        REPORT.end(problem="output")
    if report is None:
        report = {"outcomes": [], "messages": []}  # it ended while tests ran
    REPORT.end(report["outcomes"], report["messages"])


step, solution, tests, directory = sys.argv[1:]
if step == "build":
    build(solution, tests, directory)
else:
    run(directory)
