def shorten(words):
    """Return the log entry for spoken words."""
    runs = []
    for word in words.split():
        if runs and runs[-1][0] == word:
            runs[-1][1] += 1
        else:
            runs.append([word, 1])
    return " ".join(word if count == 1 else f"{word}*{count}" for word, count in runs)


def expand(entry):
    """Return the spoken words of a log entry."""
    words = []
    for item in entry.split():
        word, star, count = item.partition("*")
        times = int(count) if star else 1
        if star and times < 2:
            raise ValueError("a count is at least 2")
        words += [word] * times
    return " ".join(words)
