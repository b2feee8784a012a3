"""Records of SWE-bench: read strictly, from a local file or from what the official package loads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.swebench.datasets import absolute_dataset, dataset_instances, fetch_dataset, is_at_hand
from dgm.benchmarks.swebench.records import read_record, records_hash
from dgm.config import SweBench
from dgm.core.errors import ConfigError, FetchError, MalformedContentError, UsageError
from tests.fakes.records import record, write_records

SAMPLE = Path(__file__).parents[3] / "shared" / "spec" / "swebench" / "verified_sample.jsonl"
PRIVATE = "nobodys-business"


def read(value: object) -> Any:
    return read_record(value, number=3, source="pond.jsonl")


# --- one record --------------------------------------------------------------------------------------------------


def test_a_record_is_read_with_all_that_is_needed() -> None:
    instance = read(record())
    assert (instance.id, instance.repo, instance.image) == ("pond__pond-1", "pond/pond", "example/pond__pond-1:1")
    assert instance.fail_to_pass == ("test_depth (tests.test_pond.PondTest.test_depth)",)
    assert instance.record == record()


def test_tests_are_a_list_or_the_text_of_one() -> None:
    instance = read(record() | {"FAIL_TO_PASS": ["a", "b"], "PASS_TO_PASS": '["c"]'})
    assert (instance.fail_to_pass, instance.pass_to_pass) == (("a", "b"), ("c",))


def test_what_a_dataset_leaves_open_is_empty() -> None:
    instance = read(record(hints_text=None, difficulty=None, created_at=None) | {"more": 1})
    assert (instance.hints_text, instance.difficulty, instance.created_at) == ("", "", "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"base_commit": "main"}, "Instance pond__pond-1 of pond.jsonl: base_commit is wrong"),
        ({"base_commit": None}, "base_commit is wrong"),
        ({"repo": "pond"}, "repo is wrong"),
        ({"image": "--privileged"}, "image is wrong"),
        ({"image": "a b"}, "image is wrong"),
        ({"FAIL_TO_PASS": "test_a"}, "FAIL_TO_PASS is wrong: It is neither a list nor the JSON text of one"),
        ({"FAIL_TO_PASS": "{}"}, "FAIL_TO_PASS is wrong"),
        ({"FAIL_TO_PASS": []}, "FAIL_TO_PASS is wrong"),
        ({"FAIL_TO_PASS": [1]}, "FAIL_TO_PASS is wrong"),
        ({"problem_statement": ""}, "problem_statement is wrong"),
        ({"problem_statement": "\ud800"}, "problem_statement is wrong"),
        ({"eval_script": 3}, "eval_script is wrong"),
        ({"instance_id": "../pond"}, "Record 3 of pond.jsonl: instance_id is wrong"),
        ({"instance_id": "pond\n"}, "Record 3 of pond.jsonl: instance_id is wrong"),
        ({"instance_id": ["pond"]}, "Record 3 of pond.jsonl: instance_id is wrong"),
    ],
)
def test_a_wrong_field_is_one_sentence_that_names_it(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(MalformedContentError) as caught:
        read(record(**changes))
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["image", "eval_script", "log_parser", "eval_type"])
def test_the_format_before_version_5_is_refused_with_what_to_do(field: str) -> None:
    old = {name: value for name, value in record().items() if name != field}
    with pytest.raises(MalformedContentError, match=rf"Instance pond__pond-1 of pond.jsonl has no {field}.*take the"):
        read(old)


@pytest.mark.parametrize("value", [None, 3, "x", [record()]])
def test_what_is_no_record_is_refused(value: object) -> None:
    with pytest.raises(MalformedContentError, match=r"Record 3 of pond\.jsonl is not an object"):
        read(value)


def test_the_hash_of_records_tells_any_change_and_no_order() -> None:
    one, two = read(record()), read(record("pond__pond-2"))
    assert records_hash([one, two]) == records_hash([two, one])
    assert records_hash([one]) != records_hash([read(record(eval_script="true"))])
    assert records_hash([one]) != records_hash([one, two])


# --- files -------------------------------------------------------------------------------------------------------


def not_found(_: str) -> None:
    """Find no module."""


def ids(dataset: object) -> list[str]:
    return [instance.id for instance in dataset_instances(SweBench(dataset=str(dataset)))]


def test_instances_are_read_from_json_lines_and_from_a_list(tmp_path: Path) -> None:
    records = [record("pond__pond-1", problem_statement="a\u2028b\x0bc"), record("pond__pond-2")]
    lines = write_records(tmp_path / "pond.jsonl", records)
    (tmp_path / "pond.json").write_text(json.dumps(records))
    assert ids(lines) == ids(tmp_path / "pond.json") == ["pond__pond-1", "pond__pond-2"]


def test_a_line_ends_where_json_lines_end_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "pond.jsonl").write_text(
        json.dumps(record(problem_statement="a\u2028b"), ensure_ascii=False) + "\n\n", "utf-8"
    )
    assert ids(tmp_path / "pond.jsonl") == ["pond__pond-1"]


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    write_records(tmp_path / "pond.jsonl", [record()])
    assert len(ids(tmp_path / "pond.jsonl")) == 1
    write_records(tmp_path / "pond.jsonl", [record(), record("pond__pond-2")])
    assert len(ids(tmp_path / "pond.jsonl")) == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("pond.jsonl", f"{PRIVATE}\n", "line 1 is not JSON"),
        ("pond.jsonl", f'{json.dumps(record())}\n{{"{PRIVATE}', "line 2 is not JSON"),
        ("pond.jsonl", f'"{PRIVATE}"', "Record 1 of"),
        ("pond.jsonl", f'{{"{PRIVATE}": 1}}', "Record 1 of"),
        ("pond.jsonl", "", "holds no instance"),
        ("pond.json", "[" * 100_000, "is not JSON"),
        ("pond.json", f'{{"{PRIVATE}": []}}', "is not a list of instances"),
        ("pond.json", f"[\x00{PRIVATE}]", "is not JSON"),
    ],
)
def test_of_a_file_that_holds_no_instances_nothing_is_told(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MalformedContentError) as caught:
        ids(tmp_path / name)
    assert says in str(caught.value)
    assert PRIVATE not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_two_instances_of_one_name_are_refused_also_where_only_their_case_differs(tmp_path: Path) -> None:
    with pytest.raises(MalformedContentError, match="instance Pond__pond-1 twice"):
        ids(write_records(tmp_path / "pond.jsonl", [record(), record("Pond__pond-1")]))


@pytest.mark.parametrize("name", ["none.jsonl", "directory.json", "pipe.jsonl", "~nobody-of-this-name/x.json"])
def test_what_is_no_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "directory.json").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(ConfigError, match=name):
        ids(name)


@pytest.mark.parametrize("name", ["", "a/b/c", "/etc/passwd", "../x", "a b", "https://example.org/x", "-x"])
def test_what_is_neither_a_file_nor_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no dataset: say a name at Hugging Face"):
        ids(name)


def test_a_dataset_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_records(tmp_path / "pond.jsonl", [record()])
    monkeypatch.setattr("dgm.benchmarks.swebench.datasets.MAX_BYTES", 100)
    with pytest.raises(MalformedContentError, match="holds more than 0 MB of records"):
        ids(name)


def test_a_file_is_named_for_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute_dataset("pond.jsonl") == str(tmp_path / "pond.jsonl")
    assert absolute_dataset("~/pond.json") == str(tmp_path / "home" / "pond.json")
    assert absolute_dataset("pond/pond") == "pond/pond"


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"{SAMPLE} is not there")
def test_published_records_are_read() -> None:
    instances = dataset_instances(SweBench(dataset=str(SAMPLE)))
    assert len(instances) == 30
    assert {instance.repo for instance in instances} == {"django/django", "sphinx-doc/sphinx"}
    assert all(instance.fail_to_pass for instance in instances)


# --- what the official package loads -----------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of what is kept, which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dgm" / "swebench" / "datasets"


Calls = list[dict[str, Any]]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Callable[..., Calls]:  # noqa: ARG001
    """Return what makes the loading process write some lines and end, without the package."""

    def with_lines(*lines: str, stderr: str = "", code: int = 0) -> Calls:
        calls: Calls = []

        def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
            calls.append({"argv": argv, **options})
            Path(argv[-1]).write_text("".join(f"{line}\n" for line in lines))
            return subprocess.CompletedProcess(argv, code, b"", stderr.encode())

        monkeypatch.setattr("dgm.benchmarks.swebench.datasets.subprocess.run", run)
        return calls

    return with_lines


def test_a_dataset_is_fetched_once_and_then_read_without_the_package(
    loaded: Callable[..., Calls], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = loaded(json.dumps(record()))
    assert not is_at_hand(SweBench(dataset="pond/pond"))
    assert ids("pond/pond") == ["pond__pond-1"]
    monkeypatch.setattr("dgm.benchmarks.swebench.extra.find_spec", not_found)
    assert ids("pond/pond") == ["pond__pond-1"]
    assert len(calls) == 1
    assert [path.name for path in cache.iterdir()] == ["pond__pond@test.jsonl"]


def test_the_loading_process_gets_no_key_and_no_settings_of_the_user(
    loaded: Callable[..., Calls], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "PYTHONPATH", "NETRC"):
        monkeypatch.setenv(name, PRIVATE)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    calls = loaded(json.dumps(record()))
    ids("pond/pond")
    (call,) = calls
    assert PRIVATE not in call["env"].values()
    assert call["env"]["PYTHON_DOTENV_DISABLED"] == "1"
    assert call["env"]["HTTPS_PROXY"] == "http://proxy:1"
    assert call["env"]["HOME"] == str(call["cwd"])


def test_what_cannot_be_fetched_is_one_sentence_that_says_how_to_go_on(
    loaded: Callable[..., Calls], cache: Path
) -> None:
    loaded(stderr="Traceback\nConnectionError: Couldn't reach it\x1b[31m.\n", code=1)
    with pytest.raises(FetchError, match=r"Couldn't reach it; without a network, name a local .* --swebench-dataset"):
        ids("pond/pond")
    assert list(cache.iterdir()) == []


def test_a_dataset_of_the_old_format_is_not_kept(loaded: Callable[..., Calls], cache: Path) -> None:
    loaded(json.dumps({"instance_id": "pond__pond-1"}))
    with pytest.raises(MalformedContentError, match="not in the format of SWE-bench 5"):
        ids("pond/pond")
    assert list(cache.iterdir()) == []


def test_what_a_killed_fetch_left_is_removed_by_the_next(loaded: Callable[..., Calls], cache: Path) -> None:
    (cache / "dgm-loading-999999999-x" / "home").mkdir(parents=True)  # no process has this number
    loaded(json.dumps(record()))
    ids("pond/pond")
    assert [path.name for path in cache.iterdir()] == ["pond__pond@test.jsonl"]


def test_fetching_takes_the_place_of_what_was_kept(loaded: Callable[..., Calls]) -> None:
    loaded(json.dumps(record()))
    ids("pond/pond")
    loaded(json.dumps(record()), json.dumps(record("pond__pond-2")))
    said: list[str] = []
    place = fetch_dataset(SweBench(dataset="pond/pond"), said.append)
    assert ids("pond/pond") == ["pond__pond-1", "pond__pond-2"]
    assert said == ["Fetching pond/pond, split test.", f"{place} holds 2 instances."]


def test_a_local_file_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is nothing to fetch"):
        fetch_dataset(SweBench(dataset=write_records(tmp_path / "pond.jsonl", [record()])), print)


def test_without_the_package_a_sentence_names_the_command(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm.benchmarks.swebench.extra.find_spec", not_found)
    with pytest.raises(UsageError, match=r"pip install 'dgm\[swebench\]'.*scripts/environment swebench"):
        ids("pond/pond")
    assert not cache.exists()


@pytest.mark.slow
def test_the_package_reads_parquet_in_a_process_of_its_own(tmp_path: Path, cache: Path) -> None:
    parquet = tmp_path / "pond.parquet"
    script = (
        "import json, sys, pyarrow, pyarrow.parquet as parquet;"
        "parquet.write_table(pyarrow.Table.from_pylist([json.loads(sys.argv[2])]), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", script, str(parquet), json.dumps(record())], check=True)
    assert dict(dataset_instances(SweBench(dataset=str(parquet)))[0].record) == record()
    assert [path.suffix for path in cache.iterdir()] == [".jsonl"]


@pytest.mark.slow
def test_a_parquet_file_that_is_none_is_one_sentence(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "pond.parquet").write_text(PRIVATE)
    with pytest.raises(MalformedContentError, match="could not be read as a dataset of SWE-bench"):
        ids(tmp_path / "pond.parquet")
    assert list(cache.iterdir()) == []
