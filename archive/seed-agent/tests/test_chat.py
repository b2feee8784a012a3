import json
import os
import tempfile
import unittest

import chat
from scripted import ScriptedModel, calls, says

START = [{"role": "user", "content": "Write the file."}]


class ChatTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)

    def test_ends_when_the_model_calls_no_tool(self):
        messages = chat.run(ScriptedModel(says("Done.")), START)
        self.assertEqual(messages[0], START[0])
        self.assertIn(says("Done."), messages)

    def test_carries_out_a_tool_call(self):
        write = json.dumps({"command": "create", "path": "new.txt", "text": "hello\n"})
        chat.run(ScriptedModel(calls("editor", write), says("Done.")), START)
        with open("new.txt") as file:
            self.assertEqual(file.read(), "hello\n")

    def test_sends_the_result_of_a_tool_call_to_the_model(self):
        model = ScriptedModel(calls("bash", '{"command": "echo 6 times 7"}', "call-9"), says("Done."))
        chat.run(model, START)
        result = model.requests[1][-1]
        self.assertEqual((result["role"], result["tool_call_id"]), ("tool", "call-9"))
        self.assertIn("6 times 7", result["content"])

    def test_answers_every_call_of_a_reply(self):
        reply = calls("bash", '{"command": "echo one"}', "a")
        reply["tool_calls"] += calls("bash", '{"command": "echo two"}', "b")["tool_calls"]
        model = ScriptedModel(reply, says("Done."))
        chat.run(model, START)
        results = [message["tool_call_id"] for message in model.requests[1] if message["role"] == "tool"]
        self.assertEqual(results, ["a", "b"])


if __name__ == "__main__":
    unittest.main()
