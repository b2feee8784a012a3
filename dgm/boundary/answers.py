"""A model's answers to what the host asks: JSON somewhere in free text, shaped by logs that an agent wrote."""

import json
import re
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from dgm.boundary.text import safe_text
from dgm.core.actions import Diagnosis, Judgement
from dgm.core.errors import HostileBytesError

MAX_FIELD_CHARS = 20_000
MAX_IMPROVEMENTS = 50
MAX_STARTS = 1_000
"""Opening braces that are tried: each may take as long as the answer is long."""

_Text = Annotated[str, Field(max_length=MAX_FIELD_CHARS)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Diagnosis(_Answer):
    log_summarization: _Text
    potential_improvements: Annotated[list[_Text], Field(max_length=MAX_IMPROVEMENTS)]
    improvement_proposal: Annotated[_Text, Field(min_length=1)]
    implementation_suggestion: _Text
    problem_description: Annotated[_Text, Field(min_length=1)]


class _Judgement(_Answer):
    is_new: bool
    reason: _Text


_Form = TypeVar("_Form", bound=_Answer)


def parse_diagnosis(answer: str) -> Diagnosis:
    """Return the diagnosis in a model's answer: the first JSON object in it that has the five fields.

    Raises:
        HostileBytesError: there is none.
    """
    fields = _first_object(answer, _Diagnosis)
    if fields is None:
        raise HostileBytesError("The answer holds no JSON object with the five fields asked for.")
    return Diagnosis(
        log_summarization=safe_text(fields.log_summarization),
        potential_improvements=tuple(safe_text(text) for text in fields.potential_improvements),
        improvement_proposal=safe_text(fields.improvement_proposal),
        implementation_suggestion=safe_text(fields.implementation_suggestion),
        problem_description=safe_text(fields.problem_description),
    )


def parse_judgement(answer: str) -> Judgement:
    """Return whether a proposal is new by a model's answer: the first JSON object in it that has the two fields.

    Raises:
        HostileBytesError: there is none.
    """
    fields = _first_object(answer, _Judgement)
    if fields is None:
        raise HostileBytesError("The answer holds no JSON object with the two fields asked for.")
    return Judgement(is_new=fields.is_new, reason=safe_text(fields.reason))


def _first_object(answer: str, form: type[_Form]) -> _Form | None:
    """Return the first JSON object in `answer` that has the fields of `form`, None if none has."""
    decoder = json.JSONDecoder()
    for start in islice(re.finditer("{", answer), MAX_STARTS):
        try:
            candidate, _ = decoder.raw_decode(answer, start.start())
            return form.model_validate(candidate)
        except (ValueError, RecursionError):  # no JSON, not these fields, too deep, or a number of 5,000 digits
            continue
    return None
