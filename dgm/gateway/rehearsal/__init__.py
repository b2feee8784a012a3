"""The rehearsal model: a simulated foundation model with no key, cost or network.

It knows the answers and has a foundation model's weaknesses: it can only mend what it has seen in the conversation,
shortens long files, forgets to check, gives up, sends an empty reply. So whether it succeeds depends on what an agent's
code does for it. It never looks at an agent's identity, only at the conversation.

    provider.py      tells the four parts apart and counts tokens
    solver.py        part 1: works on a task whose answer it knows; patching.py: on one whose answer is a patch
    improver.py      part 2: carries out an idea of the catalogue on an agent's own code
    diagnosis.py     part 3: reads a transcript and proposes an idea; symptoms.py finds what went wrong
    judging.py       part 4: says whether a proposal is new
    worker.py        what parts 1 and 2 share: look, edit, check, end, and the weaknesses
    session.py       what stands in the conversation so far; seen.py: what was shown of each file
    toolbox.py       drives whatever tools the agent offers; schemas.py recognises them
    languages.py     how files of a language are searched and compiled
    rewriting.py     edits as calls: small replacements, whole files, shortened files, slips
    ideas.py         the catalogue in ideas/*.toml
"""

from dgm.gateway.rehearsal.provider import RehearsalProvider

__all__ = ["RehearsalProvider"]
