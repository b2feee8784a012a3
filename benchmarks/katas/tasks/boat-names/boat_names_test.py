import unittest

from boat_names import initials, painted


class PaintedTest(unittest.TestCase):
    def test_one_word(self):
        self.assertEqual(painted("SEAGULL"), "Seagull")

    def test_small_words(self):
        self.assertEqual(painted("king and queen of hearts"), "King and Queen of Hearts")

    def test_first_word_is_never_small(self):
        self.assertEqual(painted("in the fog"), "In the Fog")

    def test_spaces(self):
        self.assertEqual(painted("  old   salt "), "Old Salt")

    def test_apostrophe(self):
        self.assertEqual(painted("neptune's DAUGHTER"), "Neptune's Daughter")

    def test_hyphen(self):
        self.assertEqual(painted("stella half-moon"), "Stella Half-Moon")

    def test_small_words_within_hyphens(self):
        self.assertEqual(painted("jack-of-the-lantern"), "Jack-of-the-Lantern")

    def test_roman_number(self):
        self.assertEqual(painted("albatross xvi"), "Albatross XVI")

    def test_roman_letters_elsewhere(self):
        self.assertEqual(painted("vi sails"), "Vi Sails")


class InitialsTest(unittest.TestCase):
    def test_initials(self):
        self.assertEqual(initials("pride of the bay"), "PB")

    def test_apostrophe_gives_no_initial(self):
        self.assertEqual(initials("sailor's home-port"), "SH")
