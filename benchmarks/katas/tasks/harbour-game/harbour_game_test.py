import unittest

import moves
from board import Board
from moves import load, sail, unload


def game(hold=4):
    board = Board(["Ask", "Bol", "Car", "Dun", "Elm", "Fro", "Gil"])
    board.launch("Tern", "Ask", hold)
    return board


class HarbourGameTest(unittest.TestCase):
    def test_launched_with_fuel(self):
        self.assertEqual(game().ships["Tern"]["fuel"], 10)

    def test_distance(self):
        self.assertEqual(game().distance("Elm", "Bol"), 3)

    def test_sailing_costs_fuel(self):
        board = game()
        sail(board, "Tern", "Dun")
        self.assertEqual(board.ships["Tern"], {"harbour": "Dun", "hold": 4, "crates": 0, "fuel": 7})

    def test_full_ship_needs_more(self):
        board = game()
        load(board, "Tern", 4)
        sail(board, "Tern", "Dun")
        self.assertEqual(board.ships["Tern"]["fuel"], 4)

    def test_too_little_fuel(self):
        board = game()
        load(board, "Tern", 4)
        self.assertFalse(sail(board, "Tern", "Gil"))

    def test_exactly_enough_fuel(self):
        board = game()
        load(board, "Tern", 4)
        self.assertTrue(sail(board, "Tern", "Fro"))

    def test_refuel_at_home(self):
        board = game()
        sail(board, "Tern", "Bol")
        sail(board, "Tern", "Ask")
        self.assertEqual((moves.refuel(board, "Tern"), board.ships["Tern"]["fuel"]), (True, 10))

    def test_no_refuel_elsewhere(self):
        board = game()
        sail(board, "Tern", "Bol")
        self.assertEqual((moves.refuel(board, "Tern"), board.ships["Tern"]["fuel"]), (False, 9))

    def test_one_crate_too_many(self):
        self.assertFalse(load(game(), "Tern", 5))

    def test_unload(self):
        board = game()
        load(board, "Tern", 3)
        self.assertTrue(unload(board, "Tern", 3))

    def test_launch_nowhere(self):
        with self.assertRaises(ValueError):
            game().launch("Gull", "Zyl", 3)

    def test_sail_nowhere(self):
        with self.assertRaises(ValueError):
            sail(game(), "Tern", "Zyl")
