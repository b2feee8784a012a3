"""The verb `images`: what is listed, what is built, and what is said of it before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_names, outline_named
from dgm.cli.confirming import confirm_new_run
from dgm.cli.image_plans import ALL, building_ahead, time_words
from dgm.cli.pull_plans import PullPlan, pull_answer, pull_plan, pull_words
from dgm.config import RunConfig, SweBench
from dgm.core.errors import EngineUnavailableError, MalformedContentError, SandboxError
from dgm.core.tasks import Repository
from dgm.sandbox.downloads import Downloads
from dgm.sandbox.engine_answers import NotRunningError
from dgm.sandbox.engine_images import Image
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_sizes import ImageSize, added_size, image_size
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.images import IMAGE_LABEL, image_names, image_tag, images_to_build
from tests.fakes.benchmark import FakeBenchmark, tiny_task
from tests.fakes.commands import Answer, answered
from tests.fakes.image_engine import MEGABYTE, ImageEngine
from tests.fakes.registry import FakeRegistry

LANGUAGES = ("cpp", "go", "java", "javascript", "rust")
NAMES = ["polyglot-cpp", "polyglot-go", "polyglot-java", "polyglot-javascript", "polyglot-rust", "python"]
FAILING = ["Step 3/3 : RUN apt-get", "---> Running in 0123", "first line", "E: no package golang", "Removing 0123"]


@dataclass
class FakeEngine(ImageEngine):
    """An engine with images, that can build; it has the base image already."""

    is_local = False
    images_there: list[Image] = field(default_factory=list[Image])
    built: list[str] = field(default_factory=list[str])
    build_says: tuple[str, ...] = ()
    """What a build says before it fails; it succeeds if that is nothing."""

    def image_id(self, tag: str) -> str | None:
        found = [image.id for image in self.images_there if tag in image.tags]
        return "base" if tag.startswith("debian:") else next(iter(found), None)

    def images(self, *, label: str) -> list[Image]:
        return self.images_there if label == IMAGE_LABEL else super().images(label=label)

    def remove_image(self, name: str) -> None:
        here = [image for image in self.images_there if name in image.tags]
        if not here:
            super().remove_image(name)
        elif name in self.needed:
            raise NotRunningError("it is needed.")
        self.images_there = [image for image in self.images_there if image not in here]

    def info(self) -> dict[str, str]:
        return {"DockerRootDir": "/var/lib/docker"}

    def add(self, tag: str, name: str, *, megabytes: int = 100) -> None:
        self.images_there.append(Image(f"sha256:{tag}", (tag,), megabytes * 10**6, 0.0, {IMAGE_LABEL: name}))

    def build(
        self,
        directory: Path,
        *,
        tag: str,
        arguments: Mapping[str, str],  # noqa: ARG002
        labels: Mapping[str, str],  # noqa: ARG002
        say: Callable[[str], None],
    ) -> None:
        for line in self.build_says:
            say(line)
        if self.build_says:
            raise SandboxError("returned a non-zero code: 100.")
        self.built.append(directory.name)
        self.add(tag, directory.name)

    def close(self) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Return an engine without images, for small ones of the names that there really are."""
    for name in NAMES:
        text = "ARG BASE=debian:x\n" if name == "python" else "ARG PARENT=python\n"
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "Dockerfile").write_text(text)
    sizes = (f"[{name}]\nmegabytes = {100 + 10 * number}\nseconds = 30\n" for number, name in enumerate(NAMES[::-1]))
    (tmp_path / "images" / "sizes.toml").write_text("\n".join(sizes))
    found = FakeEngine()
    for module in ("images", "image_sizes"):
        monkeypatch.setattr(f"dgm.sandbox.{module}.sandbox_directory", lambda: tmp_path)
    for module in ("image_plans", "image_listing", "task_image_listing", "pull_plans"):
        monkeypatch.setattr(f"dgm.cli.{module}.connect", lambda: found)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    return found


@pytest.fixture
def dgm(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:  # noqa: ARG001
    def command(*words: str) -> Answer:
        return answered(capsys, "images", *words)

    return command


def test_each_image_is_listed_with_what_takes_it(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    engine.add(image_tag("python"), "python", megabytes=117)
    engine.add("dgm-python:0123456789ab", "python")
    tag = image_tag("python").partition(":")[2]
    assert dgm().out.splitlines() == [
        "image                tag             MB  benchmarks",
        "polyglot-cpp         not built     ~150  polyglot, polyglot-mini",
        "polyglot-go          not built     ~140  polyglot, polyglot-mini",
        "polyglot-java        not built     ~130  polyglot, polyglot-mini",
        "polyglot-javascript  not built     ~120  polyglot, polyglot-mini",
        "polyglot-rust        not built     ~110  polyglot, polyglot-mini",
        f"python               {tag}   117  katas, polyglot, polyglot-mini,",
        "                                         swebench",
        "python               0123456789ab   100  none: of an older version",
        "`dgm images remove NAME` removes one.",
        "`dgm images build NAME` builds one, or all that a benchmark takes.",
    ]


def test_the_list_has_json(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    engine.add("dgm-python:0123456789ab", "python")
    answer = dgm("--json").json
    assert answer["images"][-1] == {
        "name": "python",
        "tag": image_tag("python"),
        "digest": None,
        "size_bytes": None,
        "expected_megabytes": 100,
        "expected_build_seconds": 30,
        "benchmarks": ["katas", "polyglot", "polyglot-mini", "swebench"],
    }
    assert [image["tag"] for image in answer["older"]] == ["dgm-python:0123456789ab"]
    assert answer["task_images"] == {"images": [], "size_bytes": 0, "quota_bytes": 107_374_182_400}


@pytest.mark.parametrize(
    ("words", "built"),
    [
        ([], ["python"]),
        (["katas"], ["python"]),
        (["polyglot-go"], ["python", "polyglot-go"]),
        (["polyglot-go", "polyglot-go", "python"], ["python", "polyglot-go"]),
        (["polyglot", "--tasks", "go/*,rust/bowling"], ["python", "polyglot-go", "polyglot-rust"]),
        (["all"], ["python", *(f"polyglot-{language}" for language in LANGUAGES)]),
    ],
)
def test_what_is_named_is_built_once_and_parents_first(
    dgm: Callable[..., Answer], engine: FakeEngine, words: list[str], built: list[str]
) -> None:
    assert dgm("build", *words).code == 0
    assert engine.built == built


def test_a_benchmark_means_all_its_images(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    dgm("build", "polyglot-mini")
    assert sorted(engine.built) == NAMES


def test_size_and_time_are_said_before_anything_is_built(dgm: Callable[..., Answer]) -> None:
    said = dgm("build", "polyglot-go", "polyglot-cpp").err
    assert said.partition("Building")[0].splitlines() == [
        "to build       about  in about",
        "python        100 MB      30 s",
        "polyglot-go   140 MB      30 s",
        "polyglot-cpp  150 MB      30 s",
        "Together about 190 MB and 90 s; what they share is counted once.",
    ]


def test_digest_and_size_are_shown_afterwards(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    engine.add(image_tag("python"), "python")
    answer = dgm("build", "polyglot-go")
    assert [(line.split()[0], line.split()[2:]) for line in answer.out.splitlines()[1:]] == [
        ("polyglot-go", ["100", "sha256:dgm-polyglot", "in", "0", "s"])
    ]
    assert "python" not in answer.err


def test_what_is_there_is_not_built_again(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    engine.add(image_tag("python"), "python")
    answer = dgm("build", "--json")
    assert (answer.err, engine.built) == ("", [])
    assert answer.json["images"] == [
        {
            "name": "python",
            "tag": image_tag("python"),
            "digest": f"sha256:{image_tag('python')}",
            "size_bytes": 100_000_000,
            "build_seconds": None,
        }
    ]


def test_a_build_that_fails_is_one_sentence_with_its_last_words(
    dgm: Callable[..., Answer], engine: FakeEngine, tmp_path: Path
) -> None:
    engine.build_says = tuple(FAILING[:4])
    answer = dgm("build")
    log = tmp_path / "cache" / "dgm" / "build-python.log"
    assert answer.code == 4
    assert answer.err.splitlines()[-1] == (
        "dgm: The sandbox image python could not be built; its build ended with: first line | E: no package golang; "
        f"all that it said is in {log}."
    )
    assert log.read_text().splitlines() == [*FAILING[:4], "returned a non-zero code: 100."]


def test_a_log_that_cannot_be_written_does_not_hide_why(
    dgm: Callable[..., Answer], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    engine.build_says = ("E: no package golang",)
    assert dgm("build").err.endswith("its build ended with: E: no package golang\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bild"], "removes, not 'bild'"),
        (["remove"], "takes names of images, or --unused"),
        (["remove", "python", "--unused"], "takes names of images, or --unused"),
        (["remove", "debian:12"], "no image 'debian:12' that dgm pulled or built"),
        (["build", "--unused"], "--unused goes with `dgm images remove`"),
        (["build", "cobol"], "no image or benchmark 'cobol'; images are polyglot-cpp"),
        (["--tasks", "go/*"], "--tasks goes with `dgm images build NAME`"),
        (["build", "polyglot-go", "--tasks", "go/*"], "--tasks goes with the name of one benchmark"),
        (["build", "katas", "polyglot", "--tasks", "go/*"], "--tasks goes with the name of one benchmark"),
        (["build", "katas", "--tasks", "go/*"], "no task 'go/*' in benchmark katas"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    dgm: Callable[..., Answer], engine: FakeEngine, words: list[str], says: str
) -> None:
    answer = dgm(*words)
    assert (answer.code, answer.out, answer.err.count("\n"), engine.built) == (2, "", 1, [])
    assert says in answer.err


def test_a_run_hears_which_images_come_first(engine: FakeEngine) -> None:
    engine.add(image_tag("python"), "python")
    assert building_ahead(outline_named("polyglot", ["go/*", "cpp/*"])) == (
        "Sandbox images to build first: polyglot-go, polyglot-cpp; about 90 MB and 60 s."
    )


def test_it_is_said_before_a_run_starts_even_if_it_costs_nothing(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine.built == []
    confirm_new_run(yes=False, runs=None)(RunConfig(), {})
    assert capsys.readouterr().err == "Sandbox images to build first: python; about 100 MB and 30 s.\n"


def test_a_run_hears_nothing_of_images_that_are_there(engine: FakeEngine) -> None:
    engine.add(image_tag("python"), "python")
    assert building_ahead(outline_named("katas")) == ""


def test_without_an_engine_nothing_is_said_of_images(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> FakeEngine:
        raise EngineUnavailableError("none")

    assert engine.built == []
    monkeypatch.setattr("dgm.cli.image_plans.connect", refuse)
    assert building_ahead(outline_named("katas")) == ""


def test_an_image_is_to_be_built_again_with_its_parent(engine: FakeEngine, tmp_path: Path) -> None:
    for name in ("python", "polyglot-go"):
        engine.add(image_tag(name), name)
    (tmp_path / "images" / "python" / "Dockerfile").write_text("ARG BASE=debian:x\n# edited\n")
    assert images_to_build(engine, ["polyglot-go"]) == ("python", "polyglot-go")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", image_names())
def test_every_image_says_how_large_it_is(name: str) -> None:
    assert image_size(name).megabytes >= image_size("python").megabytes


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmarks_images_can_be_built(name: str) -> None:
    assert set(outline_named(name).images()) <= set(image_names())


def test_no_name_means_two_things() -> None:
    assert not {*image_names()} & {*benchmark_names(), ALL}
    assert ALL not in benchmark_names()


def test_what_images_share_is_counted_once(engine: FakeEngine) -> None:
    assert engine.built == []
    assert added_size(["python", "polyglot-go", "polyglot-cpp"]) == ImageSize(190, 90)


@pytest.mark.parametrize("text", ["", "[python]\nmegabytes = 1\n", "[python]\nmegabytes = -1\nseconds = 1", "x ="])
def test_sizes_that_are_missing_or_wrong_are_named(engine: FakeEngine, tmp_path: Path, text: str) -> None:
    assert engine.built == []
    path = tmp_path / "images" / "sizes.toml"
    path.write_text(text)
    with pytest.raises(MalformedContentError, match=r"sizes\.toml"):
        image_size("python")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (200, "3 min")])
def test_times_are_told_in_the_unit_that_suits_them(seconds: float, words: str) -> None:
    assert time_words(seconds) == words


# --- images of tasks ---------------------------------------------------------------------------------------------


def used(engine: FakeEngine, reference: str, *, day: int, pulled: bool = True) -> str:
    """Have an image of 100 MB, of which 60 are shared, that was used on a day of 1970; return its digest."""
    digest = engine.put(reference, [("base", 60), (reference, 40)])
    ledger = ImageLedger(engine.identity())
    store = ImageStore(engine, ledger, clock=lambda: (day - 1) * 86_400.0)  # type: ignore[arg-type]
    store.note_use(reference, digest, pulled=pulled)
    return digest


def test_images_of_tasks_are_listed_with_what_they_take(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    used(engine, "a/one:latest", day=1)
    engine.prepare(used(engine, "a/two:latest", day=3), ("made", 5))
    engine.prepare(used(engine, "a/theirs:latest", day=2, pulled=False), ("made of theirs", 7))
    assert dgm().out.splitlines()[-8:] == [
        "",
        "image of tasks                                             MB  last used",
        "a/two:latest                                              105  1970-01-03",
        "a/theirs:latest (not pulled by dgm: what was made of it)    7  1970-01-02",
        "a/one:latest                                              100  1970-01-01",
        "Together 152 MB of 107.4 GB (the default of swebench.image_quota_bytes); what",
        "they share is counted once.",
        "`dgm images remove --unused` removes all that nobody uses now.",
    ]


def test_images_of_tasks_have_json(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    digest = used(engine, "a/one:latest", day=2)
    made = engine.prepare(digest, ("made", 5))
    assert dgm("--json").json["task_images"]["images"] == [
        {
            "names": ["a/one:latest"],
            "digest": digest,
            "pulled": True,
            "prepared": [made],
            "size_bytes": 105 * MEGABYTE,
            "used": "1970-01-02T00:00:00+00:00",
        }
    ]


@pytest.mark.parametrize("words", [["a/one:latest"], ["--unused"]])
def test_images_of_tasks_are_removed(dgm: Callable[..., Answer], engine: FakeEngine, words: list[str]) -> None:
    used(engine, "a/one:latest", day=2)
    assert dgm("remove", *words).out == "removed a/one:latest\n"
    assert engine.removed == ["a/one:latest"]


def test_all_that_nobody_uses_is_removed_and_no_more(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    used(engine, "a/one:latest", day=1)
    used(engine, "a/theirs:latest", day=1, pulled=False)
    engine.used.add(used(engine, "a/used:latest", day=1))
    for tag in (image_tag("python"), "dgm-python:0123456789ab"):
        engine.add(tag, "python")
    answer = dgm("remove", "--unused", "--json")
    assert (answer.code, answer.json) == (
        0,
        {"removed": ["a/one:latest", "dgm-python:0123456789ab"], "in_use": ["a/used:latest"]},
    )
    assert [image.tags for image in engine.images_there] == [(image_tag("python"),)]


def test_an_image_of_ours_is_removed_by_its_name(dgm: Callable[..., Answer], engine: FakeEngine) -> None:
    engine.add(image_tag("polyglot-go"), "polyglot-go")
    assert dgm("remove", "polyglot-go").code == 0
    assert engine.images_there == []


def test_an_image_that_somebody_made_of_ours_is_neither_listed_nor_removed(
    dgm: Callable[..., Answer], engine: FakeEngine
) -> None:
    engine.add("mine:1", "python")
    assert "mine" not in dgm().out
    assert dgm("remove", "mine:1").code == 2
    assert len(engine.images_there) == 1


def test_a_named_image_that_is_in_use_is_left_and_that_is_one_sentence(
    dgm: Callable[..., Answer], engine: FakeEngine
) -> None:
    engine.used.add(used(engine, "a/one:latest", day=1))
    engine.add(image_tag("python"), "python")
    engine.needed.add(image_tag("python"))
    answer = dgm("remove", "a/one:latest", "python")
    assert answer.code == 4
    assert answer.err == "dgm: In use, and left: a/one:latest, python; see `docker ps -a` and `dgm gc`.\n"


# --- what is said before a run -----------------------------------------------------------------------------------


def bringing(*references: str) -> FakeBenchmark:
    """Return a benchmark whose tasks bring images along."""
    known = [
        replace(known, task=replace(known.task, image=reference, repository=Repository("/testbed", "0" * 40)))
        for known, reference in zip([tiny_task(reference) for reference in references], references, strict=True)
    ]
    return FakeBenchmark(known=known)


def said(config: RunConfig, *references: str) -> str:
    plan = pull_plan(config, bringing(*references))
    return "" if plan is None else pull_words(plan)


def test_what_is_to_be_downloaded_is_said(engine: FakeEngine) -> None:
    with FakeRegistry() as registry:
        missing = [registry.add(f"a/{name}", layers=[{"x": name.encode() * 3_000_000}]) for name in ("b", "c")]
        engine.put("a/here", [("x", 1)])
        assert said(RunConfig(), "a/here", *missing) == (
            "Images of the tasks: 1 of 3 are here, others are pulled when first needed. To download: 0 MB. Up to "
            "107.4 GB of what dgm pulled is kept (swebench.image_quota_bytes)."
        )


def test_a_size_that_no_registry_tells_is_said_to_be_assumed(engine: FakeEngine) -> None:
    assert engine.at_registries == {}
    with FakeRegistry() as gone:
        missing = [gone.add(f"a/{number}", layers=[{}]) for number in range(50)]
    config = RunConfig(swebench=SweBench(image_quota_bytes=2**30))
    assert said(config, *missing) == (
        "Images of the tasks: 0 of 50 are here, others are pulled when first needed. To download: about 21.0 GB if "
        "each has 419 MB, which is assumed since no registry can be asked. Up to 1.1 GB of what dgm pulled is kept "
        "(swebench.image_quota_bytes)."
    )


def test_a_size_that_is_reckoned_from_some_says_so(engine: FakeEngine) -> None:
    assert engine.at_registries == {}
    with FakeRegistry() as registry:
        missing = [registry.add(f"a/{number}", layers=[{}]) for number in range(20)]
        assert "To download: about 0 MB, reckoned from 12 of 20." in said(RunConfig(), *missing)


def test_images_that_are_all_here_are_said_to_be(engine: FakeEngine) -> None:
    engine.put("a/one", [("x", 1)])
    assert said(RunConfig(), "a/one") == "Images of the tasks: all 1 are here."


def test_a_disk_that_is_too_small_is_said_to_be() -> None:
    plan = PullPlan(Downloads(here=0, missing=9, asked=9, download_bytes=10**10), quota_bytes=10**11, free_bytes=10**10)
    assert pull_words(plan).endswith(" Only 10.0 GB are free on the engine's disk: lower this quota, or free some.")
    assert "Only" not in pull_words(replace(plan, free_bytes=4 * 10**10))


def test_a_benchmark_whose_tasks_bring_no_images_says_nothing_of_them(engine: FakeEngine) -> None:
    assert engine.at_registries == {}
    assert pull_plan(RunConfig(), outline_named("katas")) is None


def test_before_a_run_it_is_said_what_is_pulled_and_how_long_it_takes_even_if_it_costs_nothing(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine.add(image_tag("python"), "python")
    engine.put("a/one", [("x", 1)])
    benchmark = bringing("a/one")

    def outline_of(_config: RunConfig) -> FakeBenchmark:
        return benchmark

    monkeypatch.setattr("dgm.cli.confirming.outline_of", outline_of)
    confirm_new_run(yes=False, runs=tmp_path / "runs")(RunConfig(), {})
    images, estimate, *_ = capsys.readouterr().err.splitlines()
    assert images == "Images of the tasks: all 1 are here."
    assert estimate.startswith("Estimate: it costs nothing and takes ")


def test_images_for_another_machine_keep_a_run_from_starting(engine: FakeEngine) -> None:
    engine.machine = "arm64"
    with FakeRegistry() as registry, pytest.raises(SandboxError, match="made for amd64"):
        said(RunConfig(), registry.add("a/one", layers=[{}]))


def test_an_estimate_has_what_is_pulled(engine: FakeEngine) -> None:
    engine.put("a/one", [("x", 1)])
    assert pull_answer(pull_plan(RunConfig(), bringing("a/one"))) == {
        "here": 1,
        "missing": 0,
        "asked": 0,
        "download_bytes": 0,
        "quota_bytes": 107_374_182_400,
        "free_bytes": None,
    }
