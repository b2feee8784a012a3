import unittest

from watch_rota import joined, unwatched


class JoinedTest(unittest.TestCase):
    def test_none(self):
        self.assertEqual(joined([]), [])

    def test_apart(self):
        self.assertEqual(joined([(5, 6), (1, 2)]), [(1, 2), (5, 6)])

    def test_overlap(self):
        self.assertEqual(joined([(3, 8), (1, 4)]), [(1, 8)])

    def test_touching(self):
        self.assertEqual(joined([(3, 8), (8, 9)]), [(3, 9)])

    def test_one_within_the_other(self):
        self.assertEqual(joined([(0, 10), (4, 5)]), [(0, 10)])

    def test_three_in_a_chain(self):
        self.assertEqual(joined([(7, 12), (0, 10), (1, 2)]), [(0, 12)])


class UnwatchedTest(unittest.TestCase):
    def test_nobody_watches(self):
        self.assertEqual(unwatched([], 3, 9), [(3, 9)])

    def test_all_watched(self):
        self.assertEqual(unwatched([(0, 5), (5, 10)], 2, 9), [])

    def test_gap_between(self):
        self.assertEqual(unwatched([(0, 4), (6, 10)], 0, 10), [(4, 6)])

    def test_watch_before_the_time_asked_for(self):
        self.assertEqual(unwatched([(0, 2), (6, 7)], 4, 7), [(4, 6)])

    def test_watch_after_the_time_asked_for(self):
        self.assertEqual(unwatched([(8, 9)], 2, 5), [(2, 5)])
