"""Which instances are meant by what users say, and in which stages they are measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.definition import Definition
from dgm.benchmarks.swebench.datasets import dataset_instances
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.benchmarks.swebench.selection import Choice, choice_of
from dgm.config import SweBench
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage
from tests.fakes.records import record

OWN = "pond/ponds"
SMALL = (TaskId("pond__pond-1"), TaskId("pond__pond-2"))
MEDIUM = (TaskId("lake__lake-3"),)
DEFINITION = Definition(
    Path("waters"),
    "waters",
    "python",
    (Stage(SMALL, 0.0), Stage(MEDIUM, 0.4)),
    dataset=OWN,
    stage_names=("small", "medium"),
)
SAMPLE = Path(__file__).parents[3] / "shared" / "spec" / "swebench" / "verified_sample.jsonl"


def instance(name: str, **changes: Any) -> Instance:
    return read_record(record(name, **changes), number=1, source=OWN)


ALL = [
    instance("lake__lake-3", difficulty="1-4 hours"),
    instance("pond__pond-1"),
    instance("pond__pond-2"),
    instance("sea__sea-4", difficulty=""),
    instance("pond__pond-5"),
]


def own() -> Choice:
    return choice_of(DEFINITION, OWN, ALL)


def chosen(*patterns: str) -> list[str]:
    return [task for stage in own().chosen(patterns) for task in stage.tasks]


# --- stages ------------------------------------------------------------------------------------------------------


def test_the_papers_stages_are_measured_unless_a_user_says_otherwise() -> None:
    assert own().chosen(()) == DEFINITION.stages


def test_what_stands_in_no_stage_makes_up_another_one() -> None:
    assert own().chosen(["*"]) == (*DEFINITION.stages, Stage((TaskId("sea__sea-4"), TaskId("pond__pond-5")), 0.4))


def test_stages_need_no_dataset() -> None:
    choice = choice_of(DEFINITION, OWN, ())
    assert choice.chosen(()) == DEFINITION.stages
    assert choice.chosen(["small"]) == choice.chosen(["stage:1"]) == DEFINITION.stages[:1]
    assert choice.chosen(["pond__pond-2"]) == (Stage(SMALL[1:], 0.0),)


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        ("small", False),
        ("stage:1", False),
        ("stage:9", False),
        (" pond__pond-1", False),
        ("pond__*", True),
        ("pond__pond-5", True),
        ("repo:pond/pond", True),
        ("difficulty:1-4 hours", True),
    ],
)
def test_whether_it_takes_the_dataset_to_know_what_is_meant(pattern: str, needs: bool) -> None:
    assert choice_of(DEFINITION, OWN, ()).needs_instances([pattern]) == needs


def test_another_dataset_has_one_stage() -> None:
    others = [instance("sea__sea-4"), instance("sea__sea-5")]
    assert choice_of(DEFINITION, "x.jsonl", others).stages == (
        Stage((TaskId("sea__sea-4"), TaskId("sea__sea-5")), 0.0),
    )
    some = choice_of(DEFINITION, "x.jsonl", [*others, ALL[1]])
    assert [len(stage.tasks) for stage in some.stages] == [3]
    assert some.chosen(["small"]) == (Stage((TaskId("pond__pond-1"),), 0.0),)


def test_a_file_of_nothing_else_has_the_papers_stages_as_far_as_it_goes() -> None:
    assert choice_of(DEFINITION, "x.jsonl", ALL[:2]).stages == (Stage(SMALL[:1], 0.0), Stage(MEDIUM, 0.4))


def test_a_file_that_holds_all_of_them_has_the_papers_stages() -> None:
    assert choice_of(DEFINITION, "x.jsonl", ALL).stages == DEFINITION.stages


def test_some_of_a_stage_for_the_best_are_for_them_too() -> None:
    definition = replace(DEFINITION, stages=(DEFINITION.stages[0], Stage(MEDIUM, 0.4, top=2)))
    for choice in (choice_of(definition, OWN, ALL), choice_of(definition, "x.jsonl", ALL[:2])):
        assert choice.chosen(["pond__pond-1", *MEDIUM])[1] == Stage(MEDIUM, 0.4, top=2)


def test_the_papers_own_dataset_must_not_lack_one() -> None:
    with pytest.raises(ConfigError, match="pond/ponds has no instance pond__pond-2"):
        choice_of(DEFINITION, OWN, [ALL[0], ALL[1], ALL[3]])


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("pond__pond-5", ["pond__pond-5"]),
        ("pond__*", ["pond__pond-1", "pond__pond-2", "pond__pond-5"]),
        ("medium", ["lake__lake-3"]),
        ("stage:2", ["lake__lake-3"]),
        ("repo:pond/pond", ["pond__pond-1", "pond__pond-2", "pond__pond-5"]),
        ("repo:*/[ls]*", ["lake__lake-3", "sea__sea-4"]),
        ("difficulty:1-4 hours", ["lake__lake-3"]),
        ("difficulty:<15*", ["pond__pond-1", "pond__pond-2", "pond__pond-5"]),
        (" repo:sea/sea ", ["sea__sea-4"]),
    ],
)
def test_instances_are_chosen_by_id_stage_repository_and_difficulty(pattern: str, found: list[str]) -> None:
    assert chosen(pattern) == found


def test_several_patterns_give_what_any_of_them_fits_in_the_order_of_the_stages() -> None:
    assert chosen("sea__sea-4", "medium", "pond__pond-2") == ["pond__pond-2", "lake__lake-3", "sea__sea-4"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("river__river-1", "There is no instance 'river__river-1' in pond/ponds"),
        ("", "There is no instance ''"),
        ("big", "There is no instance 'big'"),
        ("stage:3", "There is no stage:3 in pond/ponds: it has 2 stages"),
        ("repo:river/*", "has repo 'river/*'; there is lake/lake, pond/pond, sea/sea"),
        ("difficulty:hard", "has difficulty 'hard'; there is 1-4 hours, <15 min fix"),
    ],
)
def test_what_fits_nothing_is_told_with_what_there_is(pattern: str, says: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        chosen("medium", pattern)
    assert says in str(caught.value)


def test_a_word_for_a_stage_that_a_dataset_has_nothing_of_is_explained() -> None:
    with pytest.raises(UnknownNameError, match="none of the instances that 'small' stands for"):
        choice_of(DEFINITION, "x.jsonl", ALL[3:]).chosen(["small"])


# --- the paper's subsets -----------------------------------------------------------------------------------------


def test_the_papers_subsets_hold_10_50_and_140_instances() -> None:
    definition = definition_named("swebench")
    assert [
        (name, len(stage.tasks)) for name, stage in zip(definition.stage_names, definition.stages, strict=True)
    ] == [
        ("small", 10),
        ("medium", 50),
        ("big", 140),
    ]
    assert len(set(definition.tasks)) == 200
    assert {definition.group_of(task) for task in definition.stages[0].tasks} == {"django/django"}


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"{SAMPLE} is not there")
def test_words_choose_among_published_records() -> None:
    instances = dataset_instances(SweBench(dataset=str(SAMPLE)))
    choice = choice_of(definition_named("swebench"), str(SAMPLE), instances)
    assert [len(stage.tasks) for stage in choice.stages] == [10, 20]
    assert choice.chosen(["small"])[0].tasks == definition_named("swebench").stages[0].tasks
    assert sum(len(stage.tasks) for stage in choice.chosen(["difficulty:1-4 hours"])) == 2
    assert sum(len(stage.tasks) for stage in choice.chosen(["repo:sphinx-doc/*"])) == 9
