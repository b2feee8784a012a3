def flashes(samples):
    """Return the length of each flash in seconds."""
    lengths = []
    run = 0
    for sample in samples:
        if sample == "1":
            run += 1
        else:
            if run:
                lengths.append(run)
            run = 0
    if run:
        lengths.append(run)
    return lengths


def period(samples):
    """Return after how many seconds the samples repeat."""
    for candidate in range(1, len(samples)):
        if samples[candidate:] == samples[:-candidate]:
            return candidate
    return len(samples)


def same_light(first, second):
    """Return whether two samplings could show the same lamp."""
    return len(first) == len(second) and second in first + first
