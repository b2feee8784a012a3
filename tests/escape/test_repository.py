"""What an agent can learn from a repository, and what it can leave in one."""

import os
import re
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dgm.config import SandboxLimits
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import Change, File
from dgm.core.ports import Changes
from dgm.core.tasks import Repository
from dgm.sandbox import container as container_module
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.examination_confinement import KERNELS_FILE_SYSTEMS
from dgm.sandbox.policy import ENVIRONMENT, REPOSITORY_BYTES_PER_FILE, places
from dgm.sandbox.processes import status_of
from dgm.sandbox.repositories import SOURCE_LABEL, prepared_image
from tests.escape.test_posture import mounts
from tests.escape.watching import cgroup_value, sdk
from tests.fakes.histories import LATER_WORD
from tests.fakes.repository_images import (
    CORE,
    DIRECTORY,
    FILES,
    LATER_CORE,
    README,
    RepositoryImage,
    image_with_a_volume,
    opened,
    repository_sandbox,
    shallow_image,
    stocked_image,
    variant,
)

pytestmark = pytest.mark.docker

WORKSPACE_BYTES = 64 * 2**20
LIMITS = SandboxLimits()


@pytest.fixture(scope="module")
def repositories() -> Generator[DockerSandbox]:
    with repository_sandbox(workspace_bytes=WORKSPACE_BYTES) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def image(repositories: DockerSandbox) -> RepositoryImage:
    return stocked_image(repositories.engine)


@pytest.fixture(scope="module")
def untouched(repositories: DockerSandbox, image: RepositoryImage) -> Generator[DockerContainer]:
    with opened(repositories, image, "untouched") as made:
        yield made


@pytest.fixture
def container(repositories: DockerSandbox, image: RepositoryImage) -> Generator[DockerContainer]:
    with opened(repositories, image, "work") as made:
        yield made


def said(container: DockerContainer, *argv: str) -> str:
    """Return what a command prints; it must end well."""
    execution = container.execute(argv, timeout_s=60, directory=DIRECTORY)
    assert (execution.exit_code, execution.stderr) == (0, b"")
    return execution.stdout.decode()


def left(container: DockerContainer, code: str) -> Changes:
    """Return what became of the repository after the agent ran some Python in it."""
    program = f"import os, shutil, subprocess\n{code}"
    execution = container.execute(["/usr/bin/python3", "-c", program], timeout_s=60, directory=DIRECTORY)
    assert (execution.exit_code, execution.stderr) == (0, b"")
    return container.changes()


# --- what it finds ---------------------------------------------------------------------------------------------------


@pytest.mark.honest
def test_the_repository_is_clean(untouched: DockerContainer) -> None:
    assert said(untouched, "git", "status", "--porcelain", "--ignored=no") == ""


@pytest.mark.honest
def test_the_history_up_to_the_base_commit_can_be_read(untouched: DockerContainer, image: RepositoryImage) -> None:
    subjects = said(untouched, "git", "log", "--format=%H %s").splitlines()
    assert [line.partition(" ")[2] for line in subjects] == [
        "The environment of this task",
        "Bring tools",
        "Write it down",
        "Say what it is for",
        "Begin",
    ]
    assert subjects[1].startswith(image.repository.commit)
    assert "README.md" in said(untouched, "git", "show", "--stat", "HEAD~4")


@pytest.mark.attack("objects of git that no commit reaches")
def test_no_object_is_there_but_what_its_own_head_reaches(untouched: DockerContainer, image: RepositoryImage) -> None:
    listed = said(untouched, "git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
    kinds = dict(line.split() for line in listed.splitlines())
    reached = {line.split()[0] for line in said(untouched, "git", "rev-list", "--objects", "HEAD").splitlines()}
    assert set(kinds) == reached
    assert image.reachable < reached
    added = {name: kind for name, kind in kinds.items() if name not in image.reachable}
    assert [name for name, kind in added.items() if kind == "commit"] == said(
        untouched, "git", "rev-parse", "@"
    ).split()
    # Of what came later only files are there that stand in the work tree: the image's maker committed them too.
    standing = said(untouched, "git", "ls-tree", "-r", "-t", "--format=%(objectname)", "HEAD").split()
    assert added.keys() & image.later <= set(standing)
    assert len(image.later) > 20


@pytest.mark.attack("the solution in objects of git")
def test_no_object_tells_of_later_commits(untouched: DockerContainer) -> None:
    command = ["git", "cat-file", "--batch-all-objects", "--batch", "--buffer"]
    contents = untouched.execute(command, timeout_s=60, directory=DIRECTORY).stdout
    assert [word in contents for word in (b"Bring tools", LATER_WORD.encode(), LATER_CORE.content)] == [
        True,
        False,
        False,
    ]


@pytest.mark.attack("objects of git elsewhere in the image")
def test_no_other_place_holds_objects_of_git(untouched: DockerContainer) -> None:
    names = " -o ".join(f"-name '{name}'" for name in ("*.git", "*.pack", "*.idx", "packed-refs", "ORIG_HEAD"))
    found = said(untouched, "sh", "-c", f"find / -xdev \\( {names} \\) 2>/dev/null; true").split()
    assert {path.rpartition("/")[0] for path in found} == {"/dgm", "/dgm/pristine", "/dgm/history.git/objects/pack"}
    assert said(untouched, "find", ".", "-name", ".git").split() == ["./.git"]


@pytest.mark.attack("the solution in files of git")
def test_no_file_tells_of_later_commits(untouched: DockerContainer) -> None:
    search = "grep -rlaF --exclude-dir=proc --exclude-dir=sys -e {} / 2>/dev/null; true"
    assert said(untouched, "sh", "-c", search.format(LATER_WORD)) == ""
    assert f"{DIRECTORY}/README.md" in said(untouched, "sh", "-c", search.format("Grinds."))


@pytest.mark.attack("the solution under another name of git's")
@pytest.mark.parametrize(
    "words", ["tag", "remote", "stash list", "notes list", "reflog --all", "branch --remotes", "fsck --unreachable"]
)
def test_nothing_hangs_on_other_names(untouched: DockerContainer, words: str) -> None:
    assert said(untouched, "git", *words.split()) == ""


@pytest.mark.attack("the solution on another branch")
def test_its_only_branch_is_where_it_stands(untouched: DockerContainer) -> None:
    assert said(untouched, "git", "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


@pytest.mark.honest
def test_agents_can_commit(container: DockerContainer) -> None:
    script = "echo more >> README.md && git add -A && git commit -qm Mine && git log --format=%an -1 && git stash list"
    assert said(container, "sh", "-c", script) == "agent\n"
    assert container.changes().change.paths == ("README.md",)


@pytest.mark.honest
def test_a_shallow_history_ends_where_it_did(repositories: DockerSandbox) -> None:
    shallow = shallow_image(repositories.engine)
    with opened(repositories, shallow, "shallow") as container:
        subjects = said(container, "git", "log", "--format=%s").splitlines()
        found = set(said(container, "git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())
        said(container, "git", "fsck", "--no-dangling", "--no-progress")
    assert subjects == ["Last", "Write it down"]
    assert (found, bool(shallow.later)) == (shallow.reachable, True)


@pytest.mark.attack("variables of the host or the image")
def test_the_environment_is_the_policys_but_for_the_images_path(untouched: DockerContainer) -> None:
    found = dict(line.split("=", 1) for line in said(untouched, "env").splitlines())
    conda = "/opt/miniconda3/envs/testbed"
    path = f"{conda}/bin:{DIRECTORY}:/usr/local/bin:/usr/bin:/bin"
    theirs = {"PATH": path, "CONDA_PREFIX": conda, "CONDA_DEFAULT_ENV": "testbed"}
    assert {name: value for name, value in found.items() if name != "PWD"} == (
        ENVIRONMENT | theirs | {"HOSTNAME": "sandbox"}
    )


# --- what it can use -------------------------------------------------------------------------------------------------


@pytest.mark.attack("another mount")
def test_the_mounts_are_exactly_those_of_the_policy(untouched: DockerContainer) -> None:
    wanted = {place.path for place in places(Repository(DIRECTORY, ""), workspace_bytes=WORKSPACE_BYTES)}
    assert DIRECTORY in wanted
    assert "/workspace" not in wanted
    found = mounts(untouched.target.init)
    writable = {
        point for point, mount in found.items() if "rw" in mount.options and mount.kind not in KERNELS_FILE_SYSTEMS
    }
    roots_own = {"/dev", "/sys/fs/cgroup", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"}
    assert writable - roots_own == wanted
    assert "ro" in found["/"].options
    assert {f"size={WORKSPACE_BYTES // 1024}k", f"nr_inodes={WORKSPACE_BYTES // REPOSITORY_BYTES_PER_FILE}"} <= (
        found[DIRECTORY].file_system_options
    )


@pytest.mark.attack("privileges in a task's own image")
def test_it_is_confined_as_every_container_is(untouched: DockerContainer) -> None:
    status = status_of(untouched.target.init)
    assert (status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]) == (
        "0000000000000000",
        "0000000000000000",
        "1",
        "2",
    )


@pytest.mark.attack("more memory than the repository takes")
def test_its_memory_is_larger_by_the_repositorys_place_alone(untouched: DockerContainer) -> None:
    limit = cgroup_value(untouched.target.init, controller="memory", v1="memory.limit_in_bytes", v2="memory.max")
    assert limit == str(LIMITS.memory_bytes + WORKSPACE_BYTES)


@pytest.mark.attack("a network")
def test_there_is_no_network(untouched: DockerContainer) -> None:
    code = "import socket; socket.create_connection(('1.1.1.1', 80), 5)"
    refused = untouched.execute(["/usr/bin/python3", "-c", code], timeout_s=20, directory=DIRECTORY)
    assert b"Network is unreachable" in refused.stderr


@pytest.mark.attack("filling the host's disk over the repository")
def test_what_a_repository_is_filled_with_never_reaches_the_hosts_disk(
    repositories: DockerSandbox, container: DockerContainer
) -> None:
    layer = Path(sdk(repositories.engine).inspect_container(container.id)["GraphDriver"]["Data"]["UpperDir"])
    fill = "for n in 1 2 3 4; do head -c 40000000 /dev/zero > part$n; done; for n in $(seq 9000); do : > f$n; done"
    container.execute(["sh", "-c", fill], timeout_s=60, directory=DIRECTORY)
    held = os.statvfs(f"/proc/{container.target.init}/root{DIRECTORY}")
    assert held.f_bavail == 0
    assert held.f_blocks * held.f_frsize == WORKSPACE_BYTES
    assert [path for path in layer.rglob("*") if path.is_file()] == []


@pytest.mark.attack("writing elsewhere in a task's own image")
def test_nothing_but_its_own_places_can_be_written_to(untouched: DockerContainer) -> None:
    attempts = "touch /dgm/x /dgm/pristine/README.md /dgm/history.git/x /x /usr/bin/git; rm -rf /dgm/pristine/mill"
    untouched.execute(["sh", "-c", attempts], timeout_s=20, directory=DIRECTORY)
    root = Path(f"/proc/{untouched.target.init}/root")
    assert (root / "dgm" / "pristine" / "README.md").read_bytes() == README.content
    assert (root / "dgm" / "pristine" / "mill" / "core.py").read_bytes() == CORE.content
    assert not (root / "x").exists()


@pytest.mark.attack("a repository that does not fit")
def test_a_repository_that_does_not_fit_names_the_setting(image: RepositoryImage) -> None:
    with repository_sandbox(workspace_bytes=2**16) as tight:
        refused: AbstractContextManager[DockerContainer] = opened(tight, image, "tight")
        with pytest.raises(SandboxError, match=r"swebench\.workspace_bytes"), refused:
            pass


# --- how it is made --------------------------------------------------------------------------------------------------


@pytest.mark.honest
def test_an_image_is_made_ready_once_however_many_ask(repositories: DockerSandbox, image: RepositoryImage) -> None:
    engine = repositories.engine
    copy = variant(engine, image, mark=f"asked-{os.getpid()}")
    source = engine.image_id(copy.reference)
    assert source is not None
    asked: list[str] = []
    digests: set[str] = set()

    def running(digest: str) -> AbstractContextManager[str]:
        asked.append(digest)
        return repositories._preparing(copy.spec("once"), digest)  # pyright: ignore[reportPrivateUsage]

    def ask() -> None:
        digests.add(prepared_image(engine, source, copy.repository, running=running))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (made,) = digests
    try:
        assert asked == [source]
        assert [found.id for found in engine.images(label=f"{SOURCE_LABEL}={source}")] == [made]
        assert engine.containers(label="dgm.kind=preparation") == []
    finally:
        engine.remove_image(made)
        engine.remove_image(copy.reference)


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        (Repository(DIRECTORY, "1" * 40), "no commit 1111111111111111111111111111111111111111"),
        (Repository("/nowhere", "1" * 40), "/nowhere"),
    ],
    ids=("an unknown commit", "no repository"),
)
def test_what_cannot_be_made_ready_says_why(
    repositories: DockerSandbox, image: RepositoryImage, repository: Repository, reason: str
) -> None:
    wanted = RepositoryImage(image.reference, repository, frozenset(), frozenset())
    with pytest.raises(SandboxError, match=reason), opened(repositories, wanted, "broken"):
        pass
    assert repositories.engine.containers(label="dgm.kind=preparation") == []


@pytest.mark.attack("an image whose changes cannot be told")
@pytest.mark.parametrize(
    ("listing", "why"),
    [
        (b"import sys\nsys.exit('git could not say what is ignored')", "git could not say what is ignored"),
        (b"print('!odd.socket\\0.\\0', end='')", "such as in odd.socket"),
    ],
    ids=("git fails", "an odd file"),
)
def test_an_untouched_repository_whose_changes_cannot_be_told_is_a_fault_of_ours(
    image: RepositoryImage, listing: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd_script(_: str) -> bytes:
        return listing

    monkeypatch.setattr(container_module, "script", odd_script)
    with (
        repository_sandbox() as sandbox,
        pytest.raises(SandboxError, match=re.escape(why)),
        sandbox.container(image.spec("odd")),
    ):
        pass


def test_an_image_that_asks_for_volumes_is_refused(repositories: DockerSandbox) -> None:
    refused = opened(repositories, image_with_a_volume(repositories.engine), "volume")
    with pytest.raises(SandboxError, match=r"volumes \(/spool\)"), refused:
        pass


# --- what it leaves --------------------------------------------------------------------------------------------------

MARK = "/tmp/ran"
NEW = File(b"new")

TAKEN: dict[str, tuple[str, Change]] = {
    "a name that changed its case": (
        "os.rename('README.md', 'readme.md')",
        Change({"README.md": README}, {"readme.md": README}),
    ),
    "a file that became a directory": (
        "os.remove('README.md'); os.mkdir('README.md'); open('README.md/x', 'w').write('new')",
        Change({"README.md": README}, {"README.md/x": NEW}),
    ),
    "a directory that became a file": (
        "shutil.rmtree('mill/stones'); open('mill/stones', 'w').write('new')",
        Change({path: file for path, file in FILES.items() if path.startswith("mill/stones/")}, {"mill/stones": NEW}),
    ),
    "two directories that changed places": (
        "os.rename('tests', 'x'); os.rename('mill/stones', 'tests'); os.rename('x', 'mill/stones')",
        Change(
            {path: FILES[path] for path in ("tests/test_core.py", "mill/stones/upper.txt", "mill/stones/lower.txt")},
            {
                "mill/stones/test_core.py": FILES["tests/test_core.py"],
                "tests/upper.txt": FILES["mill/stones/upper.txt"],
                "tests/lower.txt": FILES["mill/stones/lower.txt"],
            },
        ),
    ),
    "a hard link": ("os.link('README.md', 'x')", Change({}, {"x": README})),
    "a sparse file": (
        "os.truncate(os.open('x', os.O_CREAT | os.O_RDWR), 4096)",
        Change({}, {"x": File(bytes(4096), executable=True)}),
    ),
    "a name in other letters": (
        "open('wörter und mehr.txt', 'w').write('new')",
        Change({"wörter und mehr.txt": FILES["wörter und mehr.txt"]}, {"wörter und mehr.txt": NEW}),
    ),
    "names that look like options or magic": (
        "[open(name, 'w').write('new') for name in ('-x', '--files-from=y', '@z', '!a', '*', 'a b\"c')]",
        Change({}, dict.fromkeys(("-x", "--files-from=y", "@z", "!a", "*", 'a b"c'), NEW)),
    ),
    "a tracked file that a pattern ignores": (
        "open('kept.log', 'w').write('new')",
        Change({"kept.log": FILES["kept.log"]}, {"kept.log": NEW}),
    ),
    "what the image brought without tracking it": (
        "os.remove('mill.egg-info/PKG-INFO')",
        Change({"mill.egg-info/PKG-INFO": File(b"Name: mill\n")}, {}),
    ),
    "a file of a submodule": (
        "open('vendored/inner.py', 'w').write('new')",
        Change({"vendored/inner.py": File(b"vendored")}, {"vendored/inner.py": NEW}),
    ),
    "what is ignored": (
        "open('x.log', 'w'); open('build/left-over.txt', 'w'); os.makedirs('build/\\udcff/a'); open('build/:b', 'w')",
        Change({}, {}),
    ),
    "ignored by rules of the agent's own": (
        (
            "[open(f'{place}/exclude', 'a').write('*\\n') for place in ('.git', os.environ['HOME'])]\n"
            "os.makedirs('.git/info', exist_ok=True); open('.git/info/exclude', 'w').write('*\\n')\n"
            "open(os.environ['HOME'] + '/.gitconfig', 'w').write('[core]\\nexcludesFile = ~/exclude\\n')\n"
            "open('x', 'w').write('new'); open('tests/.gitignore', 'w').write('*\\n')"
        ),
        Change({}, {"x": NEW, "tests/.gitignore": File(b"*\n")}),
    ),
}


@pytest.mark.honest
@pytest.mark.parametrize("what", TAKEN)
def test_plain_files_are_taken(container: DockerContainer, what: str) -> None:
    code, change = TAKEN[what]
    assert left(container, code) == Changes(change)


LEFT_OUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "a link out of the tree": ("os.symlink('/etc/passwd', 'x')", ("x",)),
    "a link in place of a file": ("os.remove('README.md'); os.symlink('/etc/passwd', 'README.md')", ("README.md",)),
    "a link in place of a directory": ("shutil.rmtree('tests'); os.symlink('/etc', 'tests')", ("tests",)),
    "a file in place of a link": ("os.remove('link'); open('link', 'w')", ("link",)),
    "a directory in place of a link": ("os.remove('link'); os.mkdir('link'); open('link/x', 'w')", ("link",)),
    "a link to elsewhere": ("os.remove('link'); os.symlink('setup.cfg', 'link')", ("link",)),
    "a link that was removed": ("os.remove('link')", ("link",)),
    "a named pipe": ("os.mkfifo('x'); os.remove('README.md'); os.mkfifo('README.md')", ("README.md", "x")),
    "a socket": ("import socket; socket.socket(socket.AF_UNIX).bind('x')", ("x",)),
    "odd names": (
        "[open(name, 'w') for name in ('a\\nb', 'c\\x1b[31m', 'd\\u202ee', 'f:g', 'h\\\\i', 'j\\udcff', ':(top)x')]",
        (":(top)x", "'a\\nb'", "'c\\x1b[31m'", "'d\\u202ee'", "f:g", "h\\i", "j\\xff"),
    ),
    "spellings of git": (
        "[os.makedirs(name) or open(f'{name}/config', 'w') for name in ('.GIT', 'git~1', 'tests/.git.')]",
        (".GIT/config", "git~1/config", "tests/.git./config"),
    ),
    "what nobody may read": (
        "open('x', 'w'); os.chmod('x', 0); os.chmod('README.md', 0); os.chmod('tests', 0)",
        ("README.md", "tests", "x"),
    ),
    "a path without end": (
        "for _ in range(60):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\nopen('x', 'w')",
        ("'" + "d" * 199,),
    ),
    "a deep tree": ("os.makedirs('d/' * 100); open('d/' * 100 + 'x', 'w')", ("/".join("d" * 66),)),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_no_plain_file_is_left_out_and_named(container: DockerContainer, what: str) -> None:
    code, names = LEFT_OUT[what]
    found = left(container, f"open('z', 'w').write('new')\n{code}")
    assert found == Changes(Change({}, {"z": NEW}), left_out=names)


HOSTILE = {
    "a file too large": ("os.truncate(os.open('x', os.O_CREAT | os.O_RDWR), 60 * 2**20 * 2)", "too large|larger than"),
    "too many files": ("[open(f'f{n}', 'w').close() for n in range(20_001)]", "more than 20,000"),
    "a root that nobody may read": ("os.chmod('.', 0)", "could not be read"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_small_change_is_refused_with_its_reason(image: RepositoryImage, what: str) -> None:
    code, reason = HOSTILE[what]
    with (
        repository_sandbox(workspace_bytes=2**28) as roomy,
        opened(roomy, image, "hostile") as container,
        pytest.raises(HostileBytesError, match=reason),
    ):
        left(container, code)


@pytest.mark.honest
def test_everything_can_be_removed(container: DockerContainer) -> None:
    code = "[shutil.rmtree(n) if os.path.isdir(n) and not os.path.islink(n) else os.remove(n) for n in os.listdir()]"
    found = left(container, code)
    assert found.change.after == {}
    assert set(FILES) < set(found.change.before)
    assert found.left_out == ("link",)


@pytest.mark.attack("links by the thousand")
def test_of_many_links_some_hundreds_are_named(container: DockerContainer) -> None:
    found = left(container, "[os.symlink('/', f'x{n:04d}') for n in range(2_000)]")
    assert (len(found.left_out), found.left_out[-1]) == (301, "and 1,700 more")


SINKS = {
    "a hook": "[open(f'.git/hooks/{n}', 'w').write(RUN) and os.chmod(f'.git/hooks/{n}', 0o755) for n in HOOKS]",
    "settings": "open('.git/config', 'a').write(SETTINGS)",
    "settings of the home": "open(os.environ['HOME'] + '/.gitconfig', 'w').write(SETTINGS)",
    "attributes": (
        "open('.gitattributes', 'w').write('* filter=f diff=f merge=f\\n'); open('.git/config', 'a').write(SETTINGS)"
    ),
    "other objects": "open('.git/objects/info/alternates', 'w').write('/tmp/objects\\n')",
    "no repository at all": "shutil.rmtree('.git'); open('.git', 'w').write('gitdir: /tmp/elsewhere\\n')",
    "modules that the interpreter loads": (
        "for name in ('os', 'stat', 'subprocess', 'sitecustomize', 'usercustomize', 'encodings'):\n"
        "    for place in ('/tmp', '.', os.environ['HOME']):\n"
        "        open(f'{place}/{name}.py', 'w').write(f'open(\"{MARK}\", \"w\")')"
    ),
    "programs in the repository, where the image looks for them first": (
        "for name in ('git', 'tar', 'sh', 'python3', 'true', 'test', 'cp', 'mkdir'):\n"
        "    open(name, 'w').write(RUN) and os.chmod(name, 0o755)"
    ),
}


@pytest.mark.attack("code left for us to run")
@pytest.mark.parametrize("what", SINKS)
def test_nothing_that_an_agent_left_runs(container: DockerContainer, what: str) -> None:
    setting = (
        f"[core]\nfsmonitor = touch {MARK}\nhooksPath = .git/hooks\nsshCommand = touch {MARK}\npager = touch {MARK}\n"
        f'[filter "f"]\nclean = touch {MARK}\nsmudge = touch {MARK}\n[diff "f"]\ntextconv = touch {MARK}\n'
        f'[diff]\nexternal = touch {MARK}\n[alias]\ncheck-ignore = "!touch {MARK}"\n'
    )
    names = ("pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman")
    before = (
        f"MARK = {MARK!r}\nRUN = '#!/bin/sh\\ntouch {MARK}\\n'\nSETTINGS = {setting!r}\nHOOKS = {names!r}\n"
        "os.makedirs('.git/hooks', exist_ok=True)\n"
    )
    found = left(container, f"{before}open('x', 'w').write('new')\n{SINKS[what]}")
    assert found.change.after["x"] == NEW
    assert not Path(f"/proc/{container.target.init}/root{MARK}").exists()


def test_a_repository_that_is_being_written_is_taken_at_rest(container: DockerContainer) -> None:
    script = "(while :; do date +%N > now; done) >/dev/null 2>&1 & exit 0"
    container.execute(["sh", "-c", script], timeout_s=20, directory=DIRECTORY)
    assert container.changes() == container.changes()
