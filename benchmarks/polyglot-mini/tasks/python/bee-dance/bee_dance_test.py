import unittest

from bee_dance import Hive, dances
from test_meadow import noted


class DancesTest(unittest.TestCase):
    def test_every_dance_is_found(self):
        self.assertEqual(dances("morning.txt"), [(140, 1000), (95, 300), (310, 480)])

    def test_no_dance_is_found_where_there_is_none(self):
        with noted("# nobody flew") as path:
            found = dances(path)
        self.assertEqual(found, [])

    def test_what_is_no_dance_is_refused(self):
        with noted("12 1", "400 2") as path, self.assertRaises(ValueError) as caught:
            dances(path)
        self.assertEqual(str(caught.exception), "not a dance: 400 2")

    def test_metres_are_whole(self):
        for seconds, metres in (("1", 400), ("0.001", 0), ("0.999", 400)):
            with self.subTest(seconds), noted("7 " + seconds) as path:
                self.assertEqual(dances(path), [(7, metres)])


class HiveTest(unittest.TestCase):
    def setUp(self):
        self.hive = Hive("morning.txt")

    def test_the_nearest_is_found(self):
        self.assertEqual(self.hive.nearest(), 95)

    def test_nothing_is_nearest_where_nobody_danced(self):
        with noted() as path:
            hive = Hive(path)
        self.assertIsNone(hive.nearest())

    def test_all_within_a_distance_are_found(self):
        self.assertSetEqual(self.hive.within(480), {95, 310})

    def test_nothing_is_within_a_short_distance(self):
        self.assertEqual(len(self.hive.within(299.5)), 0)
