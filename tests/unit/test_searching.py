"""Policies by name: built in, without one of their parts, and offered by other distributions."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from textwrap import dedent

import pytest

from dgm.config import RunConfig
from dgm.config.run import Search
from dgm.core.actions import Expand
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.policies import POLICIES
from dgm.core.policies.ablations import ABLATED, ABLATIONS, Greedy, WithoutOpenEndedness, WithoutSelfImprovement
from dgm.wiring.searching import policy_of
from tests.fakes.views import Member, agent_id_of, view_of

Offer = Callable[..., None]

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
FIRST_AGENT = """
    from dgm.core.actions import Expand

    class FirstAgent:
        def next_action(self, view, random):
            return Expand(view.agent(0).id, view.next_step)
"""


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Install a distribution that offers a policy."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def install(code: str, *, name: str = "first", target: str, distribution: str = "strangers-policy") -> None:
        (tmp_path / f"{target.partition(':')[0]}.py").write_text(dedent(code))
        metadata = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[dgm.policies]\n{name} = {target}\n")

    return install


def ablated(policy: str, ablation: str) -> RunConfig:
    return RunConfig.model_validate({"policy": policy, "search": {"ablation": ablation}})


# Built in


@pytest.mark.parametrize("name", POLICIES)
def test_a_built_in_policy_is_found_by_its_name(name: str) -> None:
    assert type(policy_of(RunConfig(policy=name))) is POLICIES[name]


def test_a_name_that_nobody_offers_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match="no policy 'DGM'; there are: auto, dgm, dgm-adaptive, hgm, "):
        policy_of(RunConfig(policy="DGM"))


@pytest.mark.parametrize("policy", ABLATED)
@pytest.mark.parametrize(
    ("ablation", "expected"),
    [
        ("no-self-improve", WithoutSelfImprovement),
        ("no-open-ended", WithoutOpenEndedness),
        ("greedy", Greedy),
    ],
)
def test_an_ablation_takes_a_part_out_of_a_policy(policy: str, ablation: str, expected: type[object]) -> None:
    assert type(policy_of(ablated(policy, ablation))) is expected


def test_every_ablation_that_can_be_configured_exists() -> None:
    annotation = str(Search.model_fields["ablation"].annotation)
    assert set(re.findall(r"'([a-z-]+)'", annotation)) == set(ABLATIONS)


def test_an_ablation_of_another_policy_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"^The ablation greedy is of the policies dgm and dgm-adaptive, not of hgm.$"
    ):
        policy_of(ablated("hgm", "greedy"))


# Offered by others


def test_a_distribution_offers_a_policy(offer: Offer) -> None:
    offer(FIRST_AGENT, target="stranger_first:FirstAgent")
    view = view_of([Member(3, 12), Member(3, 12)])
    assert policy_of(RunConfig(policy="first")).next_action(view, Random(1)) == Expand(agent_id_of(0), step=2)


def test_what_is_offered_is_named_among_what_there_is(offer: Offer) -> None:
    offer(FIRST_AGENT, target="stranger_named:FirstAgent")
    with pytest.raises(UnknownNameError, match="dgm-adaptive, first, hgm"):
        policy_of(RunConfig(policy="second"))


def test_a_policy_of_others_has_no_ablation(offer: Offer) -> None:
    offer(FIRST_AGENT, target="stranger_ablated:FirstAgent")
    with pytest.raises(ConfigError, match="not of first"):
        policy_of(ablated("first", "greedy"))


def test_an_offer_of_a_built_in_name_is_an_error(offer: Offer) -> None:
    offer(FIRST_AGENT, name="hgm", target="stranger_taken:FirstAgent")
    with pytest.raises(ConfigError, match="strangers-policy offers a policy 'hgm', which dgm has already"):
        policy_of(RunConfig(policy="hgm"))


def test_an_offer_of_a_built_in_name_is_no_error_where_another_is_asked_for(offer: Offer) -> None:
    offer(FIRST_AGENT, name="hgm", target="stranger_beside:FirstAgent")
    assert type(policy_of(RunConfig(policy="dgm"))) is POLICIES["dgm"]


def test_two_offers_of_one_name_are_an_error(offer: Offer) -> None:
    offer(FIRST_AGENT, target="stranger_twice:FirstAgent")
    offer(FIRST_AGENT, target="stranger_twice:FirstAgent", distribution="another-policy")
    with pytest.raises(ConfigError, match=r"offer the same policy 'first'; uninstall all but one\.$"):
        policy_of(RunConfig(policy="first"))


@pytest.mark.parametrize(
    ("module", "code", "reason"),
    [
        ("broken_import", "import there_is_no_such_module", "No module named 'there_is_no_such_module'"),
        ("broken_name", "class Other: ...", "has no attribute 'FirstAgent'"),
        ("broken_syntax", "class FirstAgent(", "SyntaxError"),
        ("broken_start", "class FirstAgent:\n    def __init__(self, rate): ...", "missing 1 required positional"),
        ("broken_module", "1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_policy_that_cannot_be_made_is_an_error(offer: Offer, module: str, code: str, reason: str) -> None:
    offer(code, target=f"{module}:FirstAgent")
    with pytest.raises(ConfigError, match=f"^The policy 'first' of strangers-policy cannot be made: .*{reason}"):
        policy_of(RunConfig(policy="first"))


def test_what_cannot_name_an_action_is_no_policy(offer: Offer) -> None:
    offer("class FirstAgent:\n    next_action = None", target="stranger_mute:FirstAgent")
    with pytest.raises(ConfigError, match=r"of strangers-policy has no method next_action\(view, random\)\.$"):
        policy_of(RunConfig(policy="first"))


def test_the_example_for_contributors_works(offer: Offer) -> None:
    blocks = dict(re.findall(r"^```(toml|python)\n(.*?)^```$", CONTRIBUTING.read_text(), re.DOTALL | re.MULTILINE))
    match = re.search(r'^\[project\.entry-points\."dgm\.policies"\]\n(\S+) = "(\S+)"$', blocks["toml"], re.MULTILINE)
    assert match is not None
    offer(blocks["python"], name=match[1], target=match[2])
    view = view_of([Member(3, 12, tokens=9_000), Member(3, 12), Member(3, 12, tokens=5_000)])
    chosen = [policy_of(RunConfig(policy=match[1])).next_action(view, Random(seed)) for seed in range(60)]
    parents = [action.parent for action in chosen if isinstance(action, Expand)]
    # 4/14 of 9, 1 and 5 thousand tokens: 1/9, 1 and 1/5.
    assert parents.count(agent_id_of(1)) > parents.count(agent_id_of(2)) > 0
