SMALL = {"of", "the", "and", "in"}


def painted(name):
    """Return a boat's name as it is painted."""
    raise NotImplementedError


def initials(name):
    """Return the first letters of the painted words with a capital."""
    raise NotImplementedError
