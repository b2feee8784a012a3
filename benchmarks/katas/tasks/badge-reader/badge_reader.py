def check_number(digits):
    """Return the check number of a badge's digits."""
    raise NotImplementedError


def is_valid(badge):
    """Return whether a badge such as "40213-58" carries the right check number."""
    raise NotImplementedError
