import unittest

from kiln_schedule import described, duration, hottest, temperature, time_above

SOAKED = [(120, 10, 5, 3), (20, 20, 0, 7)]


class KilnScheduleTest(unittest.TestCase):
    def test_duration_with_soak(self):
        self.assertEqual(duration(SOAKED), 45)

    def test_duration_of_mixed_steps(self):
        self.assertEqual(duration([(100, 10, 0), (200, 10, 1, 2)]), 23)

    def test_temperature_while_soaking(self):
        self.assertEqual(temperature(SOAKED, 2), 20)

    def test_temperature_while_heating(self):
        self.assertEqual(temperature(SOAKED, 8), 70)

    def test_temperature_while_soaking_later(self):
        self.assertEqual(temperature(SOAKED, 24), 120)

    def test_temperature_after_the_end(self):
        self.assertEqual(temperature([(300, 10, 10, 10)], 99), 300)

    def test_hottest(self):
        self.assertEqual(hottest([(900, 60, 0, 5), (400, 60, 0)]), 900)

    def test_time_above(self):
        self.assertEqual(time_above(SOAKED, 119), 12 + 1)

    def test_described_with_soak(self):
        self.assertEqual(described([(600, 120, 10, 5)]), ["soak 5, to 600 in 120, hold 10"])

    def test_described_without_soak(self):
        self.assertEqual(described([(600, 120, 10), (90, 5, 0, 0)]), ["to 600 in 120, hold 10", "to 90 in 5, hold 0"])

    def test_step_with_two_entries(self):
        with self.assertRaises(ValueError):
            hottest([(600, 120)])

    def test_step_with_five_entries(self):
        with self.assertRaises(ValueError):
            duration([(1, 2, 3, 4, 5)])
