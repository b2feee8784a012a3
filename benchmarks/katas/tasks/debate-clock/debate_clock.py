class DebateClock:
    """The speaking time of two debaters."""

    def __init__(self, seconds):
        raise NotImplementedError

    def start(self, side, now):
        """Give the turn to a side."""

    def pause(self, now):
        """Stop the time."""

    def left_over(self, side, now):
        """Return the seconds that a side has left."""

    def late(self, now):
        """Return the side without time, or None."""
