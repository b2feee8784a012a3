"""Part 3: the model reads a session that failed and proposes one improvement of the agent."""

import json
import re
from collections.abc import Sequence
from random import Random

from dgm.gateway.rehearsal.ideas import Idea
from dgm.gateway.rehearsal.symptoms import symptoms
from dgm.gateway.rehearsal.texts import normalised

UNREADABLE_CHANCE = 0.08
"""Of an answer that is not the JSON asked for."""
INSIGHT_CHANCE = 0.75
"""Of proposing a remedy for what went wrong, and not just anything."""

_CUT = "…"
_TAGS = ("agent_source", "task_statement", "transcript", "patch", "test_summary")
_ATTEMPT = re.compile(r"attempt (\d+)", re.IGNORECASE)
_TRIED = re.compile(r"^Step \d+, tried on this very agent;.*\n  Proposal: (.+)$", re.MULTILINE)


def is_diagnosis(text: str) -> bool:
    """Whether a prompt asks for a diagnosis."""
    return all(f"<{tag}>" in text and f"</{tag}>" in text for tag in _TAGS) and "improvement_proposal" in text


def diagnosis(prompt: str, ideas: Sequence[Idea], *, seed: int) -> str:
    """Return the model's answer to a prompt for a diagnosis: JSON, or now and then something else."""
    attempts = _ATTEMPT.findall(prompt.rsplit("</test_summary>", 1)[1])
    chance = Random(f"{seed}:diagnosis:{attempts[-1] if attempts else 1}")
    if chance.random() < UNREADABLE_CHANCE:
        return "The agent did well on the whole. I would give it better tools, but that is a matter of taste."
    found = symptoms(_inside(prompt, "transcript"), _inside(prompt, "patch"))
    missing = _missing(ideas, _inside(prompt, "agent_source"))
    missing = _untried(missing, prompt) or missing
    remedies = [idea for symptom in found for idea in missing if idea.kind == "helpful" and idea.symptom is symptom]
    has_insight = chance.random() < INSIGHT_CHANCE
    idea = remedies[0] if has_insight and remedies else chance.choice(missing)
    return _answer(idea, [symptom.value for symptom in found], remedies)


def _missing(ideas: Sequence[Idea], source: str) -> list[Idea]:
    """Return the ideas that the agent does not have, or the useless ones when it has all."""
    return [idea for idea in ideas if idea.marker not in source] or [idea for idea in ideas if idea.kind == "useless"]


def _untried(ideas: Sequence[Idea], prompt: str) -> list[Idea]:
    """Return the ideas that were not tried on this agent before, as far as the prompt tells."""
    memory = _inside(prompt, "tried_before") if "<tried_before>" in prompt else ""
    tried = _TRIED.findall(memory)
    return [idea for idea in ideas if not any(_is_of(line, idea) for line in tried)]


def _is_of(line: str, idea: Idea) -> bool:
    """Whether a line is an idea's proposal, or the beginning of it."""
    proposal = normalised(idea.proposal)
    return proposal.startswith(line.removesuffix(_CUT)) if line.endswith(_CUT) else proposal == line


def _inside(prompt: str, tag: str) -> str:
    """Return what stands between a tag's first opening and its first closing after it; the host breaks others."""
    return prompt.split(f"<{tag}>", 1)[1].split(f"</{tag}>", 1)[0]


def _answer(idea: Idea, found: Sequence[str], remedies: Sequence[Idea]) -> str:
    others = [remedy.proposal.strip() for remedy in remedies if remedy is not idea]
    return json.dumps(
        {
            "log_summarization": f"What stands out in the session: {', '.join(found) or 'nothing in particular'}.",
            "potential_improvements": [idea.proposal.strip(), *others],
            "improvement_proposal": idea.proposal.strip(),
            "implementation_suggestion": idea.suggestion.strip(),
            "problem_description": idea.problem.strip(),
        },
        indent=1,
    )
