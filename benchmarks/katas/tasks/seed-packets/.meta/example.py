def packets(plan, sizes):
    """Return the number of packets to buy of each kind."""
    plants = {}
    for bed in plan:
        for entry in bed.split(","):
            if not entry.strip():
                continue
            kind, count = entry.split()
            plants[kind] = plants.get(kind, 0) + int(count)
    return {kind: -(-count // sizes[kind]) for kind, count in plants.items() if count}
