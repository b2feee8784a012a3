"""The moves of the game. Each returns True if it was possible, and changes nothing otherwise."""


def load(board, ship, crates):
    """Take crates on board."""
    state = board.ships[ship]
    if state["crates"] + crates > state["hold"] + 1:
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
    """Sail to another harbour."""
    state = board.ships[ship]
    state["harbour"] = harbour
    return True
