"""One stall on the market and what it sold."""


class Stall:
    """A stall with goods and their prices."""

    def __init__(self, name):
        self.name = name
        self.prices = {}
        self.sales = []

    def offer(self, good, price):
        """Set the price of one piece in cents."""
        self.prices[good] = price

    def sell(self, good, pieces):
        """Note a sale and return its price."""
        price = self.prices[good] * pieces
        self.sales.append((good, pieces, price))
        return price
