import unittest

from tide_table import as_clock, next_high_water


class NextHighWaterTest(unittest.TestCase):
    def test_later_today(self):
        self.assertEqual(next_high_water(100, 200), (0, 845))

    def test_happening_now(self):
        self.assertEqual(next_high_water(300, 300), (0, 300))

    def test_earlier_than_the_noted_one(self):
        self.assertEqual(next_high_water(800, 20), (0, 55))

    def test_between_the_two_of_a_day(self):
        self.assertEqual(next_high_water(800, 56), (0, 800))

    def test_tomorrow(self):
        self.assertEqual(next_high_water(700, 1439), (1, 5))

    def test_minute_zero(self):
        self.assertEqual(next_high_water(745, 0), (0, 0))


class AsClockTest(unittest.TestCase):
    def test_midnight(self):
        self.assertEqual(as_clock(0), "00:00")

    def test_morning(self):
        self.assertEqual(as_clock(489), "08:09")

    def test_last_minute(self):
        self.assertEqual(as_clock(1439), "23:59")
