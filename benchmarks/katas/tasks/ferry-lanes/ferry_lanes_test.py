import unittest

from ferry_lanes import board


class FerryLanesTest(unittest.TestCase):
    def test_no_cars(self):
        self.assertEqual(board([], 3, 2000), [])

    def test_one_car_takes_the_first_lane(self):
        self.assertEqual(board([400], 3, 2000), [0])

    def test_first_car_needs_no_gap(self):
        self.assertEqual(board([1000], 1, 1000), [0])

    def test_second_car_needs_a_gap(self):
        self.assertEqual(board([500, 500], 1, 1000), [0, None])

    def test_exact_fit_with_gap(self):
        self.assertEqual(board([500, 450], 1, 1000), [0, 0])

    def test_overflow_goes_to_the_next_lane(self):
        self.assertEqual(board([600, 600, 300], 2, 1000), [0, 1, 0])

    def test_long_car_stays_but_later_cars_board(self):
        self.assertEqual(board([400, 1200, 400], 1, 1000), [0, None, 0])

    def test_no_lanes(self):
        self.assertEqual(board([400, 300], 0, 1000), [None, None])
