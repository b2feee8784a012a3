"""What hangs on the library's door."""

from catalog import normal


def line(catalog, loans, number):
    """Return one line about a book: number, title and how many copies are in."""
    book = catalog.find(number)
    if book is None:
        return f"{normal(number)}: unknown"
    there = book.copies - len(loans.readers(number))
    return f"{normal(number)}: {book.title}, {there} of {book.copies} in"


def wanted(catalog, requests):
    """Return how often each known book was asked for, as (number, times), most wanted first, then by number."""
    times = {}
    for number in requests:
        if catalog.find(number) is not None:
            times[normal(number)] = times.get(normal(number), 0) + 1
    return sorted(times.items(), key=lambda item: (-item[1], item[0]))
