import unittest

from badge_reader import check_number, is_valid


class CheckNumberTest(unittest.TestCase):
    def test_no_digits(self):
        self.assertEqual(check_number(""), 0)

    def test_one_digit(self):
        self.assertEqual(check_number("7"), 35)

    def test_places_count(self):
        self.assertEqual(check_number("0190"), 88)

    def test_sum_goes_beyond_the_modulus(self):
        self.assertEqual(check_number("9998877"), 23)


class IsValidTest(unittest.TestCase):
    def test_right_check(self):
        self.assertTrue(is_valid("40213-88"))

    def test_wrong_check(self):
        self.assertFalse(is_valid("40213-89"))

    def test_check_needs_two_digits(self):
        self.assertFalse(is_valid("0-0"))

    def test_letters_are_refused(self):
        self.assertFalse(is_valid("4O213-11"))

    def test_dash_is_needed(self):
        self.assertFalse(is_valid("4021358"))
