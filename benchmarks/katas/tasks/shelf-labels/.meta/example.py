def label(number):
    """Return the label of the shelf with that number, from 1."""
    if number < 1:
        raise ValueError("shelves are counted from 1")
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def number(label):
    """Return the number of the shelf with that label."""
    if not label:
        raise ValueError("a label has at least one letter")
    total = 0
    for letter in label:
        if not "A" <= letter <= "Z":
            raise ValueError("a label has only the letters A to Z")
        total = total * 26 + ord(letter) - ord("A") + 1
    return total
