import unittest

import market
import money
import poster

RATES = {"eur": 11, "pln": 2.5}


def busy():
    place = market.Market(RATES)
    honey = place.open_stall("honey")
    honey.offer("jar", 1100)
    honey.sell("jar", 3)
    toys = place.open_stall("toys", "eur")
    toys.offer("top", 400)
    toys.sell("top", 1)
    toys.sell("top", 1)
    return place


class BorderMarketTest(unittest.TestCase):
    def test_convert_to_kroner(self):
        self.assertEqual(money.converted(150, "eur", "kr", RATES), 1650)

    def test_convert_rounds_down(self):
        self.assertEqual(money.converted(100, "kr", "eur", RATES), 9)

    def test_convert_between_foreign_currencies(self):
        self.assertEqual(money.converted(250, "pln", "eur", RATES), 56)

    def test_same_currency_needs_no_rate(self):
        self.assertEqual(money.converted(77, "usd", "usd", {}), 77)

    def test_shown(self):
        self.assertEqual(money.shown(1205, "eur"), "12.05 EUR")

    def test_shown_in_kroner(self):
        self.assertEqual(money.shown(990), "9.90 kr")

    def test_stall_remembers_its_currency(self):
        self.assertEqual(market.Market(RATES).open_stall("soap", "pln").currency, "pln")

    def test_takings_in_kroner(self):
        self.assertEqual(busy().takings("toys"), 8800)

    def test_takings_in_the_own_currency(self):
        self.assertEqual(busy().takings("toys", "eur"), 800)

    def test_total(self):
        self.assertEqual(busy().total("eur"), 1100)

    def test_best_compares_in_kroner(self):
        self.assertEqual(busy().best(), "toys")

    def test_poster(self):
        self.assertEqual(
            poster.poster(busy(), ["honey"], "eur"),
            ["honey: 3.00 EUR", "all: 11.00 EUR"],
        )
