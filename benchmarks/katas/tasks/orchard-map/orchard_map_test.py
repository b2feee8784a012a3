import unittest

from orchard_map import lonely, neighbours, turned


class OrchardMapTest(unittest.TestCase):
    def test_turn(self):
        self.assertEqual(turned("aap\np.a"), "pa\n.a\nap")

    def test_turn_a_row(self):
        self.assertEqual(turned("abc"), "a\nb\nc")

    def test_turn_nothing(self):
        self.assertEqual(turned(""), "")

    def test_neighbours_in_the_middle(self):
        self.assertEqual(neighbours("abc\ndxe\nfgh", 1, 1), "abcdefgh")

    def test_neighbours_in_a_corner(self):
        self.assertEqual(neighbours("ab\ncd", 0, 0), "bcd")

    def test_neighbours_of_the_only_tree(self):
        self.assertEqual(neighbours("a", 0, 0), "")

    def test_nobody_is_lonely(self):
        self.assertEqual(lonely("aa\npp"), 0)

    def test_lonely_trees(self):
        self.assertEqual(lonely("a.a\n...\npp."), 2)

    def test_diagonals_count(self):
        self.assertEqual(lonely("a.\n.a"), 0)

    def test_gaps_are_no_trees(self):
        self.assertEqual(lonely("."), 0)
