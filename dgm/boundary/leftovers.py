"""What killed processes of ours left in the temporary directory, which is everybody's."""

import os
import re
import stat
from pathlib import Path


def is_stale(path: Path, name: re.Pattern[str]) -> bool:
    """Return whether `path` is a directory of this user's own that is named after a process that is dead.

    Args:
        path: in the temporary directory; a link is none.
        name: matches the names of such directories; its first group is the process's number.
    """
    match = name.fullmatch(path.name)
    if match is None:
        return False
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not _is_alive(int(match[1]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
