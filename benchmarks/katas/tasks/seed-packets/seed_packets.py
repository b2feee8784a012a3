def packets(plan, sizes):
    """Return the number of packets to buy of each kind."""
    raise NotImplementedError
