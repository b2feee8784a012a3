def turned(text):
    """Return the map turned a quarter clockwise."""
    raise NotImplementedError


def neighbours(text, row, column):
    """Return the characters around a place, sorted."""
    raise NotImplementedError


def lonely(text):
    """Return how many trees stand without their kind around them."""
    raise NotImplementedError
