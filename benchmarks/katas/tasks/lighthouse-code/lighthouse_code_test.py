import unittest

from lighthouse_code import flashes, period, same_light


class FlashesTest(unittest.TestCase):
    def test_dark(self):
        self.assertEqual(flashes("0000"), [])

    def test_two_flashes(self):
        self.assertEqual(flashes("0110001100"), [2, 2])

    def test_flash_at_the_end(self):
        self.assertEqual(flashes("100111"), [1, 3])


class PeriodTest(unittest.TestCase):
    def test_whole_periods(self):
        self.assertEqual(period("100100100"), 3)

    def test_broken_off_period(self):
        self.assertEqual(period("10010010"), 3)

    def test_never_repeats(self):
        self.assertEqual(period("1000"), 4)

    def test_steady_light(self):
        self.assertEqual(period("11111"), 1)


class SameLightTest(unittest.TestCase):
    def test_rotation(self):
        self.assertTrue(same_light("110000", "001100"))

    def test_rotation_that_splits_a_flash(self):
        self.assertTrue(same_light("110000", "100001"))

    def test_same_flashes_other_gaps(self):
        self.assertFalse(same_light("10100000", "10001000"))

    def test_other_length(self):
        self.assertFalse(same_light("10", "1010"))
