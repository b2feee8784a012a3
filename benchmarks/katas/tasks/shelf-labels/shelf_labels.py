def label(number):
    """Return the label of the shelf with that number, from 1."""
    raise NotImplementedError


def number(label):
    """Return the number of the shelf with that label."""
    raise NotImplementedError
