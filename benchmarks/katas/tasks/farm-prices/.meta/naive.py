def to_coins(cents):
    """Return the amount rounded to the nearest multiple of 5."""
    return round(cents / 5) * 5


def share(cents, percent):
    """Return a percentage of an amount, halves rounded away from zero."""
    return round(cents * percent / 100)


def written(cents):
    """Return the amount as text."""
    return f"{cents // 100}.{cents % 100:02d}"
