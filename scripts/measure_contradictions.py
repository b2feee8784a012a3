"""Prints how many tests have a contradiction that must fail, per language, as a Markdown table. Runs nothing."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random

from dgm.benchmarks.catalogue import exercises_named


def main() -> int:
    """Parse the arguments, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark")
    parser.add_argument("--checkout", type=Path, help="of the benchmark's repository; the usual place unless given")
    options = parser.parse_args()
    benchmark = exercises_named(options.benchmark, (), checkout=options.checkout)
    tests, contradicted = Counter[str](), Counter[str]()
    for task in benchmark.tasks():
        exercise, language = benchmark.exercise(task.id), benchmark.language(task.id)
        suite = language.suite(exercise, exercise.known.reference, chance=Random(f"contradictions:{task.id}"))
        tests[language.name] += len(suite.must_pass)
        contradicted[language.name] += len(suite.must_pass & set(suite.must_fail.values()))
    print("| language | tests | with a contradiction |\n|---|---|---|")
    for language, count in sorted(tests.items()):
        print(f"| {language} | {count} | {contradicted[language]} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
