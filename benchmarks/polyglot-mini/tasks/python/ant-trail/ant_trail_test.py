import unittest

from ant_trail import busiest, end, way_home


class AntTrailTest(unittest.TestCase):
    def test_an_ant_that_stays_at_home_is_at_home(self):
        self.assertEqual(end(""), (0, 0))

    def test_steps_add_up(self):
        self.assertEqual(end("NNEEEN"), (3, 3))

    def test_opposite_steps_undo_each_other(self):
        expected = (-2, 0)
        self.assertEqual(end("NWSWEW"), expected)

    def test_the_way_home_is_along_first(self):
        self.assertEqual(way_home("NNEEEN"), "WWWSSS")

    def test_the_way_home_from_the_south_west(self):
        self.assertEqual(way_home("SWSSW"), "EENNN")

    def test_no_way_home_is_needed_at_home(self):
        self.assertEqual(way_home("NESW"), "")

    def test_the_nest_counts_as_visited(self):
        self.assertEqual(busiest("EWEW"), 3)

    def test_what_is_not_a_step_is_refused(self):
        with self.assertRaises(ValueError) as caught:
            end("NEXT")
        self.assertEqual(str(caught.exception), "not a step: X")
