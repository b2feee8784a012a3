"""Drawing agents by weight, the same on every machine."""

from random import Random

import numpy as np

from dgm.core.columns import Amounts

_SEED_BITS = 64


def drawn(weights: Amounts, random: Random) -> int:
    """Return a place in `weights`, each with a chance in proportion to its weight.

    Args:
        weights: N >= 1 finite numbers >= 0, at least one above 0.
        random: one number is drawn.
    """
    sums = weights.cumsum()
    place = int(sums.searchsorted(random.random() * float(sums[-1]), side="right"))
    # Rounding may carry the product up to the whole sum, and the last weights may be zero.
    return min(place, int(np.flatnonzero(weights)[-1]))


def generator(random: Random) -> np.random.Generator:
    """Return what draws whole arrays by `random`: the same for the same state of it.

    Numpy promises the bits of PCG64 for ever, but may change what a distribution makes of them in a new release
    (NEP 19). That cannot reach a decision which was written down; a run that is resumed with another numpy may choose
    on as if by another seed.
    """
    return np.random.Generator(np.random.PCG64(random.getrandbits(_SEED_BITS)))
