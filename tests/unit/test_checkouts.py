"""Checkouts of third parties' exercises: found, told from others, and fetched whole or not at all."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dgm.benchmarks import cloning
from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.checkouts import fetch, require_checkout, usual_checkout
from dgm.benchmarks.cloning import clone
from dgm.benchmarks.definition import Definition, read_definition
from dgm.benchmarks.exercise_files import read_exercise_files
from dgm.benchmarks.manifest import FILE, Expected, content_hash, manifest_json, read_manifest
from dgm.core.errors import ConfigError, FetchError, UsageError
from dgm.core.ids import TaskId

PEAR, FIG = TaskId("go/pear"), TaskId("rust/fig")
IDENTITY = {
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@localhost",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
FILES = {
    "README.md": "Fruit.\n",
    "go/exercises/practice/pear/.docs/instructions.md": "Grow a pear.\n",
    "go/exercises/practice/pear/pear.go": "package pear\r\n",
    "rust/exercises/practice/fig/.docs/instructions.md": "Grow a fig.\n",
    "rust/exercises/practice/fig/src/lib.rs": "// $Id$\n",
}
PEAR_STUB = Path("go/exercises/practice/pear/pear.go")


def git(repository: Path, *arguments: str) -> str:
    """Run git on the upstream repository and return what it printed."""
    argv = ["git", *arguments]
    done = subprocess.run(argv, cwd=repository, env={**os.environ, **IDENTITY}, capture_output=True, check=True)
    return done.stdout.decode().strip()


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory."""
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(text.encode())


class Upstream:
    """A repository of exercises, and the benchmark that is made of it."""

    def __init__(self, place: Path) -> None:
        self.work = place / "work"
        self.bare = place / "fruit.git"
        self.benchmark = place / "benchmark"

    @property
    def revision(self) -> str:
        """What is published."""
        return git(self.bare, "rev-parse", "refs/heads/main")

    def begin(self) -> None:
        """Publish the first revision."""
        for directory in (self.work, self.bare, self.benchmark):
            directory.mkdir(parents=True)
        git(self.work, "init", "--quiet")
        git(self.bare, "init", "--quiet", "--bare")
        write(self.work, FILES)
        self.commit()

    def commit(self) -> str:
        """Commit what stands in the working tree, publish it, and return its revision."""
        git(self.work, "-c", "core.autocrlf=false", "add", "--all")
        git(self.work, "commit", "--quiet", "--message=fruit")
        git(self.work, "push", "--quiet", "--force", str(self.bare), "HEAD:refs/heads/main")
        return git(self.work, "rev-parse", "HEAD")

    def definition(self, *, revision: str = "", repository: str = "", known: bool = True) -> Definition:
        """Return the benchmark, with a manifest of the files as they stand here unless nothing is `known`."""
        lines = [
            'name = "fruit"',
            'image = "python"',
            f'repository = "{repository or self.bare.as_uri()}"',
            f'revision = "{revision or self.revision}"',
            f'stages = [{{ tasks = ["{PEAR}", "{FIG}"] }}]',
        ]
        (self.benchmark / "benchmark.toml").write_text("\n".join(lines), "utf-8")
        definition = read_definition(self.benchmark)
        if known:
            files = {task: read_exercise_files(definition.place(task, self.work)) for task in definition.tasks}
            expected = {task: Expected(content_hash(found), frozenset()) for task, found in files.items()}
            (self.benchmark / "manifest.json").write_text(manifest_json(expected), "utf-8")
        return definition


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a sound repository was made, once for all tests."""
    place = tmp_path_factory.mktemp("built") / "place"
    Upstream(place).begin()
    return place


@pytest.fixture
def upstream(built: Path, tmp_path: Path) -> Upstream:
    """A sound repository of the test's own."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return Upstream(tmp_path)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where to fetch to; nothing is there."""
    return tmp_path / "cache" / "fruit"


@pytest.fixture
def checkout(upstream: Upstream, tmp_path: Path) -> Path:
    """What somebody unpacked: the right files, without any git data."""
    return Path(shutil.copytree(upstream.work, tmp_path / "checkout", ignore=shutil.ignore_patterns(".git")))


def silent(line: str) -> None:
    """Tell nobody."""
    del line


def tree(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory, hidden ones too."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def fetched(definition: Definition, target: Path) -> dict[str, bytes]:
    """Fetch and return the files."""
    return tree(fetch(definition, target, silent))


def refused(definition: Definition, target: Path) -> str:
    """Return why nothing was fetched, and check that nothing is left of it."""
    with pytest.raises(FetchError) as caught:
        fetch(definition, target, silent)
    assert not os.path.lexists(target)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    return str(caught.value)


# --- finding ---------------------------------------------------------------------------------------------------------


def test_a_checkout_without_git_data_is_as_good_as_any(upstream: Upstream, checkout: Path) -> None:
    assert require_checkout(upstream.definition(), checkout) == checkout


def test_the_usual_place_is_below_the_users_cache(
    upstream: Upstream, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(checkout.parent / "cache"))
    definition = upstream.definition()
    assert usual_checkout(definition) == checkout.parent / "cache" / "dgm" / "fruit"
    shutil.copytree(checkout, usual_checkout(definition))
    assert require_checkout(definition, None) == usual_checkout(definition)


@pytest.mark.parametrize("cache", ["", "relative/cache"])
def test_without_a_whole_path_the_cache_is_in_the_home_directory(
    cache: str, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usual_checkout(upstream.definition()) == tmp_path / ".cache" / "dgm" / "fruit"


def test_an_absent_checkout_is_told_with_both_ways_out(upstream: Upstream, target: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        require_checkout(upstream.definition(), target)
    assert str(caught.value) == (
        f"The tasks of benchmark fruit do not come with dgm, and there is no directory {target}; "
        "`dgm benchmarks fetch fruit` fetches them, --fruit-dir DIR names a checkout that you have."
    )


def test_a_directory_of_something_else_is_told_with_what_is_missing(upstream: Upstream, tmp_path: Path) -> None:
    definition = upstream.definition()
    with pytest.raises(ConfigError) as caught:
        require_checkout(definition, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is not {definition.repository} at revision {definition.revision}: "
        "go/exercises/practice/pear is missing; check that revision out there, or move it away and run "
        "`dgm benchmarks fetch fruit`."
    )


def test_a_checkout_with_a_changed_file_is_told_with_the_exercise(upstream: Upstream, checkout: Path) -> None:
    (checkout / PEAR_STUB).write_text("package quince\n", "utf-8")
    with pytest.raises(ConfigError, match=f"at revision {upstream.revision}: go/exercises/practice/pear differs; "):
        require_checkout(upstream.definition(), checkout)


def test_the_first_exercise_that_differs_is_named_in_the_benchmarks_order(upstream: Upstream, checkout: Path) -> None:
    for path in FILES:
        (checkout / path).write_text("other\n", "utf-8")
    with pytest.raises(ConfigError, match="practice/pear differs"):
        require_checkout(upstream.definition(), checkout)


def added(checkout: Path) -> None:
    write(checkout / PEAR_STUB.parent, {"extra.go": "package pear\n"})


def removed(checkout: Path) -> None:
    (checkout / PEAR_STUB).unlink()


def renamed(checkout: Path) -> None:
    (checkout / PEAR_STUB).rename(checkout / PEAR_STUB.parent / "quince.go")


def linked(checkout: Path) -> None:
    (checkout / PEAR_STUB).rename(checkout / "elsewhere.go")
    (checkout / PEAR_STUB).symlink_to(checkout / "elsewhere.go")


def bloated(checkout: Path) -> None:
    (checkout / PEAR_STUB).write_bytes(b" " * 2_000_000)


@pytest.mark.parametrize("change", [added, removed, renamed, linked, bloated], ids=lambda change: change.__name__)
def test_whatever_differs_makes_it_another_checkout(upstream: Upstream, checkout: Path, change: object) -> None:
    assert callable(change)
    change(checkout)
    with pytest.raises(ConfigError, match="practice/pear differs"):
        require_checkout(upstream.definition(), checkout)


def test_what_no_task_is_made_of_may_differ(upstream: Upstream, checkout: Path) -> None:
    write(checkout, {"README.md": "My fruit.\n", "go/exercises/practice/quince/quince.go": "package quince\n"})
    assert require_checkout(upstream.definition(), checkout) == checkout


def test_only_the_tasks_that_are_asked_for_have_to_be_right(upstream: Upstream, checkout: Path) -> None:
    shutil.rmtree(checkout / PEAR_STUB.parent)
    assert require_checkout(upstream.definition(), checkout, tasks=[FIG]) == checkout


def test_a_task_of_which_nothing_is_known_only_has_to_be_there(upstream: Upstream, checkout: Path) -> None:
    removed(checkout)
    assert require_checkout(upstream.definition(), checkout, expected={}) == checkout


def test_a_task_that_the_manifest_leaves_out_is_told(upstream: Upstream, checkout: Path) -> None:
    definition = upstream.definition()
    kept = {task: found for task, found in read_manifest(definition.directory).items() if task == FIG}
    (definition.directory / FILE).write_text(manifest_json(kept), "utf-8")
    with pytest.raises(ConfigError, match=r"is not in manifest\.json, so it was never checked"):
        require_checkout(definition, checkout)


def test_the_benchmark_of_a_checkout_is_not_read_without_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="benchmark polyglot do not come with dgm"):
        require_checkout(definition_named("polyglot"), tmp_path / "none")


# --- fetching --------------------------------------------------------------------------------------------------------


def test_what_is_fetched_are_the_files_and_no_git_data(upstream: Upstream, target: Path) -> None:
    assert fetched(upstream.definition(), target) == {path: text.encode() for path, text in FILES.items()}


def test_what_was_fetched_is_found(upstream: Upstream, target: Path) -> None:
    definition = upstream.definition()
    assert require_checkout(definition, fetch(definition, target, silent)) == target


def test_nothing_but_the_checkout_is_left(upstream: Upstream, target: Path) -> None:
    fetch(upstream.definition(), target, silent)
    assert list(target.parent.iterdir()) == [target]


def test_what_a_killed_fetch_left_is_removed_by_the_next(upstream: Upstream, target: Path) -> None:
    (target.parent / "dgm-fetch-999999999-x" / "files").mkdir(parents=True)  # no process has this number
    fetch(upstream.definition(), target, silent)
    assert list(target.parent.iterdir()) == [target]


def test_it_goes_to_the_usual_place_unless_told_otherwise(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    definition = upstream.definition()
    assert fetch(definition, None, silent) == usual_checkout(definition)


def test_the_pinned_revision_is_fetched_though_there_are_later_ones(upstream: Upstream, target: Path) -> None:
    definition = upstream.definition()
    write(upstream.work, {str(PEAR_STUB): "package quince\n"})
    upstream.commit()
    assert fetched(definition, target)[str(PEAR_STUB)] == b"package pear\r\n"


def test_what_is_done_is_told(upstream: Upstream, target: Path) -> None:
    told: list[str] = []
    definition = upstream.definition()
    fetch(definition, target, told.append)
    fetch(definition, target, told.append)
    assert told == [
        f"Fetching {definition.repository} at revision {definition.revision}.",
        f"{target} holds the 2 tasks of benchmark fruit.",
        f"{target} is there already, at revision {definition.revision}.",
    ]


def test_a_good_checkout_is_left_as_it_is_and_the_network_alone(upstream: Upstream, checkout: Path) -> None:
    before = tree(checkout)
    definition = upstream.definition(repository="https://127.0.0.1:1/fruit")
    assert fetched(definition, checkout) == before


def test_an_empty_directory_is_filled(upstream: Upstream, target: Path) -> None:
    target.mkdir(parents=True)
    assert str(PEAR_STUB) in fetched(upstream.definition(), target)


def test_another_thing_in_that_place_is_refused_and_kept(upstream: Upstream, tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    write(other, {"chapter1.tex": "Years of work.\n"})
    with pytest.raises(ConfigError, match=rf"{other} is in the way, .*practice/pear is missing; move it away"):
        fetch(upstream.definition(), other, silent)
    assert tree(other) == {"chapter1.tex": b"Years of work.\n"}


def test_a_changed_checkout_is_refused_and_kept(upstream: Upstream, checkout: Path) -> None:
    added(checkout)
    before = tree(checkout)
    with pytest.raises(ConfigError, match="practice/pear differs"):
        fetch(upstream.definition(), checkout, silent)
    assert tree(checkout) == before


def test_a_file_or_a_dead_link_in_that_place_is_refused_and_kept(upstream: Upstream, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine", "utf-8")
    link.symlink_to(tmp_path / "nowhere")
    for place in (file, link):
        with pytest.raises(ConfigError, match="it is not a directory"):
            fetch(upstream.definition(), place, silent)
    assert (file.read_text("utf-8"), link.is_symlink()) == ("mine", True)


def test_a_place_that_cannot_be_made_is_told(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(FetchError, match=r"file/fruit could not be written: "):
        fetch(upstream.definition(), tmp_path / "file" / "fruit", silent)


def test_a_benchmark_that_comes_with_dgm_is_not_fetched() -> None:
    with pytest.raises(UsageError, match="tasks of benchmark katas come with dgm"):
        fetch(definition_named("katas"), None, silent)


# --- what can go wrong -----------------------------------------------------------------------------------------------


def test_a_machine_without_git_is_told(upstream: Upstream, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = upstream.definition()
    monkeypatch.setenv("PATH", str(upstream.benchmark))
    assert refused(definition, target).startswith("git cannot be found; install git")


def test_a_machine_without_network_is_told(upstream: Upstream, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    definition = upstream.definition(repository="https://127.0.0.1:1/fruit")
    assert refused(definition, target).startswith("https://127.0.0.1:1/fruit could not be fetched: unable to access ")


def test_a_repository_that_is_gone_is_told(upstream: Upstream, target: Path) -> None:
    definition = upstream.definition()
    shutil.rmtree(upstream.bare)
    assert f"could not be fetched: '{upstream.bare}' does not appear to be a git repository" in refused(
        definition, target
    )


def test_a_revision_that_the_repository_does_not_have_is_told(upstream: Upstream, target: Path) -> None:
    assert "could not be fetched" in refused(upstream.definition(revision="0" * 39 + "1"), target)


def test_files_that_are_not_those_of_the_manifest_are_refused(upstream: Upstream, target: Path) -> None:
    upstream.definition()
    write(upstream.work, {str(PEAR_STUB): "package quince\n"})
    other = upstream.definition(revision=upstream.commit(), known=False)
    assert refused(other, target).endswith(f"revision {other.revision} was: go/exercises/practice/pear differs.")


def test_a_repository_without_a_task_is_refused(upstream: Upstream, target: Path) -> None:
    upstream.definition()
    shutil.rmtree(upstream.work / "rust")
    without = upstream.definition(revision=upstream.commit(), known=False)
    assert refused(without, target).endswith("rust/exercises/practice/fig is missing.")


def test_nothing_half_is_left_when_git_fails_while_it_writes(
    upstream: Upstream, target: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    definition = upstream.definition()
    real = shutil.which("git")
    write(tmp_path / "bin", {"git": f'#!/bin/sh\n{real} "$@" && case " $* " in *" checkout "*) exit 3;; esac\n'})
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert refused(definition, target).endswith("could not be fetched: git does not say why.")


# --- hostile repositories and surroundings ---------------------------------------------------------------------------


def test_a_branch_named_like_the_revision_is_not_taken_for_it(upstream: Upstream, target: Path) -> None:
    definition = upstream.definition()
    write(upstream.work, {str(PEAR_STUB): "package quince\n"})
    other = upstream.commit()
    git(upstream.bare, "update-ref", f"refs/heads/{definition.revision}", other)
    git(upstream.bare, "update-ref", f"refs/tags/{definition.revision}", other)
    assert fetched(definition, target)[str(PEAR_STUB)] == b"package pear\r\n"


def test_a_branch_named_like_a_revision_that_there_is_not_is_no_way_in(upstream: Upstream, target: Path) -> None:
    pinned = "0" * 39 + "1"
    git(upstream.bare, "update-ref", f"refs/heads/{pinned}", upstream.revision)
    assert "could not be fetched" in refused(upstream.definition(revision=pinned), target)


def test_a_symbolic_link_is_refused_before_anything_is_written(upstream: Upstream, target: Path) -> None:
    upstream.definition()
    (upstream.work / "go" / "passwords").symlink_to("/etc")
    definition = upstream.definition(revision=upstream.commit())
    assert refused(definition, target).endswith("holds go/passwords, which is not a plain file.")


def test_a_submodule_is_refused(upstream: Upstream, target: Path) -> None:
    git(upstream.work, "update-index", "--add", "--cacheinfo", f"160000,{upstream.revision},go/more")
    git(upstream.work, "commit", "--quiet", "--message=more")
    git(upstream.work, "push", "--quiet", str(upstream.bare), "HEAD:refs/heads/main")
    definition = upstream.definition(revision=git(upstream.work, "rev-parse", "HEAD"))
    assert refused(definition, target).endswith("holds go/more, which is not a plain file.")


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\x1b[2Jb"])
def test_a_strange_name_is_refused(upstream: Upstream, target: Path, name: str) -> None:
    write(upstream.work, {name: "x"})
    definition = upstream.definition(revision=upstream.commit())
    reason = refused(definition, target)
    assert reason.endswith("which is not a plain file.")
    assert reason.isprintable()


def test_a_huge_file_is_refused_before_it_is_written(
    upstream: Upstream, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloning, "MAX_BYTES", 1_000_000)
    (upstream.work / "movie.bin").write_bytes(bytes(1_000_000))
    definition = upstream.definition(revision=upstream.commit())
    assert refused(definition, target).endswith("holds more than 1 MB.")


def test_too_many_files_are_refused(upstream: Upstream, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloning, "MAX_FILES", len(FILES) - 1)
    assert refused(upstream.definition(), target).endswith("holds more than 4 files.")


@pytest.mark.parametrize(
    "attributes", ["* text eol=lf", "* ident", "* filter=evil", "*.go working-tree-encoding=UTF-16", "* text=auto"]
)
def test_the_repositorys_attributes_change_no_byte(upstream: Upstream, target: Path, attributes: str) -> None:
    write(upstream.work, {".git/info/attributes": "* -text !ident !filter !working-tree-encoding !eol\n"})
    write(upstream.work, {".gitattributes": f"{attributes}\n"})
    definition = upstream.definition(revision=upstream.commit())
    assert fetched(definition, target) == {
        **{path: text.encode() for path, text in FILES.items()},
        ".gitattributes": f"{attributes}\n".encode(),
    }


def test_no_hook_filter_or_setting_of_the_surroundings_is_used(
    upstream: Upstream, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = upstream.definition()
    ran = tmp_path / "ran"
    script = f"#!/bin/sh\necho ran >> {ran}\nexit 1\n"
    home = tmp_path / "home"
    hooks = ("post-checkout", "reference-transaction", "fsmonitor", "upload-pack")
    write(home, {f"templates/hooks/{name}": script for name in hooks})
    for name in hooks:
        (home / "templates" / "hooks" / name).chmod(0o755)
    settings = {
        "init.templateDir": home / "templates",
        "core.hooksPath": home / "templates" / "hooks",
        "core.fsmonitor": home / "templates" / "hooks" / "fsmonitor",
        f"url.{tmp_path}/nowhere.insteadOf": upstream.bare.as_uri(),
    }
    for key, value in settings.items():
        git(upstream.work, "config", "--file", str(home / ".gitconfig"), key, str(value))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home / "templates"))
    monkeypatch.setenv("GIT_DIR", str(upstream.work / ".git"))
    monkeypatch.setenv("GIT_EXEC_PATH", str(home / "templates" / "hooks"))
    fetch(definition, target, silent)
    assert not ran.exists()


@pytest.mark.parametrize("repository", ["ext::sh -c 'touch {}'", "ssh://127.0.0.1:1/x", "git://127.0.0.1:1/x"])
def test_no_other_transport_is_used(repository: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with pytest.raises(FetchError, match="not allowed"):
        clone(repository.format(ran), "0" * 40, tmp_path / "files")
    assert list(tmp_path.iterdir()) == []


def test_a_repository_is_never_an_option(tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        clone(f"--upload-pack=touch {tmp_path}/ran", "0" * 40, tmp_path / "files")
    assert list(tmp_path.iterdir()) == []
