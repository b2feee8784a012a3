def week(wall):
    """Return the wall one week later."""
    raise NotImplementedError


def grow(wall, weeks):
    """Return the wall after some weeks."""
    raise NotImplementedError


def settles(wall):
    """Return the first week in which an earlier wall comes back."""
    raise NotImplementedError
