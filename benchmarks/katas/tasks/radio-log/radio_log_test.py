import unittest

from radio_log import expand, shorten


class ShortenTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(shorten(""), "")

    def test_no_repeats(self):
        self.assertEqual(shorten("base this is hut"), "base this is hut")

    def test_repeats(self):
        self.assertEqual(shorten("help help help here"), "help*3 here")

    def test_word_comes_back_later(self):
        self.assertEqual(shorten("yes yes no yes"), "yes*2 no yes")

    def test_case_matters(self):
        self.assertEqual(shorten("Over over"), "Over over")

    def test_white_space(self):
        self.assertEqual(shorten("  go \n go\tnow "), "go*2 now")


class ExpandTest(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(expand("all is well"), "all is well")

    def test_large_count(self):
        self.assertEqual(expand("sos*12"), " ".join(["sos"] * 12))

    def test_mixed(self):
        self.assertEqual(expand("yes*2 no yes"), "yes yes no yes")

    def test_count_of_one_is_refused(self):
        with self.assertRaises(ValueError):
            expand("yes*1")
