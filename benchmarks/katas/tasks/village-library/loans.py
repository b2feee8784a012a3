"""Who has borrowed what."""


class Loans:
    """The books that are out."""

    def __init__(self, catalog):
        self._catalog = catalog
        self._out = {}

    def lend(self, number, reader):
        """Note a loan; return whether a copy was there and the reader had none yet."""
        book = self._catalog.find(number)
        readers = self._out.setdefault(number, [])
        if book is None or len(readers) >= book.copies or reader in readers:
            return False
        readers.append(reader)
        return True

    def take_back(self, number, reader):
        """Note a return; return whether that reader had the book."""
        readers = self._out.get(number, [])
        if reader not in readers:
            return False
        readers.remove(reader)
        return True

    def readers(self, number):
        """Return who has the book, in the order of lending."""
        return list(self._out.get(number, []))
