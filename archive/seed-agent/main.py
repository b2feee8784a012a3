"""Solves the problem in a task directory by changing the workspace; see README.md.

Usage: python3 main.py [TASK_DIRECTORY]
"""

import json
import os
import sys

import chat
import model

PROMPT = [
    "You are a software engineer.",
    "Solve the problem below by changing files of the repository in {workspace}.",
    "Use the tools that you are given; relative paths start there.",
    "When the work is done, answer without calling a tool.",
]


def first_messages(problem, workspace):
    """Return the messages that start the conversation."""
    return [
        {"role": "system", "content": "\n".join(PROMPT).format(workspace=workspace)},
        {"role": "user", "content": problem},
    ]


def main(task_directory="/task"):
    """Work on the task and return the exit code."""
    with open(os.path.join(task_directory, "task.json"), encoding="utf-8") as file:
        settings = json.load(file)
    with open(os.path.join(task_directory, "problem.md"), encoding="utf-8") as file:
        problem = file.read()
    os.chdir(settings["workspace"])

    def ask(messages, tools):
        return model.ask(settings["socket"], settings["model"], messages, tools)

    try:
        chat.run(ask, first_messages(problem, settings["workspace"]))
    except model.ModelError as error:
        print(error, file=sys.stderr)
        # A used-up budget is a normal end: what was done so far is the answer.
        return 0 if error.status == model.BUDGET_USED_UP else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
