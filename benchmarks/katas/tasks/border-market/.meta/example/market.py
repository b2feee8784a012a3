"""All stalls of the market."""

from money import converted
from stall import Stall


class Market:
    """The stalls, found by name."""

    def __init__(self, rates):
        self.rates = rates
        self._stalls = {}

    def open_stall(self, name, currency="kr"):
        """Open a stall and return it."""
        stall = Stall(name, currency)
        self._stalls[name] = stall
        return stall

    def takings(self, name, currency="kr"):
        """Return what a stall took, in cents of a currency."""
        stall = self._stalls[name]
        cents = sum(price for _, _, price in stall.sales)
        return converted(cents, stall.currency, currency, self.rates)

    def total(self, currency="kr"):
        """Return what all stalls took, in cents of a currency."""
        return sum(self.takings(name, currency) for name in self._stalls)

    def best(self):
        """Return the name of the stall that took most, the first in the alphabet if several did."""
        return min(self._stalls, key=lambda name: (-self.takings(name), name))
