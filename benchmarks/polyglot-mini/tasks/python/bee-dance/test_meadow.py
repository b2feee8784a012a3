"""What the tests share."""

import tempfile
from contextlib import contextmanager


@contextmanager
def noted(*lines):
    """A file with these lines."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))
        file.flush()
        yield file.name
