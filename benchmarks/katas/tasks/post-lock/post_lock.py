def lock(text):
    """Return a text as the drum writes it."""
    raise NotImplementedError


def unlock(text):
    """Return the text that the drum wrote."""
    raise NotImplementedError
