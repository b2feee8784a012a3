"""Exit codes of verbs that ended without an error; those of errors stand at `dgm.core.errors`."""

WRONG = 1
"""A task was found to judge wrongly."""
WAITING = 1
"""Children wait to be seen, and there is no terminal to show them on."""
NOT_MEASURED = 4
"""Something that was asked for could not be measured or replayed."""
DIFFERENT = 6
"""A replayed session went another way than the recorded one."""
INTERRUPTED = 130
"""What shells report for Ctrl-C."""
