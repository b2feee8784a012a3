GAP = 50


def board(cars, lanes, length):
    """Return the lane of each car, None for those left on the quay."""
    used = [0] * lanes
    places = []
    for car in cars:
        place = None
        for lane in range(lanes):
            needed = car + (GAP if used[lane] else 0)
            if used[lane] + needed <= length:
                used[lane] += needed
                place = lane
                break
        places.append(place)
    return places
