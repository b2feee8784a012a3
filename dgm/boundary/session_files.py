"""Files that are named after sessions. An id is a file's name too, and that of somebody else's run may be anything."""

import re
from pathlib import Path

from dgm.boundary.text import safe_line
from dgm.core.errors import UsageError
from dgm.core.ids import SessionId

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_MAX_ID_CHARS = 100


def session_file(directory: Path, session: SessionId, *, suffix: str) -> Path:
    """Return the file of a session.

    Raises:
        UsageError: the id could not be a file's name.
    """
    if not _is_session_id(session):
        raise UsageError(f"{safe_line(session, max_chars=_MAX_ID_CHARS)!r} is not the id of a session.")
    return directory / f"{session}{suffix}"


def sessions_in(directory: Path, *, suffix: str) -> list[SessionId]:
    """Return the sessions that have a file, sorted; files with other names are none of ours."""
    names = [path.name.removesuffix(suffix) for path in directory.glob(f"*{suffix}")]
    return sorted(SessionId(name) for name in names if _is_session_id(name))


def _is_session_id(text: str) -> bool:
    return len(text) <= _MAX_ID_CHARS and _SESSION_ID.fullmatch(text) is not None
