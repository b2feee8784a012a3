"""JavaScript exercises whose tests hang on timers, graded in real containers."""

from collections.abc import Generator
from dataclasses import replace
from random import Random

import pytest

from dgm.benchmarks.grading import grade
from dgm.benchmarks.languages.javascript import JavaScriptLanguage
from dgm.core.files import File
from dgm.core.ids import SessionId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.docker_fixtures import docker_sandbox
from tests.escape.javascript_cheats import BENCHMARK, RIGHT, SOLUTION, TASK

pytestmark = pytest.mark.docker

LATE = """
const after = (ms, value) => new Promise((resolve) => { setTimeout(() => resolve(value), ms); });

test('leaves a timer behind', () => {
  after(20, 'slow');
  expect(typeof setTimeout).toBe('function');
});

test('the shortest is the first', () => {
  const first = Promise.race([after(20, 'slow'), after(0, 'fast')]);
  const end = Date.now() + 60;
  while (Date.now() < end);
  return expect(first).resolves.toEqual('fast');
});
"""


@pytest.fixture
def sandbox() -> Generator[DockerSandbox]:
    with docker_sandbox() as made:
        yield made


def test_timers_of_one_test_do_not_hurt_the_next_where_all_are_late(sandbox: DockerSandbox) -> None:
    language = JavaScriptLanguage()
    ensure_image(sandbox.engine, language.image, say=print)
    exercise = replace(
        BENCHMARK.exercise(TASK),
        tests={"ant-trail.spec.js": File(LATE.encode())},
        test_paths=("ant-trail.spec.js",),
        expected=frozenset({"leaves a timer behind", "the shortest is the first"}),
    )
    found = grade(
        exercise,
        {SOLUTION: File(RIGHT.encode())},
        language=language,
        sandbox=sandbox,
        session=SessionId("late.1.grading"),
        chance=Random(0),
    )
    assert found == Grade(resolved=True, summary="2 of 2 tests passed")
