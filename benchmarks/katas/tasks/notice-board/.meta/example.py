"""Text for the notice board in the village square: everything has a fixed width and plain characters."""

BULLET = "* "
ELLIPSIS = "..."


def words_of(text):
    """Return the words of a text."""
    return text.split()


def wrapped(text, width):
    """Return the lines of a text, broken at spaces so that none is wider than `width`.

    A word that is wider than a line is broken into pieces.
    """
    lines = []
    line = ""
    for word in words_of(text):
        while len(word) > width:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:width])
            word = word[width:]
        if not word:
            continue
        if not line:
            line = word
        elif len(line) + 1 + len(word) <= width:
            line += " " + word
        else:
            lines.append(line)
            line = word
    if line:
        lines.append(line)
    return lines


def paragraphs(text, width):
    """Return the wrapped lines of paragraphs, which empty lines separate; one empty line between them."""
    lines = []
    for paragraph in text.split("\n\n"):
        part = wrapped(paragraph, width)
        if not part:
            continue
        if lines:
            lines.append("")
        lines += part
    return lines


def left(line, width):
    """Return a line with its text on the left."""
    return line + " " * (width - len(line))


def right(line, width):
    """Return a line with its text on the right."""
    return " " * (width - len(line)) + line


def centred(line, width):
    """Return a line with its text in the middle; what cannot be halved goes to the right."""
    room = max(0, width - len(line))
    before = room // 2
    return " " * before + line + " " * (room - before)


def justified(line, width):
    """Return a line whose words reach from edge to edge; gaps on the left take what cannot be shared evenly."""
    words = words_of(line)
    if len(words) < 2:
        return left(line.strip(), width)
    room = width - sum(len(word) for word in words)
    gap, rest = divmod(room, len(words) - 1)
    done = words[0]
    for number, word in enumerate(words[1:]):
        done += " " * (gap + (1 if number < rest else 0)) + word
    return done


def block(text, width):
    """Return the wrapped lines of a text, all but the last one justified."""
    lines = wrapped(text, width)
    return [justified(line, width) for line in lines[:-1]] + [left(line, width) for line in lines[-1:]]


def rule(width, character="-"):
    """Return a line across the notice."""
    return character * width


def underlined(title):
    """Return a title and the line below it."""
    return [title, rule(len(title), "=")]


def shortened(text, width):
    """Return a text that fits into `width`; what is cut off is marked by three dots."""
    if len(text) <= width:
        return text
    if width <= len(ELLIPSIS):
        return ELLIPSIS[:width]
    return text[: width - len(ELLIPSIS)].rstrip() + ELLIPSIS


def bullets(items, width):
    """Return the lines of a list; later lines of an item stand below its first word."""
    lines = []
    for item in items:
        for number, line in enumerate(wrapped(item, width - len(BULLET))):
            start = BULLET if number == 0 else " " * len(BULLET)
            lines.append(start + line)
    return lines


def numbered(items, width):
    """Return the lines of a numbered list; the numbers are aligned on the right."""
    digits = len(str(len(items)))
    lines = []
    for place, item in enumerate(items, start=1):
        start = right(str(place), digits) + ". "
        for number, line in enumerate(wrapped(item, width - len(start))):
            lines.append((start if number == 0 else " " * len(start)) + line)
    return lines


def boxed(lines):
    """Return lines with a frame around them, as wide as the widest line."""
    inner = max((len(line) for line in lines), default=0)
    edge = "+" + rule(inner + 2) + "+"
    return [edge] + ["| " + left(line, inner) + " |" for line in lines] + [edge]


def beside(first, second, gap=2):
    """Return two columns of lines side by side; the shorter one is filled with empty lines."""
    width = max((len(line) for line in first), default=0)
    height = max(len(first), len(second))
    lines = []
    for number in range(height):
        one = first[number] if number < len(first) else ""
        other = second[number] if number < len(second) else ""
        lines.append((left(one, width) + " " * gap + other).rstrip())
    return lines


def column_widths(rows):
    """Return the width of each column of a table; rows may have different lengths."""
    widths = []
    for row in rows:
        for number, cell in enumerate(row):
            if number == len(widths):
                widths.append(0)
            widths[number] = max(widths[number], len(cell))
    return widths


def is_number(cell):
    """Return whether a cell holds a number, which is then aligned on the right."""
    digits = cell.removeprefix("-").replace(".", "", 1)
    return digits.isdigit()


def table(rows):
    """Return the lines of a table with two spaces between its columns."""
    widths = column_widths(rows)
    lines = []
    for row in rows:
        cells = []
        for cell, width in zip(row, widths):
            cells.append(right(cell, width) if is_number(cell) else left(cell, width))
        lines.append("  ".join(cells).rstrip())
    return lines


def with_header(header, rows):
    """Return the lines of a table whose first row is set off by a rule."""
    lines = table([header, *rows])
    width = max(len(line) for line in lines)
    return [lines[0], rule(width), *lines[1:]]


def leaders(name, price, width):
    """Return a line with a name, dots, and a price at the right edge, such as "tea .... 2.00"."""
    dots = width - len(name) - len(price) - 2
    return name + " " + "." * dots + " " + price


def price_list(items, width):
    """Return a line with leaders for each (name, price) pair; names that are too long are shortened."""
    lines = []
    for name, price in items:
        room = width - len(price) - 5
        lines.append(leaders(shortened(name, room), price, width))
    return lines


def notice(title, text, width):
    """Return a whole notice: a box with a centred title, a rule and justified text."""
    inner = width - 4
    lines = [centred(shortened(title, inner), inner), rule(inner)]
    return boxed(lines + block(text, inner))
