import unittest

from parcel_price import price, total

BANDS = [(500, 390), (2000, 550), (10000, 940)]


class PriceTest(unittest.TestCase):
    def test_light(self):
        self.assertEqual(price(120, BANDS), 390)

    def test_exactly_the_limit(self):
        self.assertEqual(price(500, BANDS), 390)

    def test_middle(self):
        self.assertEqual(price(501, BANDS), 550)

    def test_bands_in_any_order(self):
        self.assertEqual(price(100, [(10000, 940), (500, 390)]), 390)

    def test_too_heavy(self):
        with self.assertRaises(ValueError):
            price(10001, BANDS)

    def test_weightless(self):
        with self.assertRaises(ValueError):
            price(0, BANDS)


class TotalTest(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(total([], BANDS), 0)

    def test_three_parcels_have_no_discount(self):
        self.assertEqual(total([100, 100, 100], BANDS), 1170)

    def test_fourth_parcel_is_cheaper(self):
        self.assertEqual(total([100, 100, 100, 600], BANDS), 1710)

    def test_price_never_falls_below_zero(self):
        self.assertEqual(total([1, 1, 1, 1, 1], [(10, 4)]), 12)
