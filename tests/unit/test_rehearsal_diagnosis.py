"""The rehearsal model explains a session that failed."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dgm.boundary.answers import parse_diagnosis
from dgm.boundary.chat import ChatRequest, Message
from dgm.config import Diagnoses
from dgm.core.actions import Diagnosis
from dgm.core.errors import HostileBytesError
from dgm.core.memory import Modification, Relation
from dgm.evolution.recollection import tried_before
from dgm.evolution.step import expand
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.rehearsal.ideas import Idea, Symptom, catalogue
from dgm.gateway.rehearsal.symptoms import symptoms
from tests.fakes.bench import Fakes, expand_job
from tests.fakes.gateway import FakeModelAccess
from tests.fakes.offline import seed_agent, with_ideas

PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n"


def call(name: str, **arguments: str) -> str:
    return f"[assistant calls {name}]\n{json.dumps(arguments)}\n"


VIEW = call("editor", command="view", path="a.py")
LIST = call("editor", command="view", path="/testbed")
EDIT = call("editor", command="create", path="a.py", text="y = (1)\n")
DONE = "[tool]\nWrote a.py.\n[assistant]\nDone.\n"


@pytest.mark.parametrize(
    ("transcript", "patch", "expected"),
    [
        ("[user]\nMend it.\n[assistant]\n(empty reply)\n", "(nothing was changed)", Symptom.EMPTY_REPLY),
        (VIEW + "[tool]\ny = 1\n[assistant]\nNothing to do.\n", "", Symptom.NO_EDIT),
        (VIEW + "[tool]\ny\n[clipped: 1 of 9 characters shown]\n[assistant]\nNo.\n", "", Symptom.CLIPPED_VIEW),
        (LIST + "[tool]\n./a/\n[clipped: 1 of 9 characters shown]\n" + VIEW + "[tool]\ny = 1\n", "", Symptom.NO_EDIT),
        (call("bash", command="run") + "[tool]\n[clipped: 1 of 9 characters shown]\n", "", Symptom.CLIPPED_OUTPUT),
        (call("editor", path="a.py", text="y = (1\n") + DONE, PATCH, Symptom.SYNTAX_ERROR),
        (call("editor", path="a.py", old="y = (1)\n", new="y = (2\n") + DONE, PATCH, Symptom.SYNTAX_ERROR),
        (call("editor", path="a.py", text="# ... rest of the file unchanged\n") + DONE, PATCH, Symptom.ELISION),
        (VIEW + call("editor", command="view", path="b.py") + EDIT + DONE, PATCH, Symptom.ONE_PLACE),
        (VIEW + EDIT + DONE, PATCH, Symptom.UNCHECKED),
    ],
    ids=lambda value: value.name if isinstance(value, Symptom) else "",
)
def test_the_first_symptom_is_read_off(transcript: str, patch: str, expected: Symptom) -> None:
    assert symptoms(transcript, patch)[0] is expected


def test_a_session_that_never_came_to_the_model_made_no_edit() -> None:
    assert symptoms("", "(nothing was changed)") == [Symptom.NO_EDIT]


SEED_SOURCE = "\n".join(seed_agent().values())


def ask(seed: int, *, attempt: int = 1, source: str = SEED_SOURCE, memory: Sequence[Modification] = ()) -> str:
    prompt = (
        f"<agent_source>\n{source}\n</agent_source>\n<task_statement>\nMend.\n</task_statement>\n"
        f"<transcript>\n[user]\nMend it.\n[assistant]\n(empty reply)\n</transcript>\n<patch>\n</patch>\n"
        f"<test_summary>\nempty patch\n</test_summary>\n{tried_before(memory)}\n"
        f'Answer with JSON, "improvement_proposal" ...\n'
        f"This is attempt {attempt}."
    )
    request = ChatRequest(model="rehearsal", messages=(Message(role="user", content=prompt),))
    return RehearsalProvider([]).complete(request, output_tokens=10_000, seed=seed).content or ""


def read(answer: str) -> Diagnosis | None:
    try:
        return parse_diagnosis(answer)
    except HostileBytesError:
        return None


def chosen(answer: str) -> Idea | None:
    found = read(answer)
    return next((i for i in catalogue() if found and i.proposal.strip() == found.improvement_proposal), None)


def test_most_answers_propose_the_remedy() -> None:
    ideas = [chosen(ask(seed)) for seed in range(60)]
    assert 0.5 < sum(idea is not None and idea.symptom is Symptom.EMPTY_REPLY for idea in ideas) / 60 < 0.9


def test_some_answers_propose_something_else() -> None:
    kinds = {idea.kind for seed in range(60) if (idea := chosen(ask(seed)))}
    assert kinds == {"helpful", "useless", "harmful", "broken"}


def test_now_and_then_an_answer_is_no_json_and_another_attempt_is() -> None:
    unread = [seed for seed in range(60) if read(ask(seed)) is None]
    assert 0 < len(unread) < 15
    assert all(any(read(ask(seed, attempt=attempt)) for attempt in (2, 3, 4)) for seed in unread)


def test_what_the_agent_has_is_not_proposed() -> None:
    remedy = next(idea for idea in catalogue() if idea.symptom is Symptom.EMPTY_REPLY)
    source = "\n".join(with_ideas(seed_agent(), [remedy]).values())
    assert remedy not in [chosen(ask(seed, source=source)) for seed in range(60)]


def test_an_agent_that_has_everything_gets_something_useless() -> None:
    source = "\n".join(idea.marker for idea in catalogue())
    assert {idea.kind for seed in range(60) if (idea := chosen(ask(seed, source=source)))} == {"useless"}


REMEDY = next(idea for idea in catalogue() if idea.symptom is Symptom.EMPTY_REPLY)


def tried(idea: Idea, relation: Relation = Relation.SIBLING) -> Modification:
    return Modification(3, relation, idea.proposal, None, "", common=8, before=3, after=3)


def test_what_was_tried_on_this_very_agent_is_not_proposed_again() -> None:
    memory = [tried(REMEDY)]
    proposed = [chosen(ask(seed, memory=memory)) for seed in range(60)]
    assert REMEDY in [chosen(ask(seed)) for seed in range(60)]
    assert REMEDY not in proposed
    assert len([idea for idea in proposed if idea]) > 45


def test_what_made_the_agents_that_it_comes_from_is_told_from_its_code_alone() -> None:
    memory = [tried(REMEDY, Relation.LINEAGE)]
    assert [ask(seed, memory=memory) for seed in range(20)] == [ask(seed) for seed in range(20)]


def test_every_proposal_of_the_catalogue_is_known_again_in_the_memory() -> None:
    for idea in catalogue():
        memory = [tried(other) for other in catalogue() if other is not idea]
        assert {chosen(ask(seed, memory=memory)) for seed in range(4)} <= {idea, None}


def test_an_agent_that_everything_was_tried_on_gets_a_proposal_all_the_same() -> None:
    memory = [tried(idea) for idea in catalogue()]
    assert any(chosen(ask(seed, memory=memory)) for seed in range(5))


def test_the_prompt_of_a_step_is_taken_for_a_diagnosis_with_all_that_it_may_hold() -> None:
    fakes = Fakes(models=FakeModelAccess(("no",)))
    fakes.diagnoses = Diagnoses(hidden_tests=True)
    job, action = expand_job()
    expand(replace(job, memory=(tried(REMEDY),)), action, fakes.bench)
    provider = RehearsalProvider([])
    requests = [ChatRequest(model="x", messages=(Message(role="user", content=p),)) for p in fakes.models.prompts]
    answers = [provider.complete(request, output_tokens=10_000, seed=1).content or "" for request in requests]
    assert sum(read(answer) is not None for answer in answers) >= 3
