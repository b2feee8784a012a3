import unittest

from seed_packets import packets

SIZES = {"beans": 20, "peas": 25, "kale": 8}


class SeedPacketsTest(unittest.TestCase):
    def test_empty_garden(self):
        self.assertEqual(packets([], SIZES), {})

    def test_one_kind(self):
        self.assertEqual(packets(["beans 30"], SIZES), {"beans": 2})

    def test_exact_packets(self):
        self.assertEqual(packets(["kale 16"], SIZES), {"kale": 2})

    def test_two_kinds_in_a_bed(self):
        self.assertEqual(packets(["beans 5, peas 26"], SIZES), {"beans": 1, "peas": 2})

    def test_kinds_add_up_over_beds(self):
        self.assertEqual(packets(["kale 5", "kale 5"], SIZES), {"kale": 2})

    def test_kinds_add_up_within_a_bed(self):
        self.assertEqual(packets(["peas 13,peas 13"], SIZES), {"peas": 2})

    def test_empty_beds(self):
        self.assertEqual(packets(["", "  ", "peas 1"], SIZES), {"peas": 1})

    def test_no_plants_no_packet(self):
        self.assertEqual(packets(["peas 0, kale 1"], SIZES), {"kale": 1})

    def test_unknown_kind(self):
        with self.assertRaises(KeyError):
            packets(["roses 3"], SIZES)
