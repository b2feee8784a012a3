"""All stalls of the market."""

from stall import Stall


class Market:
    """The stalls, found by name."""

    def __init__(self):
        self._stalls = {}

    def open_stall(self, name):
        """Open a stall and return it."""
        stall = Stall(name)
        self._stalls[name] = stall
        return stall

    def takings(self, name):
        """Return what a stall took, in cents."""
        return sum(price for _, _, price in self._stalls[name].sales)

    def total(self):
        """Return what all stalls took, in cents."""
        return sum(self.takings(name) for name in self._stalls)

    def best(self):
        """Return the name of the stall that took most, the first in the alphabet if several did."""
        return min(self._stalls, key=lambda name: (-self.takings(name), name))
