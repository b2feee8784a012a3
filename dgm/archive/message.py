"""Commit messages of agents, for people who look at `agents.git` with git itself."""

from dgm.boundary.text import safe_line
from dgm.core.actions import Step
from dgm.core.agents import Agent

_TITLE_CHARS = 72
_PARAGRAPH_CHARS = 2_000


def commit_message(agent: Agent, step: Step | None) -> str:
    """Return the message of an agent's commit.

    What a model wrote becomes one paragraph each without control characters, so that it can forge neither a line of
    the message nor what a terminal shows.
    """
    paragraphs = [f"agent {agent.id} (step {agent.step})"]
    if agent.parent is None or step is None:
        return f"{paragraphs[0]}\n\nThe seed agent.\n"
    paragraphs.append(f"Parent: {agent.parent}")
    paragraphs.append(f"Evidence: {safe_line(step.evidence_task, max_chars=_TITLE_CHARS)}")
    if step.diagnosis is not None:
        paragraphs.append(safe_line(step.diagnosis.improvement_proposal, max_chars=_PARAGRAPH_CHARS))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def held_message(step: Step) -> str:
    """Return the message of the commit of a child that waits for a person."""
    return f"step {step.number}, held for review\n\nParent: {step.parent}\n"
