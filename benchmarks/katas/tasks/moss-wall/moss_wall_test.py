import unittest

from moss_wall import grow, settles, week


class MossWallTest(unittest.TestCase):
    def test_bare_wall_stays_bare(self):
        self.assertEqual(week("...."), "....")

    def test_moss_spreads(self):
        self.assertEqual(week("..#.."), ".###.")

    def test_between_two_nothing_grows(self):
        self.assertEqual(week("#.#"), "#.#")

    def test_too_little_light(self):
        self.assertEqual(week("###"), "#.#")

    def test_painted_stones_stay(self):
        self.assertEqual(week("#o."), "#o.")

    def test_no_weeks(self):
        self.assertEqual(grow(".#.", 0), ".#.")

    def test_three_weeks(self):
        self.assertEqual(grow("...#...", 3), "###.###")

    def test_painted_wall_settles_at_once(self):
        self.assertEqual(settles("o"), 1)

    def test_growing_wall_settles_later(self):
        self.assertEqual(settles("#...."), 6)

    def test_empty_wall(self):
        self.assertEqual(settles(""), 1)
