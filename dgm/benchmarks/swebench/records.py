"""One instance of SWE-bench as a record of the 5.x format describes it.

Source: https://www.swebench.com and package swebench 5.0.2, whose `make_test_spec` reads the same records.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dgm.core.errors import MalformedContentError
from dgm.core.ids import TaskId

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$"
"""Of an instance: it is part of the names of files and containers."""
_NEW_FIELDS = ("image", "eval_script", "log_parser", "eval_type")
"""What the harness knew by heart before version 5 of the format."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One issue of a repository, and how a solution of it is judged."""

    id: TaskId
    """Such as "django__django-10973"."""
    repo: str
    """Such as "django/django"."""
    base_commit: str
    """40 hexadecimal digits."""
    image: str
    """Reference of its image."""
    problem_statement: str
    hints_text: str
    patch: str
    """The gold patch: a unified diff."""
    test_patch: str
    fail_to_pass: tuple[str, ...]
    """Tests that fail before the gold patch and pass after it."""
    pass_to_pass: tuple[str, ...]
    difficulty: str
    """Such as "15 min - 1 hour"; "" where the dataset does not say it."""
    created_at: str
    record: Mapping[str, Any] = field(repr=False, hash=False)
    """As it stands in the dataset, for the harness."""
    record_hash: str
    """64 hexadecimal digits."""


def _from_text(value: object) -> object:
    """Return the list that a text holds: published datasets write lists of tests as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("It is neither a list nor the JSON text of one") from error


def _from_nothing(value: object) -> object:
    return "" if value is None else value


_Text = Annotated[str, Field(min_length=1)]
_TextOrNone = Annotated[str, BeforeValidator(_from_nothing)]
_Tests = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_from_text)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    instance_id: Annotated[str, Field(pattern=ID)]
    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    base_commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9_.:/@-]{0,254}$")]
    problem_statement: _Text
    hints_text: _TextOrNone = ""
    patch: _Text
    test_patch: str
    FAIL_TO_PASS: Annotated[_Tests, Field(min_length=1)]
    PASS_TO_PASS: _Tests
    difficulty: _TextOrNone = ""
    created_at: _TextOrNone = ""
    version: str
    eval_script: _Text
    log_parser: _Text
    eval_type: _Text


def read_record(value: object, *, number: int, source: str) -> Instance:
    """Return the instance that a record describes.

    Args:
        value: the record as JSON gives it.
        number: of the record, from 1, for errors.
        source: where it stands, for errors.
    Raises:
        MalformedContentError: it is none of the 5.x format; the sentence names the instance and the field.
    """
    if not isinstance(value, dict):
        raise MalformedContentError(f"Record {number} of {source} is not an object with fields.")
    record = cast("dict[str, Any]", value)
    where = f"{_name(record) or f'Record {number}'} of {source}"
    if lacking := [name for name in _NEW_FIELDS if name not in record]:
        raise MalformedContentError(
            f"{where} has no {lacking[0]}, so it is not in the format of SWE-bench 5, whose records say how they are "
            "judged; take the dataset in its present form, such as SWE-bench/SWE-bench_Verified at Hugging Face."
        )
    try:
        found = _Record.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        # Without its cause, which would quote the record: somebody else's run can name any file of this machine.
        raise MalformedContentError(f"{where}: {first['loc'][0]} is wrong: {reason}.") from None
    return Instance(
        id=TaskId(found.instance_id),
        repo=found.repo,
        base_commit=found.base_commit,
        image=found.image,
        problem_statement=found.problem_statement,
        hints_text=found.hints_text,
        patch=found.patch,
        test_patch=found.test_patch,
        fail_to_pass=found.FAIL_TO_PASS,
        pass_to_pass=found.PASS_TO_PASS,
        difficulty=found.difficulty,
        created_at=found.created_at,
        record=record,
        record_hash=_hash(record),
    )


def records_hash(instances: Iterable[Instance]) -> str:
    """Return a hash of some instances' records, in whatever order they come; 64 hexadecimal digits."""
    return _hash(sorted((instance.id, instance.record_hash) for instance in instances))


def _name(record: Mapping[str, Any]) -> str:
    """Return the instance that a record names, "" where it names none."""
    name: object = record.get("instance_id")
    return f"Instance {name}" if isinstance(name, str) and re.fullmatch(ID, name) else ""


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
