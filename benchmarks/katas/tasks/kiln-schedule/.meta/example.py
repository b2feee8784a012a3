"""The schedule of a kiln: what temperature when."""

START = 20


def parts(step):
    """Return a step's target, minutes, hold and soak."""
    if len(step) == 3:
        return (*step, 0)
    if len(step) != 4:
        raise ValueError("a step has three or four entries")
    return tuple(step)


def duration(steps):
    """Return how long the schedule takes, in minutes."""
    total = 0
    for step in steps:
        _, minutes, hold, soak = parts(step)
        total += soak + minutes + hold
    return total


def temperature(steps, minute):
    """Return the temperature at a minute, in degrees Celsius."""
    before = START
    for step in steps:
        target, minutes, hold, soak = parts(step)
        if minute < soak:
            return before
        minute -= soak
        if minute < minutes:
            return before + (target - before) * minute / minutes
        minute -= minutes
        if minute < hold:
            return target
        minute -= hold
        before = target
    return before


def hottest(steps):
    """Return the highest temperature of the schedule."""
    highest = START
    for step in steps:
        target, _, _, _ = parts(step)
        highest = max(highest, target)
    return highest


def time_above(steps, degrees):
    """Return how many minutes are hotter than some temperature."""
    count = 0
    for minute in range(duration(steps)):
        if temperature(steps, minute) > degrees:
            count += 1
    return count


def described(steps):
    """Return one line per step."""
    lines = []
    for step in steps:
        target, minutes, hold, soak = parts(step)
        start = f"soak {soak}, " if soak else ""
        lines.append(f"{start}to {target} in {minutes}, hold {hold}")
    return lines
