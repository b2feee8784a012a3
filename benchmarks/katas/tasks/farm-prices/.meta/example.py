def to_coins(cents):
    """Return the amount rounded to the nearest multiple of 5."""
    return (cents + 2) // 5 * 5


def share(cents, percent):
    """Return a percentage of an amount, halves rounded away from zero."""
    product = cents * percent
    size = (abs(product) + 50) // 100
    return size if product >= 0 else -size


def written(cents):
    """Return the amount as text."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"
