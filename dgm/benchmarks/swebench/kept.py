"""Gradings as they were kept beside a run, read within bounds: those of a published run may hold anything."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dgm.benchmarks.swebench.harness import OfficialReport
from dgm.boundary.packed import DamagedError, gzip_members, opened_file
from dgm.boundary.text import safe_line
from dgm.core.errors import CorruptArchiveError

MAX_BYTES = 128 * 2**20
"""Unpacked; the writer stays far below."""
KEPT_SUFFIX = ".json.gz"


class KeptGrading(BaseModel):
    """What is left of one grading."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    summary: str = ""
    patch: str = ""
    """What was judged, whole: the prediction as the official harness takes it."""
    report: dict[str, JsonValue] | None = None
    """The official one; None where there is none."""
    seconds: Annotated[float, Field(ge=0, lt=1e12)] | None = None
    """That the tests took."""
    flags: tuple[str, ...] = ()
    log: str = ""
    """What the tests printed."""
    harness_log: str = ""

    @property
    def official(self) -> OfficialReport | None:
        """The report's fields that are known; None where there is none or it lacks them."""
        try:
            return None if self.report is None else OfficialReport.model_validate(self.report)
        except ValidationError:
            return None


def read_kept(path: Path) -> KeptGrading:
    """Return what a file holds.

    Raises:
        CorruptArchiveError: it is missing or damaged.
    """
    try:
        with opened_file(path) as file:
            content = b"".join(gzip_members(file, member_bytes=MAX_BYTES, total_bytes=MAX_BYTES))
        return KeptGrading.model_validate(json.loads(content))
    except DamagedError as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or "it cannot be read"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        why = f"{'.'.join(str(part) for part in first['loc'])[:100]}: {first['msg']}"
    except (ValueError, RecursionError):
        why = "it is not JSON"
    raise CorruptArchiveError(f"The grading {path} cannot be read: {safe_line(why, max_chars=300)}.")
