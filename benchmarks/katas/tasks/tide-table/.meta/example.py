PERIOD = 745
DAY = 1440


def next_high_water(known, now):
    """Return (days, minute) of the first high water at or after `now`."""
    moment = known % PERIOD
    while moment < now:
        moment += PERIOD
    return moment // DAY, moment % DAY


def as_clock(minute):
    """Return the minute of a day as HH:MM."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
