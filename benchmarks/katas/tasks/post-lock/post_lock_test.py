import unittest

from post_lock import lock, unlock


class PostLockTest(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(lock(""), "")

    def test_one_letter(self):
        self.assertEqual(lock("a"), "q")

    def test_repeated_letter(self):
        self.assertEqual(lock("eeee"), "bgyu")

    def test_capitals(self):
        self.assertEqual(lock("HOLM"), "vwvh")

    def test_other_characters_do_not_turn(self):
        self.assertEqual(lock("a-b c!"), "q-t r!")

    def test_once_round_the_rim(self):
        self.assertEqual(lock("the quick brown fox jumps over it"), "amy fomeq nisbk vdx ricjo cgav ea")

    def test_unlock(self):
        self.assertEqual(unlock("pgyb ty jjrs"), "meet at noon")

    def test_there_and_back(self):
        self.assertEqual(unlock(lock("one hundred letters, more or less, all sent by night")), "one hundred letters, more or less, all sent by night")
