"""Sums over clades, an agent with all its descendants, made when they are asked for.

Few policies ask, results are many, and a lineage may be long: so a result is not added to all of its agent's ancestors
as it comes.
"""

import numpy as np

from dgm.core.columns import Column, Counts

_FEW = 64
"""Results that are added to the sums one by one; of more than these the sums are made anew."""


class CladeSums:
    """How many measurements each agent's clade has, and how many of them it resolved."""

    def __init__(self, resolved: Column[np.int64], attempted: Column[np.int64]) -> None:
        """Begin without agents.

        Args:
            resolved: of each agent's own measurements; the caller's, who keeps it up to date.
            attempted: its own measurements, likewise.
        """
        self._own_resolved, self._own_attempted = resolved, attempted
        self._resolved, self._attempted = Column(np.int64), Column(np.int64)
        self._parents: list[int | None] = []
        self._unspread: list[tuple[int, bool]] = []  # results that the sums lack, _FEW + 1 of them at the most

    def add_agent(self, parent: int | None) -> None:
        """Add the next agent, after its parent."""
        self._parents.append(parent)
        self._resolved.append()
        self._attempted.append()

    def add_measured(self, number: int, *, resolved: bool) -> None:
        """Note that an agent has another measurement."""
        if len(self._unspread) <= _FEW:
            self._unspread.append((number, resolved))

    @property
    def resolved(self) -> Counts:
        """Number of measurements that each clade resolved."""
        self._spread()
        return self._resolved.rows

    @property
    def attempted(self) -> Counts:
        """Number of measurements of each clade."""
        self._spread()
        return self._attempted.rows

    def _spread(self) -> None:
        if len(self._unspread) > _FEW:
            self._sum_anew()
        else:
            resolved, attempted = self._resolved.rows, self._attempted.rows
            for number, was_resolved in self._unspread:
                lineage = self._lineage(number)
                resolved[lineage] += was_resolved
                attempted[lineage] += 1
        self._unspread.clear()

    def _sum_anew(self) -> None:
        resolved, attempted = self._own_resolved.rows.tolist(), self._own_attempted.rows.tolist()
        for number in range(len(self._parents) - 1, 0, -1):  # children come after their parents
            parent = self._parents[number]
            if parent is not None:
                resolved[parent] += resolved[number]
                attempted[parent] += attempted[number]
        self._resolved.rows[:] = resolved
        self._attempted.rows[:] = attempted

    def _lineage(self, number: int) -> list[int]:
        """Return an agent and all that it comes from."""
        lineage: list[int] = []
        member: int | None = number
        while member is not None:
            lineage.append(member)
            member = self._parents[member]
        return lineage
