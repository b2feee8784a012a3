"""What policies see of measurements: told by the database after a resume as it was told when they were made."""

from collections.abc import Generator
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dgm.archive import facts
from dgm.archive.run import RunArchive, open_run, read_run
from dgm.core.actions import Evaluate
from dgm.core.ids import TaskId
from dgm.core.outcomes import Usage, Verdict, measured
from tests.fakes.runs import TickingClock, grow, measure, new_run, outcome

PATCHES = st.lists(
    st.sampled_from(["\n", "+", "-", "\n+", "\n-", "\r\n", "\r", "\0", "\u2028", "ä", "🐢", "\ud800", "x"])
).map("".join)
TRIALS = count()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunArchive]:
    with new_run(tmp_path_factory.mktemp("measured") / "run") as archive:
        archive._facts.connection.execute("PRAGMA synchronous = OFF")  # pyright: ignore[reportPrivateUsage]
        yield archive


@given(
    patch=PATCHES | st.text(max_size=40),
    verdict=st.sampled_from(list(Verdict)),
    flags=st.lists(st.sampled_from(["It ended early.", ""]), max_size=2).map(tuple),
    usage=st.builds(Usage, st.just(1), st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 1e4)),
)
@example(patch="\0\n+", verdict=Verdict.RESOLVED, flags=(), usage=Usage())
@example(patch="--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n", verdict=Verdict.RESOLVED, flags=(), usage=Usage(cost_usd=1 / 3))
def test_the_database_sees_of_a_measurement_what_was_seen_of_its_outcome(
    run: RunArchive, patch: str, verdict: Verdict, flags: tuple[str, ...], usage: Usage
) -> None:
    trial = next(TRIALS)
    found = replace(outcome("task", verdict, trial=trial, flags=flags), patch=patch, usage=usage)
    root = run.seed_agent()
    run.add_outcome(run.decide(Evaluate(root, TaskId("task"), trial)).number, root, found)
    *_, last = run.measured()
    assert last == (root, measured(found))


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
def test_all_measurements_are_told_however_many_are_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(facts, "_MEASURED_AT_ONCE", at_once)
    with new_run(tmp_path_factory.mktemp("parts") / "run") as run:
        measure(run, run.seed_agent(), [Verdict.RESOLVED] * 3)
        assert [found.measurement[0] for _, found in run.measured()] == ["task-0", "task-1", "task-2"]


def test_the_writer_remembers_the_scores_that_a_reader_counts(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("scores") / "run"
    with new_run(directory, held_out={TaskId("task-2")}) as run:
        root, child = run.seed_agent(), grow(run, run.seed_agent(), {}).id
        measure(run, root, [Verdict.RESOLVED, Verdict.TIMED_OUT, Verdict.RESOLVED])
        flagged = outcome("odd", flags=("It ended early.",))
        run.add_outcome(run.decide(Evaluate(child, flagged.task, 0)).number, child, flagged)
        remembered = run.scores()
        with read_run(directory) as reader:
            assert reader.scores() == remembered
            assert list(reader.scores()) == list(remembered) == [root, child]
    with open_run(directory, clock=TickingClock()) as run:
        assert run.scores() == remembered
