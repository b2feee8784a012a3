import unittest

from weather_buoy import read, strongest


class ReadTest(unittest.TestCase):
    def test_wind(self):
        self.assertEqual(read("0387006900240009")["wind"], 12)

    def test_wave(self):
        self.assertEqual(read("0387006900240009")["wave"], 3)

    def test_large_number(self):
        self.assertEqual(read("0387006900240009")["temp"], 301)

    def test_salt(self):
        self.assertEqual(read("0387006900240009")["salt"], 35)

    def test_fraction(self):
        self.assertEqual(read("0001000100010001")["temp"], 1 / 3)

    def test_spaces(self):
        self.assertEqual(read("00 06 00 03 00 78 00 1b")["wave"], 9)

    def test_too_short(self):
        with self.assertRaises(ValueError):
            read("0011")

    def test_not_hexadecimal(self):
        with self.assertRaises(ValueError):
            read("zz" * 8)


class StrongestTest(unittest.TestCase):
    def test_none(self):
        self.assertIsNone(strongest([]))

    def test_two_records(self):
        self.assertEqual(strongest(["0387006900240009", "000600030078001b"]), 40)
