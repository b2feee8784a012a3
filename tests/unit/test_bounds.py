"""Bounds that are said anew when a run goes on: they count from then on, and are facts of the run."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dgm.archive.run import locked_run, open_run, read_run
from dgm.config import Bounds, Budget, RunConfig, Search, with_bounds
from dgm.core.errors import ConfigError, CorruptArchiveError
from tests.fakes.runs import new_run

CONFIG = RunConfig(
    children=3, budget=Budget(max_cost_usd=2.0, max_calls=9), search=Search(evaluations=10, merge_rate=0.5)
)


def go_on(directory: Path, bounds: Bounds) -> None:
    with locked_run(directory) as archive:
        archive.start(children=3, bounds=bounds)


def test_bounds_that_are_not_given_stay() -> None:
    assert with_bounds(CONFIG, Bounds()) is CONFIG


def test_bounds_that_are_given_take_the_place_of_the_old_ones_and_of_nothing_else() -> None:
    found = with_bounds(CONFIG, Bounds(evaluations=20))
    assert found == CONFIG.model_copy(update={"search": Search(evaluations=20, merge_rate=0.5)})
    found = with_bounds(CONFIG, Bounds(max_cost_usd=5.0))
    assert found == CONFIG.model_copy(update={"budget": Budget(max_cost_usd=5.0, max_calls=9)})


def test_a_run_without_bounds_can_get_some() -> None:
    found = with_bounds(RunConfig(), Bounds(max_cost_usd=5.0, evaluations=20))
    assert (found.budget.max_cost_usd, found.search.evaluations) == (5.0, 20)


def test_a_bound_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"search\.evaluations"):
        with_bounds(RunConfig(), Bounds(evaluations=0))


def test_which_children_wait_may_be_said_anew() -> None:
    found = with_bounds(RunConfig(), Bounds(approve="first"))
    assert found.oversight.approve == "first"
    assert found.model_copy(update={"oversight": RunConfig().oversight}) == RunConfig()


def test_what_is_said_anew_is_recorded_and_holds_until_something_else_is_said(tmp_path: Path) -> None:
    new_run(tmp_path / "first").close()
    go_on(tmp_path / "first", Bounds(max_cost_usd=5.0))
    go_on(tmp_path / "first", Bounds(evaluations=40))
    open_run(tmp_path / "first").close()
    with read_run(tmp_path / "first") as run:
        config = run.config()
        assert (config.budget.max_cost_usd, config.search.evaluations) == (5.0, 40)
        assert run.made_with() == RunConfig()
        assert [said for _, said in run.bounds_since()] == [Bounds(5.0), Bounds(5.0, 40), Bounds(5.0, 40)]


def test_a_run_that_goes_on_as_before_has_no_bounds_recorded(tmp_path: Path) -> None:
    new_run(tmp_path / "first").close()
    open_run(tmp_path / "first").close()
    with read_run(tmp_path / "first") as run:
        assert (run.bounds(), run.bounds_since()) == (Bounds(), ())


def test_recorded_bounds_that_there_are_not_are_damage(tmp_path: Path) -> None:
    new_run(tmp_path / "first").close()
    with closing(sqlite3.connect(tmp_path / "first" / "archive.db")) as sql, sql:
        sql.execute("INSERT INTO bounds (start, evaluations) VALUES (1, 0)")
    with read_run(tmp_path / "first") as run, pytest.raises(CorruptArchiveError, match=r"search\.evaluations"):
        run.config()
