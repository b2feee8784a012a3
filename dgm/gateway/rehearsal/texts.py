"""Finds one text inside another, however its lines are broken."""


def normalised(text: str) -> str:
    """Return `text` with every run of white space as one space."""
    return " ".join(text.split())


def stands_in(part: str, whole: str) -> bool:
    """Whether `part` stands in the already normalised `whole`."""
    return normalised(part) in whole
