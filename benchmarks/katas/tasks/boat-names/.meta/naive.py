SMALL = {"of", "the", "and", "in"}


def painted(name):
    """Return a boat's name as it is painted."""
    words = name.title().split()
    done = []
    for place, word in enumerate(words):
        if place > 0 and word.lower() in SMALL:
            done.append(word.lower())
        elif place == len(words) - 1 and set(word.lower()) <= set("ivx"):
            done.append(word.upper())
        else:
            done.append(word)
    return " ".join(done)


def initials(name):
    """Return the first letters of the painted words with a capital."""
    return "".join(word[0] for word in painted(name).split() if word[0].isupper())
