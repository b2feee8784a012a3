"""The moves of the game. Each returns True if it was possible, and changes nothing otherwise."""


def load(board, ship, crates):
    """Take crates on board."""
    state = board.ships[ship]
    if state["crates"] + crates > state["hold"]:
        return False
    state["crates"] += crates
    return True


def unload(board, ship, crates):
    """Put crates ashore."""
    state = board.ships[ship]
    if crates > state["crates"]:
        return False
    state["crates"] -= crates
    return True


def sail(board, ship, harbour):
    """Sail to another harbour; every unit of distance costs one unit of fuel, a full ship needs two."""
    state = board.ships[ship]
    rate = 2 if state["crates"] == state["hold"] else 1
    cost = rate * board.distance(state["harbour"], harbour)
    if cost > state["fuel"]:
        return False
    state["fuel"] -= cost
    state["harbour"] = harbour
    return True


def refuel(board, ship):
    """Fill the tank; only in the first harbour."""
    state = board.ships[ship]
    if state["harbour"] != board.harbours[0]:
        return False
    state["fuel"] = 10
    return True
