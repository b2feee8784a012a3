"""The instances of SWE-bench of our own are as published ones are, and the same on every machine."""

import pytest

from dgm.benchmarks.swebench.records import read_record
from dgm.core.hunks import patched_paths
from tests.fakes.histories import LATER_WORD
from tests.fakes.instances import SyntheticInstance, instances, sound_instances


@pytest.fixture(params=instances(), ids=lambda instance: instance.id)
def instance(request: pytest.FixtureRequest) -> SyntheticInstance:
    return request.param


def test_the_record_is_one_of_the_published_format(instance: SyntheticInstance) -> None:
    found = read_record(instance.record(), number=1, source="here")
    assert (found.id, found.repo, found.image) == (instance.id, instance.repo, instance.image)
    assert found.fail_to_pass
    assert found.pass_to_pass


def test_the_patches_change_the_files_that_they_are_made_of(instance: SyntheticInstance) -> None:
    record = instance.record()
    assert patched_paths(record["patch"]) == tuple(sorted(instance.gold))
    assert patched_paths(record["test_patch"]) == tuple(sorted(instance.tests))


def test_no_record_tells_of_the_later_history(instance: SyntheticInstance) -> None:
    assert LATER_WORD not in "".join(instance.record().values())


def test_base_commits_are_the_same_on_every_machine() -> None:
    commits = {instance.repo: instance.record()["base_commit"] for instance in sound_instances()}
    assert commits == {
        "longbarn/almanac": "c2e53130f617d6a834c0c0d510e7adacf2c781a5",
        "pebbleworks/tally": "b42325bbdedd78e2d3a5cc2aa80003a2b26dd241",
        "reedmill/slugs": "0111ca24247bcb55d79e21906389de31d5b08fe8",
        "slowmill/sieve": "db434301fd09a625e2c8a14aadd1e318597377e5",
    }


def test_some_are_sound_and_some_are_broken() -> None:
    assert len(sound_instances()) == 5
    assert len(instances()) == 8
