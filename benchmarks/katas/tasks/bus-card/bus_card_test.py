import unittest

from bus_card import BusCard


def prices(*rides):
    card = BusCard()
    return [card.ride(day, minute) for day, minute in rides]


class BusCardTest(unittest.TestCase):
    def test_new_card_has_paid_nothing(self):
        self.assertEqual(BusCard().total, 0)

    def test_first_ride(self):
        self.assertEqual(prices((1, 480)), [230])

    def test_change_within_the_hour(self):
        self.assertEqual(prices((1, 480), (1, 500)), [230, 150])

    def test_exactly_sixty_minutes(self):
        self.assertEqual(prices((1, 480), (1, 540)), [230, 150])

    def test_after_the_hour(self):
        self.assertEqual(prices((1, 480), (1, 541)), [230, 230])

    def test_reduced_ride_does_not_start_a_new_hour(self):
        self.assertEqual(prices((1, 480), (1, 530), (1, 550)), [230, 150, 230])

    def test_day_limit(self):
        self.assertEqual(prices((1, 0), (1, 100), (1, 200), (1, 300), (1, 310)), [230, 230, 230, 10, 0])

    def test_reduction_ends_at_midnight(self):
        self.assertEqual(prices((1, 1430), (2, 5)), [230, 230])

    def test_two_cards_are_independent(self):
        BusCard().ride(1, 480)
        self.assertEqual(BusCard().ride(1, 490), 230)

    def test_total_over_days(self):
        card = BusCard()
        for day, minute in [(1, 480), (1, 490), (2, 480)]:
            card.ride(day, minute)
        self.assertEqual(card.total, 610)
