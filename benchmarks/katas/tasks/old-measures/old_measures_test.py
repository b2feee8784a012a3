import unittest

from old_measures import Table, UnitError, median, pace_table, price, shares, show_number, total

TABLE = Table()


def quantities(*texts):
    return [TABLE.parse(text) for text in texts]


class OldMeasuresTest(unittest.TestCase):
    def test_mixed_carries_over(self):
        self.assertEqual(TABLE.mixed(TABLE.parse("35.7 in"), ["ft", "in"]), "3 ft")

    def test_mixed_carries_over_twice(self):
        self.assertEqual(TABLE.mixed(TABLE.parse("5279 ft 11.9 in"), ["mile", "yd", "ft", "in"]), "1 mile")

    def test_mixed_negative(self):
        self.assertEqual(TABLE.mixed(TABLE.parse("-23.5 in"), ["in", "ft"]), "-2 ft")

    def test_mixed_with_decimals(self):
        self.assertEqual(TABLE.mixed(TABLE.parse("15.96 oz"), ["lb", "oz"], 1), "1 lb")

    def test_mixed_without_rounding(self):
        self.assertEqual(TABLE.mixed(TABLE.parse("1000 min"), ["h", "min"]), "16 h 40 min")

    def test_median_of_four(self):
        self.assertEqual(median(quantities("1 ft", "9 ft", "2 ft", "4 ft")), TABLE.parse("3 ft"))

    def test_median_of_three(self):
        self.assertEqual(median(quantities("1 kg", "10 g", "1 t")), TABLE.parse("1 kg"))

    def test_parse_negative(self):
        self.assertEqual(TABLE.parse("-5 ft 4 in"), TABLE.parse("-64 in"))

    def test_show(self):
        self.assertEqual(TABLE.show(TABLE.parse("10 knots"), "km/h"), "18.52 km/h")

    def test_names(self):
        self.assertEqual(TABLE.names(like=TABLE.parse("1 lb")), ["g", "oz", "lb", "kg", "stone", "cwt", "t"])

    def test_unlike(self):
        with self.assertRaisesRegex(UnitError, "m and kg do not go together"):
            total(quantities("1 m", "1 kg"))

    def test_shares_price_and_pace(self):
        self.assertEqual(
            (
                shares(TABLE.parse("12 gallon"), quantities("1 acre", "3 acre"))[1] == TABLE.parse("9 gallon"),
                price(TABLE.parse("8 oz"), 225, TABLE.parse("1 lb")),
                pace_table(TABLE, ["9 km", "500 m"], "6 km/h"),
                show_number(-0.004),
            ),
            (True, 113, [" 9 km  1 h 30 min", "500 m  5 min"], "0"),
        )
