import unittest

import catalog as books
from loans import Loans
from report import line, wanted


def library():
    catalog = books.Catalog()
    catalog.add("K-102", "Kites")
    catalog.add("B 7", "Bees", copies=2)
    return catalog, Loans(catalog)


class VillageLibraryTest(unittest.TestCase):
    def test_normal(self):
        self.assertEqual(books.normal("k-1 0-2b"), "K102B")

    def test_book_has_the_normal_number(self):
        self.assertEqual(library()[0].find("K102").number, "K102")

    def test_find_in_another_spelling(self):
        self.assertEqual(library()[0].find("b-7").title, "Bees")

    def test_adding_again_adds_copies(self):
        catalog, _ = library()
        catalog.add("k102", "Kites", copies=3)
        self.assertEqual(catalog.find("K 102").copies, 4)

    def test_titles_once(self):
        catalog, _ = library()
        catalog.add("b7", "Bees")
        self.assertEqual(catalog.titles(), ["Bees", "Kites"])

    def test_last_copy_is_out_in_every_spelling(self):
        _, loans = library()
        loans.lend("K-102", "Ada")
        self.assertFalse(loans.lend("k102", "Bo"))

    def test_return_in_another_spelling(self):
        _, loans = library()
        loans.lend("B7", "Ada")
        self.assertTrue(loans.take_back("b 7", "Ada"))

    def test_readers_in_another_spelling(self):
        _, loans = library()
        loans.lend("b7", "Ada")
        loans.lend("B-7", "Bo")
        self.assertEqual(loans.readers("B 7"), ["Ada", "Bo"])

    def test_line(self):
        catalog, loans = library()
        loans.lend("b7", "Ada")
        self.assertEqual(line(catalog, loans, "b-7"), "B7: Bees, 1 of 2 in")

    def test_line_of_an_unknown_book(self):
        catalog, loans = library()
        self.assertEqual(line(catalog, loans, "x-9"), "X9: unknown")

    def test_wanted(self):
        catalog, _ = library()
        self.assertEqual(wanted(catalog, ["k102", "b7", "B-7", "zz"]), [("B7", 2), ("K102", 1)])
