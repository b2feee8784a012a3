import json
import os
import tempfile
import unittest
from unittest import mock

import main
import model
from scripted import ScriptedModel, says


class MainTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        self.task = directory.name
        settings = {"workspace": self.task, "socket": os.path.join(self.task, "none.sock"), "model": "m", "timeout_s": 9}
        with open(os.path.join(self.task, "task.json"), "w") as file:
            json.dump(settings, file)
        with open(os.path.join(self.task, "problem.md"), "w") as file:
            file.write("Mend the {parser}.")

    def test_sends_the_problem_and_the_place_of_the_repository(self):
        scripted = ScriptedModel(says("Done."))
        with mock.patch.object(model, "ask", lambda socket, name, messages, tools: scripted(messages, tools)):
            self.assertEqual(main.main(self.task), 0)
        messages = scripted.requests[0]
        self.assertIn(self.task, messages[0]["content"])
        self.assertEqual(messages[1]["content"], "Mend the {parser}.")

    def test_ends_well_when_the_budget_is_used_up(self):
        with mock.patch.object(model, "ask", side_effect=model.ModelError("", model.BUDGET_USED_UP)):
            self.assertEqual(main.main(self.task), 0)

    def test_fails_when_the_model_cannot_be_reached(self):
        self.assertEqual(main.main(self.task), 1)


if __name__ == "__main__":
    unittest.main()
