import unittest

from guild_ledger import (
    Ledger,
    LedgerError,
    closing,
    days_between,
    month_report,
    parse_amount,
    parse_journal,
    problems,
    tree_report,
)

JOURNAL = """
2031-01-01 start of the year
  cash          100.00
  opening

2031-01-05 paint and brushes
  supplies:paint   60.00
  supplies:brushes 50.00
  cash

2031-01-05 dues
  cash           80.00
  dues

; a quiet month follows
2031-03-10 rent of the hall
  rent:hall      45.00
  cash          -45.00
"""


def books():
    return Ledger.from_text(JOURNAL)


class GuildLedgerTest(unittest.TestCase):
    def test_lowest_looks_at_the_end_of_days(self):
        self.assertEqual(books().lowest("cash"), ("2031-03-10", 2500))

    def test_lowest_gives_the_first_day(self):
        text = "2031-02-02 a\n  cash 1\n  gifts\n\n2031-02-03 b\n  cash 0\n  gifts\n"
        self.assertEqual(Ledger.from_text(text).lowest("cash"), ("2031-02-02", 100))

    def test_average_counts_the_last_day(self):
        self.assertEqual(books().average_daily("cash", (2031, 1, 4), (2031, 1, 5)), 8500)

    def test_average_of_one_day(self):
        self.assertEqual(books().average_daily("cash", (2031, 1, 5), (2031, 1, 5)), 7000)

    def test_amounts(self):
        self.assertEqual(parse_amount("-1,250.05"), -125005)

    def test_days_over_a_leap_day(self):
        self.assertEqual(days_between((2032, 2, 27), (2032, 3, 2)), 4)

    def test_unbalanced_posting(self):
        with self.assertRaisesRegex(LedgerError, "line 1: the amounts differ by 1.00"):
            parse_journal("2031-01-01 x\n  cash 3\n  gifts -2")

    def test_result(self):
        self.assertEqual(books().result(), 8000 - 11000 - 4500)

    def test_tree(self):
        self.assertEqual(tree_report(books())[-3:], ["supplies                  110.00", "  brushes                  50.00", "  paint                    60.00"])

    def test_months(self):
        self.assertEqual(month_report(books(), "cash"), ["2031-01        70.00 #######", "2031-02         0.00", "2031-03       -45.00 ####"])

    def test_closing(self):
        self.assertEqual(closing(books(), (2031, 12, 31)).amount("opening"), 7500)

    def test_problems(self):
        self.assertEqual(problems(Ledger.from_text("2031-01-01\n  rent 5\n  bank")), ["bank is overdrawn by 5.00", "2031-01-01 has no description"])
