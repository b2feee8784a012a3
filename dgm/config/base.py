"""What all tables of settings are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field

Positive = Annotated[int, Field(gt=0)]
Duration = Annotated[float, Field(gt=0, le=86_400)]
"""Seconds, at most a day."""
PositiveFloat = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of settings: an unknown key, a wrong type and what is not finite are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


WORD, OTHER = "(word)", "(other)"
"""Tags of the two sides of `WordOrOther`."""


def _word_or_other(value: object) -> str:
    return WORD if isinstance(value, str) else OTHER


# Tells which of a word and something else was meant, so that an error is about that one alone.
WordOrOther = Discriminator(_word_or_other)
