"""The board of a harbour game: harbours and the ships in them."""


class Board:
    """Where each ship lies and what it carries."""

    def __init__(self, harbours):
        self.harbours = list(harbours)
        self.ships = {}

    def launch(self, ship, harbour, hold):
        """Put a ship with room for `hold` crates into a harbour."""
        self.require(harbour)
        self.ships[ship] = {"harbour": harbour, "hold": hold, "crates": 0, "fuel": 10}

    def require(self, harbour):
        """Raise ValueError unless there is such a harbour."""
        if harbour not in self.harbours:
            raise ValueError(f"no harbour {harbour}")

    def distance(self, one, other):
        """Return how far two harbours are from each other."""
        self.require(one)
        self.require(other)
        return abs(self.harbours.index(one) - self.harbours.index(other))
