def shorten(words):
    """Return the log entry for spoken words."""
    raise NotImplementedError


def expand(entry):
    """Return the spoken words of a log entry."""
    raise NotImplementedError
