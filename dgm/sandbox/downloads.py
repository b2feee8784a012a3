"""What is still to be pulled of the images that tasks bring along, reckoned before a run."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_images import StoredImage
from dgm.sandbox.references import Reference, parse_reference
from dgm.sandbox.registry import RegistryError, RemoteImage, layer_keys, remote_image
from dgm.sandbox.task_images import require_architecture

ASSUMED_BYTES = 400 * 2**20
"""Of one image, where no registry can be asked: the 300 of SWE-bench Lite are said to take about 120 GiB."""
_MOST_ASKED = 12
"""Of images: they are much like each other, and a registry counts each question as a pull."""
_AT_A_TIME = 6
_USUAL_ARCHITECTURE = "amd64"


@dataclass(frozen=True, slots=True)
class Downloads:
    """What is here of some images, and what is to come."""

    here: int
    missing: int
    asked: int
    """How many of the missing ones a registry told the size of."""
    download_bytes: int
    """Compressed; layers that images share count once. Reckoned where not all were asked, assumed where none was."""


def downloads_ahead(engine: Engine | None, references: Sequence[str]) -> Downloads:
    """Return what using images will download.

    Args:
        engine: where they are to be; None where none can be asked: then it is as if nothing were here.
        references: name them.
    Raises:
        MalformedContentError: one is no name of an image.
        SandboxError: the engine failed, or an image is made for another architecture.
    """
    named = {text: parse_reference(text) for text in references}
    stored = {} if engine is None else _stored(engine, named)
    missing = [reference for text, reference in named.items() if text not in stored]
    architecture = _USUAL_ARCHITECTURE if engine is None else engine.architecture()
    answers = _answers(_some(missing), architecture)
    if engine is not None:
        for reference, image in answers.items():
            require_architecture(reference, image.architectures, architecture)
    here = {key for image in stored.values() for key in layer_keys(image.contents)}
    sizes = [image.layers for image in answers.values()]
    return Downloads(len(stored), len(missing), len(sizes), _reckoned_bytes(sizes, here, missing=len(missing)))


def _stored(engine: Engine, named: Collection[str]) -> dict[str, StoredImage]:
    found = {text: engine.stored_image(text) for text in named}
    return {text: image for text, image in found.items() if image is not None}


def _some(missing: Sequence[Reference]) -> Sequence[Reference]:
    """Return as many as may be asked, from all over the sequence: neighbours are of one repository."""
    if len(missing) <= _MOST_ASKED:
        return missing
    return [missing[number * len(missing) // _MOST_ASKED] for number in range(_MOST_ASKED)]


def _answers(references: Sequence[Reference], architecture: str) -> dict[Reference, RemoteImage]:
    def answer(reference: Reference) -> RemoteImage | None:
        try:
            return remote_image(reference, architecture=architecture)
        except RegistryError:
            return None

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="dgm-registry") as pool:
        answers = zip(references, pool.map(answer, references), strict=True)
        return {reference: image for reference, image in answers if image is not None}


def _reckoned_bytes(sizes: Sequence[Mapping[str, int]], here: Collection[str], *, missing: int) -> int:
    """Return what `missing` images download if the others are like those of which `sizes` tells the layers.

    Layers that several of those share are taken for shared by all, layers of one alone for its own.
    """
    if not sizes:
        return missing * ASSUMED_BYTES
    users = Counter(key for layers in sizes for key in layers if key not in here)
    whole = {key: size for layers in sizes for key, size in layers.items()}
    shared = sum(whole[key] for key, number in users.items() if number > 1)
    own = sum(whole[key] for key, number in users.items() if number == 1)
    return shared + own * missing // len(sizes)
