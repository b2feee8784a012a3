"""The board of a harbour game: harbours and the ships in them."""


class Board:
    """Where each ship lies and what it carries."""

    def __init__(self, harbours):
        self.harbours = list(harbours)
        self.ships = {}

    def launch(self, ship, harbour, hold):
        """Put a ship with room for `hold` crates into a harbour."""
        self.ships[ship] = {"harbour": harbour, "hold": hold, "crates": 0}
