import unittest

from drawing_robot import Robot, Script, ScriptError, Sheet, count_marks, draw


class DrawingRobotTest(unittest.TestCase):
    def test_nested_loops(self):
        script = "size 7 1\npen x\nrepeat 2\nrepeat 2\ngo 1\nend\ngo 1\nend"
        self.assertEqual(draw(script), ["xxxxxxx"])

    def test_loops_after_each_other_within_a_loop(self):
        script = "size 9 9\npen o\nrepeat 2\nrepeat 2\ngo 1\nend\nturn right\nrepeat 1\ngo 2\nend\nturn left\nend"
        self.assertEqual(count_marks(draw(script)), 9)

    def test_add(self):
        script = "size 3 3\npen #\nset n 0\nset row 0\nrepeat 3\njump 0 $row\ngo $n\nadd n 1\nadd row 1\nend"
        self.assertEqual(draw(script), ["#", "##", "###"])

    def test_add_a_remembered_number(self):
        self.assertEqual(draw("size 6 1\npen =\nset a 2\nset b 3\nadd a $b\ngo $a"), ["======"])

    def test_add_to_nothing(self):
        with self.assertRaisesRegex(ScriptError, "line 2: no number is called k"):
            draw("size 2 2\nadd k 1")

    def test_square(self):
        self.assertEqual(draw("size 3 3\npen #\nrepeat 4\ngo 2\nturn right\nend"), ["###", "# #", "###"])

    def test_pen_up(self):
        self.assertEqual(draw("size 5 1\npen -\ngo 1\npen up\ngo 2\npen -\ngo 1"), ["-- --"])

    def test_edge(self):
        with self.assertRaisesRegex(ScriptError, "line 3: the robot would leave the sheet"):
            draw("size 2 2\n// over the edge\ngo 2")

    def test_end_without_repeat(self):
        with self.assertRaisesRegex(ScriptError, "line 2: end without repeat"):
            Script("size 1 1\nend")

    def test_turn_back(self):
        robot = Robot(Sheet(4, 4))
        robot.turn(2)
        self.assertEqual(robot.heading, 3)

    def test_count_marks(self):
        self.assertEqual(count_marks(["# #", " x"]), 3)
