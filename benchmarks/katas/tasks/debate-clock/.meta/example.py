class DebateClock:
    """The speaking time of two debaters."""

    def __init__(self, seconds):
        self._left = {"left": seconds, "right": seconds}
        self._turn = None
        self._since = 0

    def start(self, side, now):
        """Give the turn to a side."""
        self._check(side)
        if side == self._turn:
            return
        self.pause(now)
        self._turn = side
        self._since = now

    def pause(self, now):
        """Stop the time."""
        if self._turn is not None:
            self._left[self._turn] = self.left_over(self._turn, now)
        self._turn = None

    def left_over(self, side, now):
        """Return the seconds that a side has left."""
        self._check(side)
        running = now - self._since if side == self._turn else 0
        return max(0, self._left[side] - running)

    def late(self, now):
        """Return the side without time, or None."""
        for side in self._left:
            if self.left_over(side, now) == 0:
                return side
        return None

    def _check(self, side):
        if side not in self._left:
            raise ValueError(f"no such side: {side}")
