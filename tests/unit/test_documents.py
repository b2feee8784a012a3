"""README.md and sandbox/CONTRACT.md say what is so: settings, verbs, options and limits."""

import re
import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from dgm.boundary.chat import MAX_MESSAGES, MAX_TOOLS
from dgm.boundary.tarball import MAX_CONTENT_BYTES, MAX_MEMBERS
from dgm.cli.main import run_command
from dgm.config import Endpoint, LongRates, ModelChoice, Parameters, RunConfig, parse_config
from dgm.evolution.validation import MAX_CODE_BYTES, MAX_CODE_FILES, PROBE_CALLS, PROBE_TIMEOUT_S
from dgm.gateway.server import HttpLimits
from tests.unit.test_cli_main import VERBS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONTRACT = " ".join((ROOT / "sandbox" / "CONTRACT.md").read_text("utf-8").split())
MEGABYTE = 2**20


def settings_block() -> str:
    """Return the TOML of the README that lists all settings."""
    chapter = README.partition("## Settings")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if not line or line.startswith("    ")]
    return textwrap.dedent("\n".join(lines))


def model_settings() -> list[str]:
    """Return the TOML of the README's chapter on models, one text for each indented block that has a table."""
    chapter = README.partition("\n## Models")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n)+", chapter, re.MULTILINE)
    return [text for block in blocks if re.search(r"^\[", text := textwrap.dedent(block), re.MULTILINE)]


def setting_names(section: type[BaseModel]) -> set[str]:
    """Return the names of all settings in a section and the sections below it."""
    names = set(section.model_fields)
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= setting_names(field.annotation)
    return names


def test_the_settings_of_the_readme_are_the_defaults() -> None:
    assert parse_config(settings_block(), source="README.md") == RunConfig()


@pytest.mark.parametrize("name", sorted(setting_names(RunConfig)))
def test_the_readme_names_every_setting(name: str) -> None:
    assert re.search(rf"\b{name}\b", settings_block())


@pytest.mark.parametrize("name", sorted({*ModelChoice.model_fields, *LongRates.model_fields, *Endpoint.model_fields}))
def test_the_readme_names_every_setting_of_tables_that_have_names_of_their_own(name: str) -> None:
    assert re.search(rf"\b{name}\b", README)


@pytest.mark.parametrize("name", sorted(Parameters.model_fields))
def test_the_readme_names_every_parameter(name: str) -> None:
    assert re.search(rf"\b{name}\b", README.partition("**Parameters**")[2].partition("\n## ")[0])


def test_the_examples_of_models_in_the_readme_are_settings() -> None:
    examples = [parse_config(text, source="README.md") for text in model_settings()]
    assert [example.models.agent.model for example in examples] == [
        "openrouter:z-ai/glm-5.3",
        "rehearsal",
        "openai:o3-mini",
        "rehearsal",
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_names_every_verb(verb: str) -> None:
    verbs = README.partition("## Verbs")[2].partition("\n## ")[0]
    assert re.search(rf"`{verb}\b", verbs)


def test_every_option_in_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], *([verb] for verb in VERBS)):
        run_command([*words, "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) | {
        "--graph",
        "--all",
        "--oneline",
    }  # the last: git's
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= known


@pytest.mark.parametrize(
    "limit",
    [
        f"{MAX_MEMBERS:,} files and {MAX_CONTENT_BYTES // MEGABYTE} MB",
        f"{MAX_CODE_FILES:,} files and {MAX_CODE_BYTES // MEGABYTE} MB",
        f"{HttpLimits().body_bytes // MEGABYTE} MB, {MAX_MESSAGES:,} messages and {MAX_TOOLS} tools",
        f"more than {HttpLimits().connections} connections",
        f"within {PROBE_TIMEOUT_S:.0f} seconds and {PROBE_CALLS} calls",
    ],
)
def test_the_contract_states_the_limits_that_hold(limit: str) -> None:
    assert limit in CONTRACT
