def week(wall):
    """Return the wall one week later."""
    after = []
    for place, stone in enumerate(wall):
        left = wall[place - 1] if place > 0 else "."
        right = wall[place + 1] if place + 1 < len(wall) else "."
        mossy = (left == "#") + (right == "#")
        if stone == "." and mossy == 1:
            stone = "#"
        elif stone == "#" and mossy == 2:
            stone = "."
        after.append(stone)
    return "".join(after)


def grow(wall, weeks):
    """Return the wall after some weeks."""
    for _ in range(weeks):
        wall = week(wall)
    return wall


def settles(wall):
    """Return the first week in which an earlier wall comes back."""
    seen = set()
    number = 0
    while wall not in seen:
        seen.add(wall)
        wall = week(wall)
        number += 1
    return number
