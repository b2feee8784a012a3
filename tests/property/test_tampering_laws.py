"""Laws of the signs of tampering, for whatever an agent may have changed."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.tampering import SignKind, Tampering, rejecting, signs, signs_of, tampering_of

SIGNS = ["conftest.py", "x.pth", "sitecustomize", "go.mod", ".gitattributes", "test_x.py", "tests", "vendor", ".cargo"]
NAMES = st.sampled_from([*SIGNS, "build", "__pycache__", "node_modules", "a", "README.md"]) | st.text(min_size=1)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
OUTCOMES = st.builds(
    Outcome,
    task=st.just(TaskId("ant")),
    trial=st.just(0),
    verdict=st.sampled_from(Verdict),
    summary=st.sampled_from(["3 of 5 tests passed", "nothing could be graded: it is too large"]),
    seconds=st.just(1.0),
    session=st.just(SessionId("00001.1.agent")),
    dropped_paths=st.lists(PATHS, max_size=6).map(tuple),
    flags=st.lists(st.text(min_size=1), max_size=2).map(tuple),
)


@settings(max_examples=30)
@given(OUTCOMES)
def test_every_sign_of_a_file_is_one_of_what_was_changed_and_none_has_two(outcome: Outcome) -> None:
    paths = [sign.path for sign in signs(outcome) if sign.path]
    left = list(outcome.dropped_paths)
    for path in paths:
        left.remove(path)


@settings(max_examples=30)
@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1) | st.sampled_from(SIGNS))
def test_another_case_does_not_hide_a_sign(name: str) -> None:
    assert bool(signs_of([name], ())) == bool(signs_of([name.swapcase()], ()))


@settings(max_examples=30)
@given(PATHS, st.sampled_from(["lib", "a b", "x.y"]))
def test_what_is_a_sign_is_one_in_any_directory(path: str, directory: str) -> None:
    kinds = [[sign.kind for sign in signs_of([where], ())] for where in (path, f"{directory}/{path}")]
    if path[:1] not in {"'", '"'}:  # a name that is spelled out stands alone
        assert kinds[0] == kinds[1]


@settings(max_examples=30)
@given(OUTCOMES)
def test_what_is_rejected_counts_for_nothing_exactly_where_it_is_grave_and_keeps_its_verdict(outcome: Outcome) -> None:
    rejected = rejecting(outcome)
    is_grave = any(sign.kind.is_grave for sign in signs(outcome))
    assert rejected.resolved == (outcome.resolved and not is_grave)
    assert replace(rejected, flags=outcome.flags) == outcome


@settings(max_examples=30)
@given(OUTCOMES)
def test_flags_are_few_and_short_however_much_was_changed(outcome: Outcome) -> None:
    flooded = replace(outcome, dropped_paths=tuple(path + "x" * 500 for path in outcome.dropped_paths) * 50)
    added = rejecting(flooded).flags[len(outcome.flags) :]
    assert len(added) <= len(SignKind)
    assert all(len(flag) < 400 for flag in added)


@settings(max_examples=30)
@given(st.lists(OUTCOMES, max_size=6), st.integers(0, 6))
def test_parts_of_the_measurements_add_up_to_all_of_them(outcomes: list[Outcome], place: int) -> None:
    parts = (tampering_of(outcomes[:place]), tampering_of(outcomes[place:]))
    assert sum(parts, Tampering()) == tampering_of(outcomes)
