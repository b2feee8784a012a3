RIM = "abcdefghijklmnopqrstuvwxyz"
START = 3


def lock(text):
    """Return a text as the drum writes it."""
    return _turned(text, START, 1)


def unlock(text):
    """Return the text that the drum wrote."""
    return _turned(text, -START, -1)


def _turned(text, shift, step):
    done = []
    for letter in text.lower():
        if letter not in RIM:
            done.append(letter)
            continue
        done.append(RIM[(RIM.index(letter) + shift) % len(RIM)])
        shift += step
    return "".join(done)
