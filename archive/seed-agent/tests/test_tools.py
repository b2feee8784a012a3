import os
import tempfile
import time
import unittest
from unittest import mock

import tools
from tools import bash, editor


class ToolsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)

    def test_every_tool_describes_itself(self):
        for schema in tools.SCHEMAS:
            function = schema["function"]
            self.assertIn(function["name"], tools.TOOLS)
            self.assertTrue(function["description"])
            self.assertLessEqual(set(function["parameters"]["required"]), set(function["parameters"]["properties"]))

    def test_tells_the_model_that_a_tool_is_unknown(self):
        self.assertIn("Error", tools.call("hammer", "{}"))

    def test_tells_the_model_that_arguments_are_no_json(self):
        self.assertIn("Error", tools.call("bash", "{not json"))

    def test_tells_the_model_that_an_argument_is_missing(self):
        self.assertIn("Error", tools.call("editor", "{}"))

    def test_tells_the_model_that_a_file_is_missing(self):
        self.assertIn("Error", tools.call("editor", '{"command": "view", "path": "missing.txt"}'))

    def test_leaves_short_output_as_it_is(self):
        self.assertEqual(tools.clip("x" * tools.OUTPUT_LIMIT), "x" * tools.OUTPUT_LIMIT)

    def test_clips_long_output_and_says_so(self):
        clipped = tools.clip("x" * 3 * tools.OUTPUT_LIMIT)
        self.assertLess(len(clipped), 2 * tools.OUTPUT_LIMIT)
        self.assertIn("[clipped: %d of %d" % (tools.OUTPUT_LIMIT, 3 * tools.OUTPUT_LIMIT), clipped)

    def test_bash_returns_both_streams_and_the_exit_code(self):
        output = bash.run("echo out; echo err >&2; exit 3")
        self.assertEqual(output.split("\n"), ["out", "err", "", "[exit code 3]"])

    def test_bash_ends_a_command_that_takes_too_long(self):
        with mock.patch.object(bash, "TIMEOUT_S", 0.2):
            self.assertIn("ended after", bash.run("echo start; sleep 60"))

    def test_bash_does_not_wait_for_what_is_left_in_the_background(self):
        started = time.monotonic()
        bash.run("sleep 60 & echo done")
        self.assertLess(time.monotonic() - started, 30)

    def test_create_and_view_keep_every_character(self):
        text = "first line\r\nsecond line, no end: \u00e9"
        editor.run("create", "new/dir/file.txt", text=text)
        self.assertEqual(editor.run("view", "new/dir/file.txt"), text)

    def test_view_lists_a_directory_two_levels_deep(self):
        editor.run("create", "one/two/three.txt", text="")
        editor.run("create", "top.txt", text="")
        editor.run("create", ".hidden", text="")
        self.assertEqual(editor.run("view", ".").split("\n"), ["./one/", "./one/two/", "./top.txt"])

    def test_editor_tells_the_model_that_a_command_is_unknown(self):
        self.assertIn("Error", editor.run("paint", "file.txt"))


if __name__ == "__main__":
    unittest.main()
