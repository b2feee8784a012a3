"""How the engine answers: what it says as far as it is looked at, and its faults turned into ours."""

import errno
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from dgm.boundary.text import safe_line
from dgm.core.errors import EngineUnavailableError, SandboxError

SHOWN_OF_A_REASON = 400
_CONFLICT = 409
_REMEDY = "start it (in a checkout, `scripts/engine` does), or set DOCKER_HOST to where one runs"

Json = Mapping[str, Any]
"""What the engine answers, as far as it is looked at."""


class GoneError(SandboxError):
    """The container, exec or image that was named does not exist any more."""


class NotRunningError(SandboxError):
    """The container is there but not in the state that the call needs."""


@contextmanager
def faults(what: str) -> Generator[None]:
    """Turn what the SDK raises while the engine is to do `what` into errors of ours."""
    try:
        yield
    except (NotFound, ImageNotFound) as error:
        raise GoneError(f"The Docker engine could not {what}: {_reason(error)}.") from error
    except APIError as error:
        kind = NotRunningError if error.status_code == _CONFLICT else SandboxError
        raise kind(f"The Docker engine could not {what}: {_reason(error)}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineUnavailableError(
            f"The Docker engine stopped answering when asked to {what}: {plain(str(error))}."
        ) from error


def why_no_engine(error: BaseException) -> str:
    """Return what is wrong where connecting to an engine raised `error`, and what to do."""
    causes = list(_causes(error))
    if any(isinstance(cause, OSError) and cause.errno in {errno.EACCES, errno.EPERM} for cause in causes):
        return (
            "The Docker engine refuses this user: its socket may be used by root and by members of the group docker. "
            "Run `sudo usermod -aG docker $USER` and log in again, or run as root."
        )
    if any(isinstance(cause, OSError) and cause.errno in {errno.ENOENT, errno.ECONNREFUSED} for cause in causes):
        return f"No Docker engine answers; {_REMEDY}."
    return f"No Docker engine answers ({plain(str(error))}); {_REMEDY}."


def plain(text: str) -> str:
    """Return `text` as the middle of a sentence: an engine's message may quote what a container wrote."""
    return safe_line(text, max_chars=SHOWN_OF_A_REASON).rstrip(".")


def _causes(error: BaseException) -> Generator[BaseException]:
    """Yield an exception with all that it was raised from or wraps; libraries nest them in their arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [item.__cause__, item.__context__, *item.args, getattr(item, "reason", None)]


def _reason(error: APIError) -> str:
    return plain(str(error.explanation or error))
