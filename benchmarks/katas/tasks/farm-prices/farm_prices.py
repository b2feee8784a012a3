def to_coins(cents):
    """Return the amount rounded to the nearest multiple of 5."""
    raise NotImplementedError


def share(cents, percent):
    """Return a percentage of an amount, halves rounded away from zero."""
    raise NotImplementedError


def written(cents):
    """Return the amount as text."""
    raise NotImplementedError
