import unittest

from shelf_labels import label, number


class LabelTest(unittest.TestCase):
    def test_first(self):
        self.assertEqual(label(1), "A")

    def test_last_single_letter(self):
        self.assertEqual(label(26), "Z")

    def test_first_double_letter(self):
        self.assertEqual(label(27), "AA")

    def test_z_in_the_last_place(self):
        self.assertEqual(label(78), "BZ")

    def test_first_triple_letter(self):
        self.assertEqual(label(703), "AAA")

    def test_zero_is_no_shelf(self):
        with self.assertRaises(ValueError):
            label(0)


class NumberTest(unittest.TestCase):
    def test_single_letter(self):
        self.assertEqual(number("Q"), 17)

    def test_three_letters(self):
        self.assertEqual(number("ABC"), 731)

    def test_empty_label(self):
        with self.assertRaises(ValueError):
            number("")

    def test_lower_case_is_refused(self):
        with self.assertRaises(ValueError):
            number("aB")

    def test_round_trip(self):
        self.assertEqual([n for n in range(1, 2000) if number(label(n)) != n], [])
