"""Where instances are from: a local file, or a dataset at Hugging Face that is fetched once and kept.

JSON is read here. What takes the official package is loaded in a process of its own, without the user's keys, and kept
as JSON lines in `dgm.content.cache_directory()`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from dgm.benchmarks.swebench.extra import require_extra
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.boundary.scratch import remove_stale_scratch, scratch_directory
from dgm.boundary.text import safe_line
from dgm.config import SweBench
from dgm.content import cache_directory
from dgm.core.errors import ConfigError, FetchError, MalformedContentError

Say = Callable[[str], None]

MAX_BYTES = 1_000_000_000
_LOADER = "dgm.benchmarks.swebench.dataset_process"
_TIMEOUT_S = 900.0
_SHOWN_OF_A_REASON = 200
_SUFFIXES = (".json", ".jsonl", ".parquet")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})?")
_PASSED_ON = (
    *("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("HF_ENDPOINT", "HF_HUB_OFFLINE"),
)
_SETTINGS = {
    "PYTHON_DOTENV_DISABLED": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",  # it lies in the cache's directory
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "LC_ALL": "C.UTF-8",
}


def dataset_instances(settings: SweBench) -> tuple[Instance, ...]:
    """Return all instances of a dataset, in its order.

    Raises:
        ConfigError: it is neither a file that is there nor a name.
        UsageError: the official package is needed to load it, and is not installed.
        FetchError: it could not be fetched.
        MalformedContentError: it does not hold instances.
    """
    place = _place(settings)
    if not place.is_file():
        _load(settings, place)
    return _read(place, source=settings.dataset)


def is_at_hand(settings: SweBench) -> bool:
    """Return whether a dataset's instances can be read without a network."""
    return _place(settings).is_file()


def fetch_dataset(settings: SweBench, say: Say) -> Path:
    """Fetch a dataset's records as they are now, put them in the place of those that were kept, and return it.

    Raises:
        ConfigError: it is a local file, or no name.
        FetchError, UsageError, MalformedContentError: as `dataset_instances`.
    """
    if is_file_name(settings.dataset):
        raise ConfigError(f"{settings.dataset} is a local file: there is nothing to fetch.")
    place = _place(settings)
    say(f"Fetching {settings.dataset}, split {settings.split}.")
    _load(settings, place)
    say(f"{place} holds {len(_read(place, source=settings.dataset))} instances.")
    return place


def datasets_directory() -> Path:
    """Return where records are kept."""
    return cache_directory() / "swebench" / "datasets"


def is_file_name(dataset: str) -> bool:
    """Return whether a dataset is a local file."""
    return dataset.lower().endswith(_SUFFIXES)


def absolute_dataset(dataset: str) -> str:
    """Return what means the same dataset wherever it is said."""
    return str(_absolute(dataset)) if is_file_name(dataset) else dataset


def _place(settings: SweBench) -> Path:
    """Return the file that a dataset's records are read from; one that is kept may not be there yet."""
    kept = datasets_directory()
    if not is_file_name(settings.dataset):
        if not _NAME.fullmatch(settings.dataset):
            raise ConfigError(
                f"{settings.dataset} is no dataset: say a name at Hugging Face, such as {SweBench().dataset}, or a "
                "local .json, .jsonl or .parquet file."
            )
        return kept / f"{settings.dataset.replace('/', '__')}@{settings.split}.jsonl"
    path = _local_path(settings.dataset)
    if path.suffix.lower() != ".parquet":
        return path
    with path.open("rb") as stream:
        return kept / f"parquet-{hashlib.file_digest(stream, 'sha256').hexdigest()}.jsonl"


def _local_path(dataset: str) -> Path:
    path = _absolute(dataset)
    try:
        if path.is_file() and os.access(path, os.R_OK):
            return path
    except OSError:
        pass
    raise ConfigError(f"{dataset} is not a file that can be read; name another dataset with --swebench-dataset.")


def _absolute(dataset: str) -> Path:
    try:
        return Path(dataset).expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f"{dataset}: that user has no home directory; give the whole path.") from None


# --- reading -----------------------------------------------------------------------------------------------------


def _read(path: Path, *, source: str) -> tuple[Instance, ...]:
    found = path.stat()
    if found.st_size > MAX_BYTES:
        raise MalformedContentError(f"{source} holds more than {MAX_BYTES // 1_000_000} MB of records.")
    return _instances(path, source, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=4)
def _instances(path: Path, source: str, version: tuple[int, ...]) -> tuple[Instance, ...]:
    del version  # so that a file that was written anew is read anew
    instances = tuple(
        read_record(value, number=number, source=source) for number, value in enumerate(_values(path, source), start=1)
    )
    if not instances:
        raise MalformedContentError(f"{source} holds no instance.")
    names: set[str] = set()
    for instance in instances:
        if instance.id.lower() in names:
            raise MalformedContentError(f"{source} holds instance {instance.id} twice.")
        names.add(instance.id.lower())
    return instances


def _values(path: Path, source: str) -> Iterable[object]:
    text = path.read_bytes()
    if path.suffix.lower() == ".json":
        found = _json(text, f"{source} is not JSON")
        if not isinstance(found, list):
            raise MalformedContentError(f"{source} is not a list of instances.")
        yield from found  # pyright: ignore[reportUnknownVariableType]
        return
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            yield _json(line, f"{source}: line {number} is not JSON")


def _json(text: bytes, what_is_wrong: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # Without its cause, which would quote the file: somebody else's run can name any file of this machine.
        raise MalformedContentError(f"{what_is_wrong}.") from None


# --- loading -----------------------------------------------------------------------------------------------------


def _load(settings: SweBench, place: Path) -> None:
    """Let the official package load a dataset; its records come into their place whole or not at all."""
    require_extra()
    local = is_file_name(settings.dataset)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_scratch(place.parent)
        with scratch_directory("loading", within=place.parent) as directory:
            fresh = directory / "records.jsonl"
            reason = _run_loader(settings, fresh)
            if reason and local:
                raise MalformedContentError(f"{settings.dataset} could not be read as a dataset of SWE-bench.")
            if reason:
                raise FetchError(
                    f"{settings.dataset} could not be fetched from Hugging Face: {reason}; without a network, name a "
                    "local .json, .jsonl or .parquet file with --swebench-dataset."
                )
            _read(fresh, source=settings.dataset)
            fresh.replace(place)
    except OSError as error:
        raise FetchError(f"{place} could not be written: {error.strerror or error}.") from error


def _run_loader(settings: SweBench, target: Path) -> str:
    """Write a dataset's records to a new file and return why that failed, "" if it did not."""
    home = target.parent / "home"
    home.mkdir()
    if is_file_name(settings.dataset):
        name, places = str(_local_path(settings.dataset)), {"HF_HOME": str(home)}
    else:
        name, places = settings.dataset, _hugging_face_places()
    passed_on = {variable: os.environ[variable] for variable in _PASSED_ON if variable in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", _LOADER, name, settings.split, str(target)],
            cwd=home,
            env=passed_on | _SETTINGS | places | {"HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {_TIMEOUT_S:.0f} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["the loader does not say why"]
    return safe_line(lines[-1], max_chars=_SHOWN_OF_A_REASON).rstrip(".")


def _hugging_face_places() -> dict[str, str]:
    """Return where this user keeps what came from Hugging Face; it may be there already."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    named = {name: os.environ[name] for name in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE") if name in os.environ}
    return {"HF_HOME": f"{cache}/huggingface"} | named
