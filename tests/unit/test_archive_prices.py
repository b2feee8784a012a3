"""The prices that a run was made with."""

import re
from pathlib import Path

import pytest

from dgm.archive.prices import read_prices
from dgm.archive.run import create_run, read_run
from dgm.config import LongRates, Price, RunConfig
from dgm.core.errors import CorruptArchiveError
from tests.fakes.runs import SEED_CODE, new_run


def write(directory: Path, text: str) -> None:
    (directory / "prices.toml").write_text(text, "utf-8")


def test_prices_come_back_as_they_were(tmp_path: Path) -> None:
    prices = {
        "openai:plain": Price(input_usd=1.25, output_usd=10.0),
        "anthropic:model.with/odd name": Price(
            input_usd=3.0,
            output_usd=15.0,
            cache_read_usd=0.3,
            cache_write_usd=0.0,
            long=(
                LongRates(above_input_tokens=200_000, input_usd=6.0, output_usd=22.5, cache_read_usd=0.6),
                LongRates(above_input_tokens=400_000, input_usd=7.0, output_usd=30.0),
            ),
        ),
        "local:free": Price(input_usd=0.0, output_usd=0.0),
    }
    run = create_run(
        tmp_path / "run",
        config=RunConfig(),
        image="python",
        images={"python": "sha256:0"},
        seed_code=SEED_CODE,
        prices=prices,
    )
    with run:
        assert run.prices() == prices


def test_a_rehearsal_has_no_prices(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    with read_run(tmp_path / "run") as run:
        assert run.prices() == {}


def test_prices_of_an_old_run_have_two_rates(tmp_path: Path) -> None:
    write(tmp_path, '["openai:x"]\ninput_usd = 1.0\noutput_usd = 2\n')
    assert read_prices(tmp_path) == {"openai:x": Price(input_usd=1.0, output_usd=2.0)}


def test_a_run_without_its_prices_is_refused_when_they_are_asked_for(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    (tmp_path / "run" / "prices.toml").unlink()
    with read_run(tmp_path / "run") as run, pytest.raises(CorruptArchiveError, match=r"prices\.toml cannot be read"):
        run.prices()


@pytest.mark.parametrize(
    "content",
    [b"[x\n", b"\xff\xfe\x00", b"x = " + b"1" * 5000, b"x = " + b"[" * 50_000],
    ids=["no TOML", "no UTF-8", "digits", "brackets"],
)
def test_a_damaged_file_of_prices_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "prices.toml").write_bytes(content)
    with pytest.raises(CorruptArchiveError, match=r"prices\.toml cannot be read"):
        read_prices(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input_usd = -1.0\noutput_usd = 1.0", "m.input_usd: input should be greater than or equal to 0"),
        ("input_usd = 1.0\noutput_usd = -0.001", "m.output_usd: input should be greater than or equal to 0"),
        ("input_usd = nan\noutput_usd = 1.0", "m.input_usd: input should be "),
        ("input_usd = inf\noutput_usd = 1.0", "m.input_usd: input should be "),
        ("input_usd = 1e308\noutput_usd = 1.0", "m.input_usd: input should be less than or equal to 1000000"),
        (f"input_usd = 1{'0' * 400}\noutput_usd = 1.0", "m.input_usd: input should be a valid number"),
        ("input_usd = true\noutput_usd = 1.0", "m.input_usd: input should be a valid number"),
        ('input_usd = "1"\noutput_usd = 1.0', "m.input_usd: input should be a valid number"),
        ("input_usd = 1.0", "m.output_usd: field required"),
        ("input_usd = 1.0\noutput_usd = 1.0\ncache_read_usd = nan", "m.cache_read_usd: input should be "),
        ("input_usd = 1.0\noutput_usd = 1.0\ncache_write_usd = -1", "m.cache_write_usd: input should be "),
        ("input_usd = 1.0\noutput_usd = 1.0\ndiscount = 1.0", "m.discount: extra inputs are not permitted"),
        (
            "input_usd = 1.0\noutput_usd = 1.0\n[[m.long]]\nabove_input_tokens = 0\ninput_usd = 1.0\noutput_usd = 1.0",
            "m.long.0.above_input_tokens: input should be greater than 0",
        ),
    ],
)
def test_what_no_price_can_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, f"[m]\n{text}\n")
    with pytest.raises(CorruptArchiveError, match=re.escape(f"prices.toml is damaged: {said}")):
        read_prices(tmp_path)


def test_a_price_that_is_no_table_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "m = 1.0\n")
    with pytest.raises(CorruptArchiveError, match=r"prices\.toml is damaged: m: "):
        read_prices(tmp_path)
