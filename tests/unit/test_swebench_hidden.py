"""What is hidden of an instance (its tests, its gold patch, its hints) reaches no agent and no model.

The records of SWE-bench do not come with dgm: the test on them runs where they lie beside the checkout.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.benchmarks.swebench.tasks import known_task_of
from dgm.core.actions import Evaluate, Expand
from dgm.core.files import File
from dgm.core.ports import Attempt, Execution
from dgm.evolution.bench import Job
from dgm.evolution.evaluation import evaluate
from dgm.evolution.step import expand
from tests.fakes.bench import AGENT, CODE, Fakes
from tests.fakes.benchmark import FakeBenchmark
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.sandbox import Call, FakeContainer, ran

RECORDS = Path(__file__).parents[3] / "shared/spec/swebench/verified_sample.jsonl"
SHORTEST = 16
"""Characters of a line that is looked for: shorter ones stand in any program."""

ANSWER = json.dumps(
    {
        "log_summarization": "It changed something.",
        "potential_improvements": [],
        "improvement_proposal": "Look twice.",
        "implementation_suggestion": "Look again.",
        "problem_description": "It looks once.",
    }
)
MADE_UP = {
    "instance_id": "owls__owl-7",
    "repo": "owls/owl",
    "base_commit": "7" * 40,
    "image": "owls/owl:7",
    "problem_statement": "Owls hoot once too often.\n\n    >>> hoots(3)\n    4\n",
    "hints_text": "The loop in hoots() includes its end.",
    "patch": (
        "diff --git a/owl.py b/owl.py\n--- a/owl.py\n+++ b/owl.py\n@@ -1,2 +1,2 @@\n def hoots(count):\n"
        "-    return sum(1 for _ in range(count + 1))\n+    return len(range(count))  # as many as asked for\n"
    ),
    "test_patch": (
        "diff --git a/tests/test_owl.py b/tests/test_owl.py\n--- a/tests/test_owl.py\n+++ b/tests/test_owl.py\n"
        "@@ -1 +1,2 @@\n import owl\n+def test_hoots_as_often_as_asked(): assert owl.hoots(3) == 3\n"
    ),
    "FAIL_TO_PASS": ["tests/test_owl.py::test_hoots_as_often_as_asked"],
    "PASS_TO_PASS": ["tests/test_owl.py::test_is_awake_at_night"],
    "version": "1.0",
    "eval_script": "#!/bin/bash\npytest -rA tests/test_owl.py\n",
    "log_parser": "parse_log_pytest",
    "eval_type": "pass_and_fail",
}


def changing(container: FakeContainer, call: Call) -> Execution:
    container.files[f"{call.directory}/changed.py"] = File(b"CHANGED = 1\n")
    return ran()


def told_of(instance: Instance, *, hints: bool = False) -> str:
    """Return all that an agent finds and a model is asked when an instance is worked on and then diagnosed."""
    known = known_task_of(instance, hints=hints)
    benchmark = FakeBenchmark(known=[known], flags=tuple(f"{test} did not run." for test in instance.fail_to_pass))
    fakes = Fakes(agent=changing, benchmark=benchmark, models=FakeModelAccess((ANSWER,)))
    fakes.sandbox.repositories = {instance.image: {"README": File(b"A repository.\n")}}
    measure, step = Evaluate(AGENT, known.task.id, 0), Expand(AGENT, step=1)
    outcome = evaluate(Job(measure, Attempt(1, 1), CODE), measure, fakes.bench)
    expand(Job(step, Attempt(2, 1), CODE, outcomes=(outcome,)), step, fakes.bench)
    assert (len(outcome.flags), len(fakes.models.prompts)) == (len(instance.fail_to_pass), 1)
    contents = [file.content.decode() for place in fakes.sandbox.containers for file in place.files.values()]
    names = [name for place in fakes.sandbox.containers for name in place.files]
    environments = [str(call.environment) for place in fakes.sandbox.containers for call in place.calls]
    return "\n".join([*contents, *names, *environments, *fakes.models.prompts])


def secrets_of(instance: Instance) -> set[str]:
    """Return texts that stand in what is hidden of an instance and not in what everybody sees of its issue."""
    added = [
        line[1:].strip()
        for patch in (instance.patch, instance.test_patch)
        for line in patch.splitlines()
        if line.startswith("+") and not line.startswith("+++")
    ]
    script = (line.strip() for line in str(instance.record["eval_script"]).splitlines())
    hints = (line.strip() for line in instance.hints_text.splitlines())
    return set(_long([*added, *script, *hints, *instance.fail_to_pass, *instance.pass_to_pass], instance))


def _long(texts: Iterable[str], instance: Instance) -> Iterable[str]:
    return (text for text in texts if len(text) >= SHORTEST and text not in instance.problem_statement)


def test_nothing_hidden_of_an_instance_is_told() -> None:
    instance = read_record(MADE_UP, number=1, source="here")
    told = told_of(instance)
    secrets = secrets_of(instance)
    assert instance.problem_statement.strip() in told
    assert "return len(range(count))  # as many as asked for" in secrets
    assert {secret for secret in secrets if secret in told} == set()
    assert "test_owl" not in told


def test_hints_are_told_where_they_are_asked_for() -> None:
    instance = read_record(MADE_UP, number=1, source="here")
    assert instance.hints_text in told_of(instance, hints=True)


def test_what_was_not_counted_is_diagnosed_as_that_and_its_flags_are_not_shown() -> None:
    told = told_of(read_record(MADE_UP, number=1, source="here"))
    assert "not counted, since its tests did not run as they should" in told
    assert "did not run." not in told


@pytest.mark.skipif(not RECORDS.exists(), reason="the records of SWE-bench are not here")
def test_nothing_hidden_of_real_instances_is_told() -> None:
    for number, line in enumerate(RECORDS.read_text("utf-8").splitlines(), start=1):
        instance = read_record(json.loads(line), number=number, source=RECORDS.name)
        told = told_of(instance)
        assert instance.problem_statement.strip() in told
        assert {secret for secret in secrets_of(instance) if secret in told} == set(), instance.id
