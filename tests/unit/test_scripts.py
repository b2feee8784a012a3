"""The two bootstrap commands, in a checkout whose Python only writes down what it is asked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PYTHON = """#!/bin/sh
# Stands for python3, and for the environment's own once it is "made".
case "$*" in
    *version_info*) exit "${OLD:-0}" ;;
    *ensurepip*) exit "${NO_VENV:-0}" ;;
    "-m venv "*)
        echo venv >>"$LOG"
        for place; do :; done
        mkdir -p "$place/bin" && cp "$0" "$place/bin/python" ;;
    "-m pip install "*)
        echo pip >>"$LOG"
        for spec; do :; done
        echo "${spec##*/}" >"$LOG.spec"
        [ -z "${BREAKS_OFF:-}" ] || kill -9 $PPID
        printf '#!/bin/sh\\n# %s\\n' "$0" >"${0%/*}/dgm" && chmod +x "${0%/*}/dgm" ;;
esac
"""

pytestmark = pytest.mark.slow


class Checkout:
    """A directory with our scripts and nothing else that is real."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root.parent / "log"
        self.bin = root.parent / "bin"

    def __call__(self, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [self.root / "scripts" / script, *words],
            env={"PATH": path, "LOG": str(self.log), **environment},
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self) -> list[str]:
        """What the Pythons were asked to make since the last call."""
        lines = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def installed(self) -> str:
        """What was installed last: the checkout with its extras."""
        return self.log.with_name("log.spec").read_text().strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    (root / "scripts").mkdir(parents=True)
    for name in ("dgm", "environment"):
        shutil.copy2(SCRIPTS / name, root / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        (root / name).write_text("one\n")
    write_program(root / "scripts" / "engine", '#!/bin/sh\necho engine >>"$LOG"\n')
    (tmp_path / "bin").mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        write_program(tmp_path / "bin" / name, PYTHON)
    return Checkout(root)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_the_environment_is_made_once(checkout: Checkout) -> None:
    assert (checkout("environment").returncode, checkout.done()) == (0, ["venv", "pip"])
    assert (checkout("environment").returncode, checkout.done()) == (0, [])


def test_other_versions_are_installed_into_the_environment_that_there_is(checkout: Checkout) -> None:
    checkout("environment")
    (checkout.root / "constraints.txt").write_text("two\n")
    checkout.done()
    assert (checkout("environment").returncode, checkout.done()) == (0, ["pip"])


def test_the_environment_of_a_developer_serves_the_command_too(checkout: Checkout) -> None:
    assert (checkout("environment", "dev").returncode, checkout.done()) == (0, ["venv", "pip"])
    assert (checkout("environment").returncode, checkout.done()) == (0, [])


def test_what_was_broken_off_is_begun_anew(checkout: Checkout) -> None:
    assert checkout("environment", BREAKS_OFF="yes").returncode != 0
    checkout.done()
    assert (checkout("environment").returncode, checkout.done()) == (0, ["venv", "pip"])


def test_an_update_that_was_broken_off_is_begun_anew(checkout: Checkout) -> None:
    checkout("environment")
    (checkout.root / "constraints.txt").write_text("two\n")
    assert checkout("environment", BREAKS_OFF="yes").returncode != 0
    checkout.done()
    assert (checkout("environment").returncode, checkout.done()) == (0, ["venv", "pip"])


def test_a_checkout_that_was_moved_gets_an_environment_of_its_own(checkout: Checkout) -> None:
    checkout("environment")
    checkout.done()
    moved = Checkout(checkout.root.rename(checkout.root.with_name("moved")))
    assert (moved("environment").returncode, moved.done()) == (0, ["venv", "pip"])


@pytest.mark.parametrize(
    ("environment", "says"),
    [({"OLD": "1"}, "Python 3.11 or newer is needed"), ({"NO_VENV": "1"}, "cannot make a virtual environment")],
)
def test_a_python_that_will_not_do_is_one_sentence(checkout: Checkout, environment: dict[str, str], says: str) -> None:
    write_program(checkout.bin / "id", "#!/bin/sh\necho 1000\n")  # not root, who would install packages
    done = checkout("environment", **environment)
    assert (done.returncode, checkout.done()) == (1, [])
    assert says in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("words", [["run"], ["--debug", "run"], ["replay", "a", "b"], ["images", "build"]])
def test_what_starts_containers_makes_sure_of_an_engine(checkout: Checkout, words: list[str]) -> None:
    assert (checkout("dgm", *words).returncode, checkout.done()) == (0, ["venv", "pip", "engine"])


@pytest.mark.parametrize(
    "words", [[], ["run", "--help"], ["run", "-h"], ["tree"], ["images"], ["benchmarks"], ["benchmarks", "fetch", "x"]]
)
def test_what_only_reads_needs_no_engine(checkout: Checkout, words: list[str]) -> None:
    assert (checkout("dgm", *words).returncode, checkout.done()) == (0, ["venv", "pip"])


def test_an_extra_stays_when_another_is_installed(checkout: Checkout) -> None:
    checkout("environment", "swebench")
    assert checkout.installed() == "a checkout[swebench]"
    checkout("environment", "dev")
    assert checkout.installed() == "a checkout[dev,swebench]"
    checkout.done()
    assert (checkout("environment", "swebench").returncode, checkout.done()) == (0, [])


def test_an_extra_stays_when_the_versions_change(checkout: Checkout) -> None:
    checkout("environment", "swebench")
    (checkout.root / "constraints.txt").write_text("two\n")
    checkout("environment")
    assert checkout.installed() == "a checkout[swebench]"


def test_what_developers_have_includes_the_harness(checkout: Checkout) -> None:
    checkout("environment", "dev")
    checkout.done()
    assert (checkout("environment", "swebench").returncode, checkout.done()) == (0, [])


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--benchmark", "swebench"],
        ["run", "--benchmark=swebench"],
        ["--debug", "replay", "a", "b", "--benchmark", "swebench"],
        ["benchmarks", "check", "swebench"],
        ["benchmarks", "fetch", "swebench"],
    ],
)
def test_what_names_swebench_gets_its_harness(checkout: Checkout, words: list[str]) -> None:
    assert checkout("dgm", *words).returncode == 0
    assert checkout.installed() == "a checkout[swebench]"


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "--benchmark", "polyglot"],
        ["run", "--benchmark", "swebench", "--help"],
        ["benchmarks", "swebench"],
        ["estimate", "--benchmark", "swebench"],
        ["images", "build", "swebench"],
        ["replay", "katas-1", "a"],
    ],
)
def test_what_does_not_grade_with_the_harness_does_without_it(checkout: Checkout, words: list[str]) -> None:
    assert checkout("dgm", *words).returncode == 0
    assert checkout.installed() == "a checkout"


@pytest.mark.parametrize(
    "words",
    [
        ["resume", "big-1"],
        ["replay", "elsewhere/big-1", "a"],
        ["resume", "big-1", "--runs-dir", "elsewhere"],
        ["resume", "big-1", "--runs-dir=elsewhere"],
        ["run", "--config", "mine.toml"],
        ["run", "--config=mine.toml"],
    ],
)
def test_a_run_and_a_file_of_settings_may_name_swebench_too(checkout: Checkout, words: list[str]) -> None:
    places = [checkout.root / "archive" / "runs"] if words[-1] == "big-1" else [checkout.root.parent / "elsewhere"]
    for run in [place / "big-1" for place in places]:
        run.mkdir(parents=True)
        (run / "run.toml").write_text('benchmark = "swebench"\n')
    (checkout.root.parent / "mine.toml").write_text("benchmark='swebench'\n")
    assert checkout("dgm", *words).returncode == 0
    assert checkout.installed() == "a checkout[swebench]"
