"""SAFETY.md cites only files and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CITATION = re.compile(r"`((?:dgm|tests|sandbox|benchmarks)/[\w./-]+?)(?:::(\w+))?`")
CITATIONS = sorted(set(CITATION.findall((ROOT / "SAFETY.md").read_text("utf-8"))))


def test_there_are_citations() -> None:
    assert len(CITATIONS) > 40


@pytest.mark.parametrize(("path", "function"), CITATIONS)
def test_what_is_cited_exists(path: str, function: str) -> None:
    cited = ROOT / path
    assert cited.exists()
    if function:
        assert re.search(rf"^def {function}\(", cited.read_text("utf-8"), re.MULTILINE)
