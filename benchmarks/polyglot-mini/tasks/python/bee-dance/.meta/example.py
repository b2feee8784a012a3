import re

METRES_PER_SECOND = 400


def dances(path):
    with open(path, encoding="utf-8") as lines:
        noted = (line.rstrip("\n") for line in lines)
        return [_dance(line) for line in noted if line and not line.startswith("#")]


def _dance(line):
    found = re.fullmatch(r"(\d+) (\d+(?:\.\d+)?)", line)
    if not found or int(found[1]) >= 360:
        raise ValueError(f"not a dance: {line}")
    return int(found[1]), round(float(found[2]) * METRES_PER_SECOND)


class Hive:
    def __init__(self, path):
        self._dances = dances(path)

    def nearest(self):
        return min(self._dances, key=lambda dance: dance[1])[0] if self._dances else None

    def within(self, metres):
        return {bearing for bearing, distance in self._dances if distance <= metres}
