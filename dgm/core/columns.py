"""Columns of numbers, one for each agent, that grow with the archive.

Numpy is the one library of `core`: a policy weighs all agents at every decision, and there may be 100,000 of them.
"""

from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
Amounts: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Grid: TypeAlias = NDArray[np.int16]
Numbers: TypeAlias = NDArray[np.int64]
"""Numbers of agents, as places in such columns."""

_FIRST_CAPACITY = 64
_Number = TypeVar("_Number", np.int16, np.int64, np.float64, np.bool_)


class Column(Generic[_Number]):
    """Numbers that are appended in amortised constant time and read as one array.

    Or rows of as many numbers as `shape` says.
    """

    def __init__(self, kind: type[_Number], *shape: int) -> None:
        self._all: NDArray[_Number] = np.zeros((_FIRST_CAPACITY, *shape), kind)
        self._length = 0

    def append(self) -> None:
        """Append a zero, or a row of them."""
        if self._length == len(self._all):
            self._all = np.concatenate([self._all, np.zeros_like(self._all)])
        self._length += 1

    @property
    def rows(self) -> NDArray[_Number]:
        """All of them, at the places that they are kept at: what is written to the array is written to the column."""
        return self._all[: self._length]
