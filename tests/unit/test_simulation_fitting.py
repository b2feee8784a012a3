"""A landscape fitted to a run: what is told by the run, what is not, and when it is refused."""

import math

import pytest

from dgm.core.errors import UsageError
from dgm.simulation import PRESETS
from dgm.simulation.chance import Recorded, sigmoid
from dgm.simulation.fitting import MeasuredAgent, RunFacts, fitted
from dgm.simulation.world import SEED_AGENT, World

BASE = PRESETS["disagree"]


def measured(resolved: str, *, parent: int | None = 0) -> MeasuredAgent:
    """Return an agent that resolved the tasks with a + and not those with a -."""
    return MeasuredAgent(parent, tuple((task, sign == "+") for task, sign in enumerate(resolved)))


def facts_of(*agents: MeasuredAgent, steps: int = 12, faults: int = 0) -> RunFacts:
    return RunFacts(
        name="a-run",
        stage_sizes=(2, 2),
        threshold=0.3,
        agents=agents,
        steps_s=tuple(float(100 + step) for step in range(steps)),
        steps_usd=(2.5,) * steps,
        evaluations_s=(10.0, 20.0),
        evaluations_usd=(0.5, 0.25),
        faults=faults,
    )


SEED = measured("+---", parent=None)
CHILDREN = (measured("++--"), measured("+---"), measured("----"), measured("+-+-"), measured("+---"))


def test_too_few_measured_children_are_refused_in_one_sentence() -> None:
    unmeasured = MeasuredAgent(0, ())

    with pytest.raises(UsageError, match=r"^Run a-run has 4 measured children; a fit takes 5 or more\.$"):
        fitted(facts_of(SEED, *CHILDREN[:4], unmeasured), BASE)


def test_the_seed_agents_score_is_its_posterior_mean() -> None:
    assert fitted(facts_of(SEED, *CHILDREN), BASE).landscape.seed_score == pytest.approx((1 + 1) / (4 + 2))


def test_the_chance_of_a_child_is_the_share_of_the_steps_that_made_one() -> None:
    assert sigmoid(fitted(facts_of(SEED, *CHILDREN), BASE).landscape.works) == pytest.approx((5 + 1) / (12 + 2))


def test_tasks_that_fewer_agents_resolved_are_more_difficult_and_their_mean_is_0() -> None:
    found = fitted(facts_of(SEED, *CHILDREN), BASE).landscape.difficulties

    assert found[0] < found[1] == found[2] < found[3]
    assert math.fsum(found) == pytest.approx(0.0)
    assert found[3] - found[0] == pytest.approx(math.log((7 / 8) / (1 / 8)) + math.log((6 / 8) / (2 / 8)))


def test_dollars_and_seconds_are_drawn_from_those_that_were_recorded() -> None:
    found = fitted(facts_of(SEED, *CHILDREN), BASE).landscape

    assert found.evaluation_s == Recorded((10.0, 20.0))
    assert found.evaluation_usd == Recorded((0.5, 0.25))
    assert found.step_usd == Recorded((2.5,) * 12)


def test_faults_are_a_share_of_all_attempts() -> None:
    assert fitted(facts_of(SEED, *CHILDREN, faults=2), BASE).landscape.faults == pytest.approx(2 / (2 + 12 + 2))


def test_what_one_run_does_not_tell_is_the_other_landscapes() -> None:
    found = fitted(facts_of(SEED, *CHILDREN), PRESETS["rugged"]).landscape

    assert (found.correlation, found.heritability, found.dead_ends) == (0.0, 0.9, 0.4)
    assert (found.stage_sizes, found.threshold) == ((2, 2), 0.3)


def test_it_says_from_how_many_facts() -> None:
    notes = fitted(facts_of(SEED, *CHILDREN), BASE).notes

    assert notes[0] == "seed agent's score 33% from 4 measurements"
    assert notes[2] == "chance of a child 43% from 12 steps"
    assert notes[-1].startswith("not told by one run, so taken from landscape disagree: improvability")


def test_it_says_where_noise_explains_all_changes() -> None:
    notes = fitted(facts_of(SEED, *CHILDREN), BASE).notes

    assert notes[3].endswith(
        "shrunk to 32% for the noise of their measurements, which explains all of it: nothing is known but that gains "
        "are small against the noise"
    )


def test_a_landscape_is_found_again_from_what_was_recorded_of_it() -> None:
    world = World(BASE, 5)
    tasks = [task for stage in world.stages() for task in stage.tasks]
    made = [step for step in range(1, 201) if world.expanded(step, parent=SEED_AGENT, editor=SEED_AGENT)[0]]
    agents = [
        MeasuredAgent(
            None if agent == SEED_AGENT else 0,
            tuple((place, world.evaluated(agent, (task, 0))[0].resolved) for place, task in enumerate(tasks)),
        )
        for agent in (SEED_AGENT, *made)
    ]
    facts = RunFacts(
        name="simulated",
        stage_sizes=(10, 50),
        threshold=0.4,
        agents=tuple(agents),
        steps_s=(1.0,) * 200,
        steps_usd=(1.0,) * 200,
        evaluations_s=(1.0,),
        evaluations_usd=(1.0,),
        faults=0,
    )
    found = fitted(facts, BASE).landscape

    assert found.works == pytest.approx(BASE.works, abs=0.25)
    assert found.seed_score == pytest.approx(BASE.seed_score, abs=0.1)
    assert 0.5 < found.gain_logits / BASE.gain_logits < 2.0
    assert 0.5 < found.loss_logits / BASE.loss_logits < 2.0
