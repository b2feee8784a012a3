"""The books of the village library."""


class Book:
    """One title, of which the library may have several copies."""

    def __init__(self, number, title, copies):
        self.number = number
        self.title = title
        self.copies = copies


class Catalog:
    """All books, found by number."""

    def __init__(self):
        self._books = {}

    def add(self, number, title, copies=1):
        """Add a book, or more copies of one that is there."""
        key = normal(number)
        if key in self._books:
            self._books[key].copies += copies
        else:
            self._books[key] = Book(key, title, copies)

    def find(self, number):
        """Return the book with that number, or None."""
        return self._books.get(normal(number))

    def titles(self):
        """Return all titles in alphabetical order."""
        return sorted(book.title for book in self._books.values())


def normal(number):
    """Return a book number as it is compared: without dashes and spaces, capitals only."""
    return number.replace("-", "").replace(" ", "").upper()
