import unittest

import notice_board as board


class NoticeBoardTest(unittest.TestCase):
    def test_justified_with_a_rest(self):
        self.assertEqual(board.justified("to be or not", 15), "to  be  or  not")

    def test_justified_rest_goes_left(self):
        self.assertEqual(board.justified("a b c d", 12), "a   b   c  d")

    def test_justified_single_word(self):
        self.assertEqual(board.justified("word", 6), "word  ")

    def test_shortened(self):
        self.assertEqual(board.shortened("lost black umbrella", 12), "lost blac...")

    def test_shortened_drops_spaces(self):
        self.assertEqual(board.shortened("lost black umbrella", 8), "lost...")

    def test_shortened_to_very_little(self):
        self.assertEqual(board.shortened("umbrella", 2), "..")

    def test_text_that_fits_is_not_shortened(self):
        self.assertEqual(board.shortened("umbrella", 8), "umbrella")

    def test_wrapped(self):
        self.assertEqual(board.wrapped("the very longestword ever", 6), ["the", "very", "longes", "tword", "ever"])

    def test_bullets(self):
        self.assertEqual(board.bullets(["one two three", "four"], 9), ["* one two", "  three", "* four"])

    def test_beside(self):
        self.assertEqual(board.beside(["a", "bbb"], ["x", "y", "z"]), ["a    x", "bbb  y", "     z"])

    def test_table(self):
        self.assertEqual(board.table([["tea", "2.50"], ["coffee", "12"]]), ["tea     2.50", "coffee    12"])

    def test_notice(self):
        self.assertEqual(
            board.notice("Fair", "all of us meet here at six", 16),
            ["+--------------+", "|     Fair     |", "| ------------ |", "| all   of  us |", "| meet here at |", "| six          |", "+--------------+"],
        )
