def joined(watches):
    """Return the watched hours as sorted pairs that do not touch."""
    raise NotImplementedError


def unwatched(watches, start, end):
    """Return the gaps between two hours as sorted pairs."""
    raise NotImplementedError
