"""Part 4: the model judges whether a proposal is new for an archive."""

import json
import re

from dgm.gateway.rehearsal.texts import normalised

_PROPOSAL = re.compile(r"<proposal>(.*?)</proposal>", re.DOTALL)
_NEW_PROPOSAL = re.compile(r"<new_proposal>(.*?)</new_proposal>", re.DOTALL)


def is_question_of_interest(text: str) -> bool:
    """Whether a prompt asks if a proposal is new."""
    return _NEW_PROPOSAL.search(text) is not None and "is_new" in text


def judgement(prompt: str) -> str:
    """Return the model's answer to such a prompt: JSON. Only what was proposed word for word is not new to it."""
    earlier = {normalised(proposal) for proposal in _PROPOSAL.findall(prompt)}
    asked = _NEW_PROPOSAL.search(prompt)
    is_new = asked is None or normalised(asked[1]) not in earlier
    reason = "Nothing like it was proposed before." if is_new else "The same was proposed before."
    return json.dumps({"is_new": is_new, "reason": reason}, indent=1)
