def turned(text):
    """Return the map turned a quarter clockwise."""
    rows = text.splitlines()
    return "\n".join("".join(column) for column in zip(*reversed(rows)))


def neighbours(text, row, column):
    """Return the characters around a place, sorted."""
    rows = text.splitlines()
    found = []
    for r in range(max(0, row - 1), min(len(rows), row + 2)):
        for c in range(max(0, column - 1), min(len(rows[r]), column + 2)):
            if (r, c) != (row, column):
                found.append(rows[r][c])
    return "".join(sorted(found))


def lonely(text):
    """Return how many trees stand without their kind around them."""
    count = 0
    for r, line in enumerate(text.splitlines()):
        for c, tree in enumerate(line):
            if tree != "." and tree not in neighbours(text, r, c):
                count += 1
    return count
