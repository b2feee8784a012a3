"""Bounds that are raised when a run goes on."""

import pytest

from dgm.config import Budget, RunConfig, Search
from dgm.core.errors import ConfigError
from dgm.wiring.runs import with_bounds

CONFIG = RunConfig(
    children=3, budget=Budget(max_cost_usd=2.0, max_calls=9), search=Search(evaluations=10, merge_rate=0.5)
)


def test_bounds_that_are_not_given_stay() -> None:
    assert with_bounds(CONFIG, max_cost_usd=None, evaluations=None) is CONFIG


def test_bounds_that_are_given_take_the_place_of_the_old_ones_and_of_nothing_else() -> None:
    found = with_bounds(CONFIG, max_cost_usd=None, evaluations=20)
    assert found == CONFIG.model_copy(update={"search": Search(evaluations=20, merge_rate=0.5)})
    found = with_bounds(CONFIG, max_cost_usd=5.0, evaluations=None)
    assert found == CONFIG.model_copy(update={"budget": Budget(max_cost_usd=5.0, max_calls=9)})


def test_a_run_without_bounds_can_get_some() -> None:
    found = with_bounds(RunConfig(), max_cost_usd=5.0, evaluations=20)
    assert (found.budget.max_cost_usd, found.search.evaluations) == (5.0, 20)


def test_a_bound_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"search\.evaluations"):
        with_bounds(RunConfig(), max_cost_usd=None, evaluations=0)


def test_which_children_wait_may_be_said_anew() -> None:
    found = with_bounds(RunConfig(), max_cost_usd=None, evaluations=None, approve="first")
    assert found.oversight.approve == "first"
    assert found.model_copy(update={"oversight": RunConfig().oversight}) == RunConfig()
