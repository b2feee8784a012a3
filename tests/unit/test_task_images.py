"""Images that tasks bring along: pulled once, kept while they are used, removed under a quota if dgm pulled them."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from dgm.core.errors import ArchiveError, MalformedContentError, SandboxError
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.pull_progress import PullProgress
from dgm.sandbox.pull_stream import PullEvent
from dgm.sandbox.references import HUB, parse_reference
from dgm.sandbox.task_images import TaskImages
from tests.fakes.image_engine import MEGABYTE, ImageEngine

BASE = ("base", 100)


@dataclass
class Setting:
    """An engine, what is known of it, and what was said."""

    cache: Path
    engine: ImageEngine = field(default_factory=ImageEngine)
    said: list[str] = field(default_factory=list[str])
    pinned: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    ticks: "count[int]" = field(default_factory=count)

    @property
    def ledger(self) -> ImageLedger:
        return ImageLedger(self.engine.identity(), cache=self.cache)

    @property
    def store(self) -> ImageStore:
        return ImageStore(self.engine, self.ledger, clock=lambda: float(next(self.ticks)))  # type: ignore[arg-type]

    def images(self, *, quota: int = 10_000, pin: Callable[[str, str], None] | None = None) -> TaskImages:
        """Return the images under a quota of megabytes."""
        return TaskImages(
            self.engine,  # type: ignore[arg-type]
            quota_bytes=quota * MEGABYTE,
            say=self.said.append,
            pin=pin or (lambda reference, digest: self.pinned.append((reference, digest))),
            store=self.store,
        )

    def serve(self, *names: str, megabytes: int = 50) -> None:
        """Have images at a registry that share a base."""
        self.engine.at_registries |= {name: [BASE, (name, megabytes)] for name in names}

    def use(self, *names: str, quota: int = 10_000) -> None:
        images = self.images(quota=quota)
        for name in names:
            with images.leased(name):
                pass

    def there(self, *names: str) -> str:
        """Return which of `names` are on the engine."""
        return " ".join(name for name in names if self.engine.stored_image(name) is not None)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "registry", "repository", "version"),
    [
        ("debian", HUB, "library/debian", "latest"),
        ("debian:12-slim", HUB, "library/debian", "12-slim"),
        ("docker.io/library/debian", HUB, "library/debian", "latest"),
        ("swebench/sweb.eval.x86_64.a_1776_a-1:latest", HUB, "swebench/sweb.eval.x86_64.a_1776_a-1", "latest"),
        ("ghcr.io/epoch/x:v1", "ghcr.io", "epoch/x", "v1"),
        ("localhost/x", "localhost", "x", "latest"),
        ("127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000", "a/b/c", "t"),
        (f"a/b@sha256:{'0' * 64}", HUB, "a/b", f"sha256:{'0' * 64}"),
        (f"a/b:t@sha256:{'0' * 64}", HUB, "a/b", f"sha256:{'0' * 64}"),
    ],
)
def test_a_name_is_read_as_engines_do(text: str, registry: str, repository: str, version: str) -> None:
    found = parse_reference(text)
    assert (found.registry, found.repository, found.version) == (registry, repository, version)


@pytest.mark.parametrize(
    "text", ["", "A/b", "../containers/json", "a b", "a/b?x", "a:b:c", "http://a/b", "a\n", "a//b", "é/b", "a" * 600]
)
def test_what_is_no_name_never_reaches_the_engine(setting: Setting, text: str) -> None:
    with pytest.raises(MalformedContentError, match="is no name of an image"), setting.images().leased(text):
        pass


# --- leases ------------------------------------------------------------------------------------------------------


def test_an_image_that_is_here_is_not_pulled_and_not_dgms(setting: Setting) -> None:
    digest = setting.engine.put("a/one:latest", [BASE])
    with setting.images().leased("a/one:latest") as found:
        assert found == digest
    assert (setting.engine.pulled, setting.said, setting.pinned) == ([], [], [("a/one:latest", digest)])
    assert not setting.ledger.rows()["a/one:latest"].pulled
    assert setting.store.images() == []


def test_an_image_that_is_missing_is_pulled_and_dgms(setting: Setting) -> None:
    setting.serve("a/one:latest")
    with setting.images().leased("a/one:latest") as found:
        assert setting.pinned == [("a/one:latest", found)]
    assert setting.said == ["Pulling a/one:latest."]
    assert setting.ledger.rows()["a/one:latest"].pulled


def test_many_workers_pull_an_image_once(setting: Setting) -> None:
    setting.serve("a/one", "a/two")
    images, together = setting.images(), threading.Barrier(8)

    def use(number: int) -> None:
        together.wait()
        with images.leased(f"a/{('one', 'two')[number % 2]}"):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert sorted(setting.engine.pulled) == ["a/one", "a/two"]


def test_several_images_are_pulled_side_by_side(setting: Setting) -> None:
    setting.serve("a/one", "a/two")
    together = threading.Barrier(2, timeout=60)
    setting.engine.during_pull = together.wait
    images = setting.images()

    def use(name: str) -> None:
        with images.leased(name):
            pass

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(use, ["a/one", "a/two"]))
    assert not together.broken


def test_an_image_that_is_not_the_recorded_one_is_not_used(setting: Setting) -> None:
    def refuse(reference: str, digest: str) -> None:
        raise ArchiveError(f"{reference} is {digest}")

    setting.engine.put("a/one", [BASE])
    with pytest.raises(ArchiveError), setting.images(pin=refuse).leased("a/one"):
        pytest.fail("it was used")


def test_an_image_for_another_machine_is_refused(setting: Setting) -> None:
    setting.engine.put("a/one", [BASE], architecture="arm64")
    with pytest.raises(SandboxError, match="made for arm64, and the Docker engine's machine is amd64"):
        setting.use("a/one")


def test_a_pull_that_fails_leaves_no_row(setting: Setting) -> None:
    with pytest.raises(SandboxError, match="none of that name"):
        setting.use("a/none")
    assert setting.ledger.rows() == {}


# --- quota -------------------------------------------------------------------------------------------------------


def test_what_was_not_used_for_longest_goes_first(setting: Setting) -> None:
    setting.serve("a", "b", "c", "d")
    setting.use("a", "b", "c", "a")
    setting.use("d", quota=250)  # the base and three images
    assert setting.there("a", "b", "c", "d") == "a c d"
    assert "b" not in setting.ledger.rows()


def test_layers_that_images_share_count_once(setting: Setting) -> None:
    setting.serve("a", "b", "c")
    setting.use("a", "b", "c", quota=250)
    assert setting.there("a", "b", "c") == "a b c"


def test_a_smaller_quota_holds_from_the_next_pull_on(setting: Setting) -> None:
    setting.serve("a", "b", "c", "d")
    setting.use("a", "b", "c")
    setting.use("c", quota=150)
    assert setting.there("a", "b", "c") == "a b c"
    setting.use("d", quota=150)
    assert setting.there("a", "b", "c", "d") == "d"


def test_what_dgm_did_not_pull_is_never_removed(setting: Setting) -> None:
    setting.engine.put("mine", [("mine", 900)])
    setting.serve("a", "b")
    setting.use("mine", "a", "b", quota=0)
    assert (setting.there("mine", "a", "b"), setting.engine.removed) == ("mine b", ["a"])


def test_what_was_made_of_an_image_goes_with_it_and_counts(setting: Setting) -> None:
    setting.serve("a", "b")
    setting.use("a")
    digest = setting.engine.stored_image("a")
    assert digest is not None
    made = setting.engine.prepare(digest.id, ("made", 40))
    (image,) = setting.store.images()
    assert image.size_bytes == 190 * MEGABYTE
    setting.use("b", quota=200)
    assert setting.engine.removed == [made, "a"]


def test_only_what_was_made_of_somebody_elses_image_goes(setting: Setting) -> None:
    made = setting.engine.prepare(setting.engine.put("mine", [("mine", 900)]), ("made", 40))
    setting.serve("b")
    setting.use("mine")
    (image,) = setting.store.images()
    assert image.size_bytes == 40 * MEGABYTE
    setting.use("b", quota=0)
    assert (setting.engine.removed, setting.there("mine")) == ([made], "mine")


def test_what_was_made_of_an_image_that_is_not_known_here_is_left_alone(setting: Setting) -> None:
    setting.engine.prepare(setting.engine.put("theirs", [BASE]), ("made", 40))
    setting.serve("b")
    setting.use("b", quota=0)
    assert setting.engine.removed == []


def test_an_image_of_a_users_own_that_inherits_the_label_is_left_alone(setting: Setting) -> None:
    setting.serve("a", "b")
    setting.use("a")
    digest = setting.engine.stored_image("a")
    assert digest is not None
    made = setting.engine.prepare(digest.id, ("made", 40))
    setting.engine.name_too("users/own:1", made)
    setting.use("b", quota=0)
    assert setting.engine.removed == ["a"]


def test_an_image_that_is_leased_is_not_removed(setting: Setting) -> None:
    setting.serve("a", "b", "c")
    with setting.images().leased("a"):
        setting.use("b", "c", quota=0)
        assert setting.there("a", "b", "c") == "a c"


def test_an_image_with_containers_is_not_removed(setting: Setting) -> None:
    setting.serve("a", "b", "c", "d")
    setting.use("a", "b")
    for name, used in (("a", setting.engine.used), ("b", setting.engine.needed)):
        image = setting.engine.stored_image(name)
        assert image is not None
        used.add(image.id)
    setting.use("c", "d", quota=0)
    assert setting.there("a", "b", "c", "d") == "a b d"


def test_an_image_that_is_larger_than_the_quota_is_used_and_that_is_said_once(setting: Setting) -> None:
    setting.serve("a", "b", megabytes=1_900)
    setting.use("a", "b", quota=500)
    assert setting.said[1::2] == [
        "Images of tasks in use take 2.0 GB, more than swebench.image_quota_bytes (0.5 GB); they are kept while used."
    ]
    assert setting.said[::2] == ["Pulling a.", "Pulling b."]


def test_a_name_that_was_given_to_another_image_is_not_dgms_any_more(setting: Setting) -> None:
    setting.serve("a", "b")
    setting.use("a")
    setting.engine.put("a", [("other", 1)])
    setting.use("b", quota=0)
    assert (setting.engine.removed, setting.there("a")) == ([], "a")


def test_an_image_that_somebody_removed_and_brought_back_is_theirs(setting: Setting) -> None:
    setting.serve("a", "b")
    setting.use("a")
    setting.engine.remove_image("a")
    assert setting.store.images() == []
    setting.engine.put("a", setting.engine.at_registries["a"])
    setting.use("a", "b", quota=0)
    assert setting.there("a") == "a"


# --- the ledger --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": {"image_id": 1, "pulled": true, "used": 0.0}}', b"\xff"])
def test_a_damaged_ledger_counts_as_empty_with_a_warning(
    setting: Setting, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    setting.serve("a", "b")
    setting.use("a")
    (path,) = setting.cache.rglob("images.json")
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert setting.ledger.rows() == {}
    assert "cannot be read" in caplog.text
    setting.use("b", quota=0)
    assert (setting.there("a", "b"), list(setting.ledger.rows())) == ("a b", ["b"])


def test_two_engines_do_not_mix(setting: Setting) -> None:
    setting.serve("a")
    setting.use("a")
    assert ImageLedger("another", cache=setting.cache).rows() == {}


def test_changes_of_many_at_a_time_are_all_kept(setting: Setting) -> None:
    def note(number: int) -> None:
        setting.store.note_use(f"image-{number}", "sha256:1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(40)))
    assert len(setting.ledger.rows()) == 40


def test_a_ledger_that_cannot_be_written_is_a_fault_of_ours(setting: Setting, tmp_path: Path) -> None:
    (tmp_path / "task-images").write_text("in the way")
    setting.engine.put("a", [BASE])
    with pytest.raises(SandboxError, match="cannot be locked"):
        setting.use("a")


HOLDER = """
import sys
from pathlib import Path
from dgm.sandbox.image_ledger import ImageLedger
with ImageLedger("one", cache=Path(sys.argv[1])).lease("a"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_image_that_another_process_uses_is_kept_until_that_process_is_gone(setting: Setting) -> None:
    setting.serve("a", "b", "c")
    setting.use("a")
    with ExitStack() as stack:
        holder = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(setting.cache)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        )
        stack.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        setting.use("b", quota=0)
        assert setting.there("a", "b") == "a b"
        holder.kill()
        holder.wait()
        setting.use("c", quota=0)
        assert setting.there("a", "b", "c") == "c"


# --- what is said ------------------------------------------------------------------------------------------------


def downloading(layer: str, here: int, whole: int) -> PullEvent:
    return PullEvent(layer, "Downloading", here * MEGABYTE, whole * MEGABYTE)


def said_of(*events: PullEvent, step_s: float = 6.0) -> list[str]:
    said: list[str] = []
    ticks = count()
    PullProgress(said.append, clock=lambda: next(ticks) * step_s).follow("a/one", events)
    return said


def test_progress_is_told_as_far_as_sizes_are_known() -> None:
    waiting = PullEvent("2", "Waiting", 0, 0)
    assert said_of(waiting, downloading("1", 50, 100), downloading("2", 70, 310), downloading("2", 310, 310)) == [
        "Pulling a/one: 50 MB.",
        "Pulling a/one: 120 of 410 MB.",
        "Pulling a/one: 360 of 410 MB.",
    ]


def test_unpacking_is_told() -> None:
    extracting = PullEvent("1", "Extracting", 1, 9)
    assert said_of(downloading("1", 50, 100), extracting)[-1] == "Pulling a/one: 100 of 100 MB, unpacking."


def test_progress_is_not_told_more_often_than_people_read() -> None:
    events = [downloading("1", number, 100) for number in range(100)]
    assert len(said_of(*events, step_s=0.1)) == 2
