"""What the reference's run of each exercise showed: the names of its tests, and which files they were.

`manifest.json` stands beside `benchmark.toml`; `scripts/make-manifest` writes it.

    {"go/ant": {"files": "<64 hexadecimal digits>", "tests": ["TestAnt", "TestAnt/empty"]}, ...}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree, tree_hash
from dgm.core.ids import TaskId

FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Expected:
    """What an exercise is known to be."""

    files: str
    """`content_hash` of all its files."""
    tests: frozenset[str]
    """Names of the tests that its reference passed; none where it has none, so that it only has to build."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    files: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tests: list[str]


_ENTRIES = TypeAdapter(dict[str, _Entry])


def content_hash(files: FileTree) -> str:
    """Return a hash of paths and contents. Modes are left out: not every way of copying a checkout keeps them."""
    return tree_hash({path: File(file.content) for path, file in files.items()})


def read_manifest(directory: Path) -> dict[TaskId, Expected]:
    """Return what is known of a benchmark's exercises, nothing where it has no manifest.

    Raises:
        MalformedContentError: the file is wrong.
    """
    path = directory / FILE
    if not path.is_file():
        return {}
    try:
        entries = _ENTRIES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise MalformedContentError(f"{path} cannot be read: {error}.") from error
    return {TaskId(task): Expected(entry.files, frozenset(entry.tests)) for task, entry in entries.items()}


def manifest_json(expected: Mapping[TaskId, Expected]) -> str:
    """Return the text of such a file, one line per exercise so that changes can be read."""
    lines = (
        f"{json.dumps(task)}: {json.dumps({'files': found.files, 'tests': sorted(found.tests)}, ensure_ascii=False)}"
        for task, found in sorted(expected.items())
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"
