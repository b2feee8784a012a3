"""The model: OpenAI chat completions over HTTP/1.1 on a unix socket."""

import http.client
import json
import socket

BUDGET_USED_UP = 402
TIMEOUT_S = 600


class ModelError(Exception):
    """The model gave no answer. `status` is the HTTP status, or None where there was no response."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a unix socket."""

    def __init__(self, socket_path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.socket_path = socket_path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)


def ask(socket_path, model, messages, tools):
    """Return the model's next message as a dictionary with role, content and, if it calls tools, tool_calls."""
    body = json.dumps({"model": model, "messages": messages, "tools": tools, "temperature": 1.0})
    status, answer = post(socket_path, "/v1/chat/completions", body.encode("utf-8"))
    if status != 200:
        raise ModelError("The model answered with status %d: %s" % (status, answer[:1000]), status)
    message = json.loads(answer)["choices"][0]["message"]
    reply = {"role": "assistant", "content": message.get("content") or ""}
    if message.get("tool_calls"):
        reply["tool_calls"] = message["tool_calls"]
    return reply


def post(socket_path, path, body):
    """Send one request and return its status and body."""
    connection = UnixConnection(socket_path)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise ModelError("The model cannot be reached: %s" % error) from error
    finally:
        connection.close()
