import unittest

from leap_cake import age_on, next_cake


class NextCakeTest(unittest.TestCase):
    def test_later_this_year(self):
        self.assertEqual(next_cake((1971, 12, 24), (2022, 7, 1)), (2022, 12, 24))

    def test_today(self):
        self.assertEqual(next_cake((1971, 7, 1), (2022, 7, 1)), (2022, 7, 1))

    def test_next_year(self):
        self.assertEqual(next_cake((1971, 1, 31), (2022, 2, 1)), (2023, 1, 31))

    def test_leap_day_in_a_leap_year(self):
        self.assertEqual(next_cake((1996, 2, 29), (2028, 2, 28)), (2028, 2, 29))

    def test_leap_day_in_a_common_year(self):
        self.assertEqual(next_cake((1996, 2, 29), (2027, 3, 1)), (2027, 3, 1))

    def test_leap_day_next_year(self):
        self.assertEqual(next_cake((1996, 2, 29), (2024, 3, 1)), (2025, 3, 1))

    def test_centuries(self):
        self.assertEqual(next_cake((1896, 2, 29), (1900, 1, 1)), (1900, 3, 1))


class AgeTest(unittest.TestCase):
    def test_day_of_birth(self):
        self.assertEqual(age_on((2001, 5, 5), (2001, 5, 5)), 0)

    def test_day_before_the_birthday(self):
        self.assertEqual(age_on((2001, 5, 5), (2021, 5, 4)), 19)

    def test_birthday(self):
        self.assertEqual(age_on((2001, 5, 5), (2021, 5, 5)), 20)

    def test_leap_day_kept_in_march(self):
        self.assertEqual(age_on((1996, 2, 29), (2027, 3, 1)), 31)
