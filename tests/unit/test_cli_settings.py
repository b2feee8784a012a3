"""Options of the command line, laid over a file of settings."""

from functools import partial
from pathlib import Path

import pytest

from dgm.cli.main import run_command
from dgm.cli.settings import diagnosis_options, run_settings, said_now, search_options
from dgm.config import Diagnoses, LongRates, ModelChoice, Price, RunConfig, Search, parse_config
from dgm.core.errors import ConfigError
from dgm.core.policies import POLICIES
from dgm.core.policies.ablations import ABLATIONS

FILE = """
tasks = ["leap-cake", "bus-card"]
children = 3
unknown_price = "zero"

[models]
improve = "openai:b"
[models.agent]
model = "openai:a"
temperature = 0.5
max_output_tokens = 4000

[prices."openai:a"]
input_usd = 1.0
output_usd = 2.0
[[prices."openai:a".long]]
above_input_tokens = 100000
input_usd = 2.0
output_usd = 4.0

[parameters."openai:*"]
thinking = 1000
extra = { list = [1, 2] }

[openai]
key_variable = "MY_KEY"

[endpoints.mine]
base_url = "https://models.example.org/v1"
"""

settings = partial(
    run_settings,
    benchmark=None,
    tasks=None,
    polyglot_dir=None,
    swebench={},
    model=None,
    improve_model=None,
    diagnose_model=None,
    base_url=None,
    unknown_price=None,
    policy=None,
    children=None,
    workers=None,
    seed=None,
    trials=None,
    search={},
    diagnoses={},
    max_cost=None,
    max_step_cost=None,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(FILE)
    return path


def test_without_options_a_file_says_it_all(file: Path) -> None:
    assert settings(file) == parse_config(FILE, source="test")


def test_without_either_it_is_the_default() -> None:
    assert settings(None) == RunConfig()


def test_options_go_before_the_file_and_leave_the_rest_of_it(file: Path) -> None:
    config = settings(
        file,
        model="mine:c",
        diagnose_model="openai:d",
        base_url="http://localhost:1/v1",
        children=0,
        max_cost=5.0,
        max_step_cost=1.5,
    )
    assert config.models.agent == ModelChoice(model="mine:c", temperature=0.5, max_output_tokens=4000)
    assert (config.models.improve, config.models.diagnose) == (
        ModelChoice(model="openai:b"),
        ModelChoice(model="openai:d"),
    )
    assert (config.openai.base_url, config.openai.key_variable) == ("http://localhost:1/v1", "MY_KEY")
    assert (config.children, config.budget.max_cost_usd, config.steps.max_cost_usd) == (0, 5.0, 1.5)
    assert config.tasks == ("leap-cake", "bus-card")
    assert config.prices["openai:a"].long == (LongRates(above_input_tokens=100_000, input_usd=2.0, output_usd=4.0),)
    assert config.parameters == parse_config(FILE, source="test").parameters


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("refuse", "refuse"),
        ("zero", "zero"),
        ("1.25/10", Price(input_usd=1.25, output_usd=10.0)),
        ("0/0.5", Price(input_usd=0.0, output_usd=0.5)),
    ],
)
def test_an_unknown_price_is_a_word_or_a_price_whatever_the_file_says(
    file: Path, tmp_path: Path, text: str, price: str | Price
) -> None:
    other = tmp_path / "other.toml"
    other.write_text("unknown_price = { input_usd = 9, output_usd = 9, cache_read_usd = 1 }")
    assert [settings(path, unknown_price=text).unknown_price for path in (None, file, other)] == [price] * 3


@pytest.mark.parametrize("text", ["", "Zero", "1", "1/", "/1", "1/2/3", "-1/2", "1e3/2", "nan/1", "1/2 ", "\u0661/2"])
def test_an_unknown_price_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--unknown-price"):
        settings(None, unknown_price=text)


def test_an_address_that_no_model_uses_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^--base-url is where models openai:NAME are served"):
        settings(None, model="anthropic:x", base_url="http://localhost:1")


def test_tasks_of_the_command_line_go_before_those_of_the_file(file: Path) -> None:
    assert settings(file, tasks="go/*, stage:1").tasks == ("go/*", "stage:1")


def test_a_checkout_on_the_command_line_is_told_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "--benchmark", "polyglot", "--polyglot-dir", "clone", "--runs-dir", "runs"]) == 2
    assert f"there is no directory {tmp_path}/clone" in capsys.readouterr().err


def test_a_checkout_may_be_told_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    found = parse_config("polyglot.directory = '~/clone'", source="a file")
    assert found.polyglot.directory == Path("/somewhere/clone")


def test_what_is_said_when_a_run_goes_on_has_a_checkout_only_if_one_is_named() -> None:
    assert said_now(None, None).model_fields_set == set()
    assert said_now(None, None, Path("/clone")).polyglot.directory == Path("/clone")


NO_SEARCH = search_options(
    ablation=None, evaluations=None, holdout=None, adaptive=False, best_trials=None, merge_rate=None
)
NO_DIAGNOSES = diagnosis_options(interest=False, no_memory=False, paper=False)
SEARCH_FILE = """
trials = 2
[search]
ablation = "greedy"
evaluations = 100
stopping = "adaptive"
best_trials = 5
[diagnoses]
memory = false
interest = true
"""


@pytest.fixture
def search_file(tmp_path: Path) -> Path:
    path = tmp_path / "search.toml"
    path.write_text(SEARCH_FILE)
    return path


def test_without_options_the_search_is_as_the_file_says(search_file: Path) -> None:
    found = settings(search_file, search=NO_SEARCH, diagnoses=NO_DIAGNOSES)
    assert found == parse_config(SEARCH_FILE, source="test")
    assert settings(None, search=NO_SEARCH, diagnoses=NO_DIAGNOSES) == RunConfig()


def test_options_of_the_search_go_before_those_of_the_file(search_file: Path) -> None:
    search = search_options(
        ablation="no-open-ended", evaluations=7, holdout=0.3, adaptive=True, best_trials=0, merge_rate=0.2
    )
    found = settings(search_file, trials=3, search=search, diagnoses=NO_DIAGNOSES)
    assert found.search == Search(
        ablation="no-open-ended", evaluations=7, holdout=0.3, stopping="adaptive", best_trials=0, merge_rate=0.2
    )
    assert (found.trials, found.diagnoses) == (3, Diagnoses(memory=False, interest=True))


def test_options_of_diagnoses_are_switches() -> None:
    found = settings(None, diagnoses=diagnosis_options(interest=True, no_memory=True, paper=True))
    assert found.diagnoses == Diagnoses(interest=True, memory=False, hidden_tests=True)


@pytest.mark.parametrize("verb", ["run", "estimate"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--holdout", "1"], "command line: search.holdout: input should be less than or equal to 0.9."),
        (["--holdout", "-0.1"], "command line: search.holdout: input should be greater than or equal to 0."),
        (["--holdout", "nan"], "command line: search.holdout: input should be"),
        (["--holdout", "0.01"], "A holdout of 0.01 of 28 tasks leaves none to one of both sides."),
        (["--tasks", "moss-wall", "--holdout", "0.9"], "A holdout of 0.9 of 1 tasks leaves none to one of both sides."),
        (["--merge-rate", "2"], "command line: search.merge_rate: input should be less than or equal to 1."),
        (["--ablation", "nonsense"], "command line: search.ablation: input should be 'no-self-improve', 'no-open-"),
        (["--ablation", "greedy", "--policy", "hgm"], "The ablation greedy is of the policies dgm and dgm-adaptive,"),
        (["--best-trials", "2000"], "command line: search.best_trials: input should be less than or equal to 1000."),
        (["--policy", "magic"], "no policy 'magic'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, words: list[str], says: str
) -> None:
    assert run_command([verb, *words, "--runs-dir", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "words", [["--evaluations", "0"], ["--trials", "0"], ["--best-trials", "-1"], ["--trials", "x"]]
)
def test_a_number_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run_command(["run", *words]) == 2
    assert f"Invalid value for '{words[0]}'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "estimate"])
def test_the_help_names_every_built_in_policy_and_ablation(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert run_command([verb, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    listed = said.split("What chooses parents and evaluations: ")[1].split(", or ")[0]
    assert listed.split(", ") == sorted(POLICIES)
    assert all(name in said for name in ABLATIONS)


def test_everything_of_the_search_can_be_said_on_the_command_line_but_what_stands_in_files_alone() -> None:
    said = {*NO_SEARCH, *NO_DIAGNOSES}
    assert said == {*Search.model_fields, *Diagnoses.model_fields} - {"stage_tops", "top", "least_chance"}


def test_on_tamper_goes_before_the_file_and_the_rest_of_its_section_stays(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[integrity]\non_tamper = "reject"\ncontrol_every = 7\n')
    assert settings(tmp_path / "run.toml").integrity.on_tamper == "reject"
    chosen = settings(tmp_path / "run.toml", integrity={"on_tamper": "flag"}).integrity
    assert (chosen.on_tamper, chosen.control_every) == ("flag", 7)


@pytest.mark.parametrize("approve", ["each", "first", "never"])
def test_which_children_wait_is_said_on_the_command_line_or_in_the_file(tmp_path: Path, approve: str) -> None:
    assert settings(None, approve=approve).oversight.approve == approve
    (tmp_path / "mine.toml").write_text("oversight.approve = 'each'")
    assert settings(tmp_path / "mine.toml").oversight.approve == "each"
    assert settings(tmp_path / "mine.toml", approve=approve).oversight.approve == approve
