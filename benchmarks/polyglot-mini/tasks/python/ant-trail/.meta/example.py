from collections import Counter

STEPS = {"N": (0, 1), "E": (1, 0), "S": (0, -1), "W": (-1, 0)}


def squares(trail):
    east, north = 0, 0
    yield east, north
    for letter in trail:
        if letter not in STEPS:
            raise ValueError(f"not a step: {letter}")
        east += STEPS[letter][0]
        north += STEPS[letter][1]
        yield east, north


def end(trail):
    return list(squares(trail))[-1]


def way_home(trail):
    east, north = end(trail)
    return ("W" if east > 0 else "E") * abs(east) + ("S" if north > 0 else "N") * abs(north)


def busiest(trail):
    return max(Counter(squares(trail)).values())
