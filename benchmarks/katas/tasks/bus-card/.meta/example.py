FULL = 230
REDUCED = 150
DAY_LIMIT = 700


class BusCard:
    """What one passenger pays."""

    def __init__(self):
        self._total = 0
        self._day = None
        self._paid_today = 0
        self._last_full = None

    def ride(self, day, minute):
        """Note a ride and return its price in cents."""
        if day != self._day:
            self._day = day
            self._paid_today = 0
            self._last_full = None
        reduced = self._last_full is not None and minute - self._last_full <= 60
        price = min(REDUCED if reduced else FULL, DAY_LIMIT - self._paid_today)
        if price == FULL:
            self._last_full = minute
        self._paid_today += price
        self._total += price
        return price

    @property
    def total(self):
        """All that was paid, in cents."""
        return self._total
