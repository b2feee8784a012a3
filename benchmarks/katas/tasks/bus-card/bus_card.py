FULL = 230
REDUCED = 150
DAY_LIMIT = 700


class BusCard:
    """What one passenger pays."""

    def __init__(self):
        pass

    def ride(self, day, minute):
        """Note a ride and return its price in cents."""
        raise NotImplementedError

    @property
    def total(self):
        """All that was paid, in cents."""
        raise NotImplementedError
