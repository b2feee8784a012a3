SMALL = {"of", "the", "and", "in"}


def painted(name):
    """Return a boat's name as it is painted."""
    words = name.lower().split()
    done = []
    for place, word in enumerate(words):
        if place == len(words) - 1 and set(word) <= set("ivx"):
            done.append(word.upper())
            continue
        parts = word.split("-")
        for number, part in enumerate(parts):
            if part not in SMALL or (place == 0 and number == 0):
                parts[number] = part[:1].upper() + part[1:]
        done.append("-".join(parts))
    return " ".join(done)


def initials(name):
    """Return the first letters of the painted words with a capital."""
    return "".join(word[0] for word in painted(name).split() if word[0].isupper())
