import unittest

from farm_prices import share, to_coins, written


class FarmPricesTest(unittest.TestCase):
    def test_coins_down(self):
        self.assertEqual(to_coins(82), 80)

    def test_coins_up(self):
        self.assertEqual(to_coins(83), 85)

    def test_coins_of_a_refund(self):
        self.assertEqual(to_coins(-82), -80)

    def test_share_without_rest(self):
        self.assertEqual(share(1200, 25), 300)

    def test_share_rounds_down(self):
        self.assertEqual(share(33, 10), 3)

    def test_share_half_goes_up(self):
        self.assertEqual(share(450, 1), 5)

    def test_share_half_of_a_refund_goes_down(self):
        self.assertEqual(share(-650, 1), -7)

    def test_share_of_a_large_amount_is_exact(self):
        self.assertEqual(share(90000000000000050, 1), 900000000000001)

    def test_written(self):
        self.assertEqual(written(99999), "999.99")

    def test_written_refund(self):
        self.assertEqual(written(-1234), "-12.34")

    def test_written_zero(self):
        self.assertEqual(written(0), "0.00")
