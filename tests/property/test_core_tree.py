"""The tree, scores and stages against brute force."""

from math import comb

from hypothesis import given
from hypothesis import strategies as st

from dgm.core.agents import Agent, AgentTree
from dgm.core.files import File, changed_paths, tree_hash
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.scores import Score, beta_quantile
from dgm.core.stages import Measurement, Stage, due_measurements
from tests.fakes.runs import outcome

PARENTS = st.lists(st.integers(0, 10**6), max_size=30)
SCORES = st.integers(0, 80).flatmap(lambda attempted: st.tuples(st.integers(0, attempted), st.just(attempted)))
FILES = st.dictionaries(st.text("ab/", min_size=1, max_size=3), st.builds(File, st.binary(max_size=2), st.booleans()))


def parent_indexes(picks: list[int]) -> list[int | None]:
    """Return for each agent the number of its parent, which is older."""
    return [None, *(pick % (number + 1) for number, pick in enumerate(picks))]


def tree_of(parents: list[int | None]) -> AgentTree:
    depth: list[int] = []
    agents: list[Agent] = []
    for number, parent in enumerate(parents):
        depth.append(0 if parent is None else depth[parent] + 1)
        above = () if parent is None else (name(parent),)
        agents.append(Agent(name(number), above, depth[-1], step=number, created_at=float(number)))
    return AgentTree(agents)


def name(number: int) -> AgentId:
    return AgentId(f"{number:012x}")


def ancestors(parents: list[int | None], number: int) -> list[int]:
    above = parents[number]
    return [number] if above is None else [*ancestors(parents, above), number]


@given(PARENTS)
def test_lineages_are_the_chains_of_parents(picks: list[int]) -> None:
    parents = parent_indexes(picks)
    tree = tree_of(parents)
    for number in range(len(parents)):
        lineage = [agent.id for agent in tree.lineage(name(number))]
        assert lineage == [name(ancestor) for ancestor in ancestors(parents, number)]
        assert len(lineage) == tree[name(number)].generation + 1


@given(PARENTS)
def test_clades_are_all_agents_with_the_agent_among_their_ancestors(picks: list[int]) -> None:
    parents = parent_indexes(picks)
    tree = tree_of(parents)
    for number in range(len(parents)):
        clade = tree.clade(name(number))
        brute = {name(other) for other in range(len(parents)) if number in ancestors(parents, other)}
        assert len(clade) == len(set(clade))
        assert set(clade) == brute


@given(PARENTS)
def test_parents_come_before_children_in_a_clade(picks: list[int]) -> None:
    tree = tree_of(parent_indexes(picks))
    clade = tree.clade(tree.root.id)
    assert all(clade.index(child) > clade.index(agent) for agent in clade for child in tree.children(agent))


@given(PARENTS, st.integers(0, 10**6), st.integers(1, 12))
def test_find_agrees_with_a_scan(picks: list[int], pick: int, digits: int) -> None:
    tree = tree_of(parent_indexes(picks))
    prefix = name(pick % len(tree))[:digits]
    matches = [agent.id for agent in tree if agent.id.startswith(prefix)]
    if len(matches) == 1:
        assert tree.find(prefix) == matches[0]


@given(st.floats(0.01, 0.99), st.integers(1, 60), st.integers(1, 60))
def test_a_quantile_undoes_the_distribution_function(probability: float, a: int, b: int) -> None:
    x = beta_quantile(probability, a, b)
    n = a + b - 1
    below = sum(comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert abs(below - probability) < 1e-6


@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=2, unique=True), st.integers(1, 60), st.integers(1, 60))
def test_quantiles_grow_with_the_probability(probabilities: list[float], a: int, b: int) -> None:
    low, high = sorted(probabilities)
    assert beta_quantile(low, a, b) <= beta_quantile(high, a, b)


@given(SCORES)
def test_the_mean_lies_within_its_interval(counts: tuple[int, int]) -> None:
    score = Score(*counts)
    assert 0.0 <= score.low < score.mean < score.high <= 1.0


@given(SCORES)
def test_one_more_resolved_task_raises_a_score(counts: tuple[int, int]) -> None:
    resolved, attempted = counts
    worse, better = Score(resolved, attempted + 1), Score(resolved + 1, attempted + 1)
    assert (worse.low, worse.mean, worse.high) < (better.low, better.mean, better.high)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0.0, 0.25, 0.4, 0.75])), min_size=1, max_size=4),
    st.integers(1, 2),
    st.booleans(),
    st.lists(st.sampled_from(list(Verdict)), min_size=40, max_size=40),
)
def test_measuring_what_is_due_ends_where_a_stage_was_not_earned(
    sizes: list[tuple[int, float]], trials: int, all_stages: bool, verdicts: list[Verdict]
) -> None:
    stages: list[Stage] = []
    for size, above in sizes:
        first = sum(len(stage.tasks) for stage in stages)
        stages.append(Stage(tuple(TaskId(f"task-{number}") for number in range(first, first + size)), above))
    outcomes: list[Outcome] = []
    done: dict[Measurement, bool] = {}
    while due := due_measurements(stages, done, trials=trials, all_stages=all_stages):
        task, trial = due[0]
        outcomes.append(outcome(task, verdicts[len(outcomes)], trial=trial))
        done[due[0]] = outcomes[-1].resolved
    assert len(outcomes) == trials * sum(len(stage.tasks) for stage in earned(stages, outcomes, trials, all_stages))


def earned(stages: list[Stage], outcomes: list[Outcome], trials: int, all_stages: bool) -> list[Stage]:
    """Return the stages that an agent is measured on, by the definition."""
    reached = [stages[0]]
    for stage in stages[1:]:
        before = trials * sum(len(earlier.tasks) for earlier in reached)
        resolved = sum(outcome.resolved for outcome in outcomes[:before])
        if not all_stages and not resolved / before > stage.above:
            break
        reached.append(stage)
    return reached


@given(FILES, FILES)
def test_trees_have_the_same_hash_exactly_when_nothing_changed(one: dict[str, File], other: dict[str, File]) -> None:
    assert (tree_hash(one) == tree_hash(other)) == (changed_paths(one, other) == ())
