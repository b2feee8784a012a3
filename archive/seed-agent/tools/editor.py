"""Views and writes files."""

import os


def view(path):
    """Return a file's text, or the names in a directory two levels deep."""
    if os.path.isdir(path):
        return "\n".join(listing(path))
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
    return text


def listing(directory, levels=2):
    """Return the paths in a directory, sorted, those of directories with a slash at the end; hidden ones left out."""
    paths = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name.startswith(".") or name == "__pycache__":
            continue
        if not os.path.isdir(path):
            paths.append(path)
            continue
        paths.append(path + "/")
        if levels > 1:
            paths.extend(listing(path, levels - 1))
    return paths


def create(path, text):
    """Make a file with this text, in place of the one that is there."""
    return write(path, text)


def write(path, text):
    """Write a file and return what the model is told of it."""
    data = text.encode("utf-8")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return "Wrote %d characters to %s." % (len(text), path)


COMMANDS = {
    "view": view,
    "create": create,
}

DESCRIPTION = [
    "View and write files.",
    "`view` shows a whole file, or the names in a directory two levels deep.",
    "`create` writes a whole file, in place of the one that is there.",
]

SCHEMA = {
    "name": "editor",
    "description": " ".join(DESCRIPTION),
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "enum": list(COMMANDS)},
            "path": {"type": "string", "description": "The file or directory."},
            "text": {"type": "string", "description": "For create: the whole text of the file."},
        },
        "required": ["command", "path"],
    },
}


def run(command, path, **rest):
    """Carry out one command and return what the model is told."""
    if command not in COMMANDS:
        return "Error: there is no command %r, only %s." % (command, ", ".join(COMMANDS))
    return COMMANDS[command](path, **rest)
