def joined(watches):
    """Return the watched hours as sorted pairs that do not touch."""
    result = []
    for start, end in sorted(watches):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def unwatched(watches, start, end):
    """Return the gaps between two hours as sorted pairs."""
    gaps = []
    for first, last in joined(watches):
        if first > start:
            gaps.append((start, min(first, end)))
        start = max(start, last)
        if start >= end:
            return gaps
    gaps.append((start, end))
    return gaps
