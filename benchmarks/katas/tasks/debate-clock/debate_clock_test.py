import unittest

from debate_clock import DebateClock


class DebateClockTest(unittest.TestCase):
    def test_nobody_speaks(self):
        self.assertEqual(DebateClock(60).left_over("left", 500), 60)

    def test_speaker_loses_time(self):
        clock = DebateClock(60)
        clock.start("left", 100)
        self.assertEqual(clock.left_over("left", 125), 35)

    def test_listener_keeps_time(self):
        clock = DebateClock(60)
        clock.start("left", 100)
        self.assertEqual(clock.left_over("right", 125), 60)

    def test_turn_changes(self):
        clock = DebateClock(60)
        clock.start("left", 0)
        clock.start("right", 20)
        self.assertEqual((clock.left_over("left", 30), clock.left_over("right", 30)), (40, 50))

    def test_starting_twice_changes_nothing(self):
        clock = DebateClock(60)
        clock.start("left", 0)
        clock.start("left", 20)
        self.assertEqual(clock.left_over("left", 30), 30)

    def test_pause(self):
        clock = DebateClock(60)
        clock.start("right", 0)
        clock.pause(10)
        clock.pause(20)
        self.assertEqual(clock.left_over("right", 50), 50)

    def test_never_below_zero(self):
        clock = DebateClock(10)
        clock.start("left", 0)
        self.assertEqual(clock.left_over("left", 99), 0)

    def test_nobody_is_late(self):
        clock = DebateClock(10)
        clock.start("left", 0)
        self.assertIsNone(clock.late(9))

    def test_late_speaker(self):
        clock = DebateClock(10)
        clock.start("right", 5)
        self.assertEqual(clock.late(15), "right")

    def test_late_speaker_stays_late(self):
        clock = DebateClock(10)
        clock.start("left", 0)
        clock.start("right", 12)
        self.assertEqual(clock.late(13), "left")

    def test_unknown_side(self):
        with self.assertRaises(ValueError):
            DebateClock(10).start("middle", 0)
