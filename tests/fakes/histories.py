"""Git repositories as those in official images: a history up to the base commit, and a later one that gives it away."""

import os
import subprocess
from pathlib import Path

from dgm.core.files import File, FileTree

LATER_WORD = "jewel-of-the-later-history"
"""Stands in every commit, tag, note and file that came after the base commit, and nowhere else."""
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A Miller",
    "GIT_AUTHOR_EMAIL": "miller@example.org",
    "GIT_COMMITTER_NAME": "A Miller",
    "GIT_COMMITTER_EMAIL": "miller@example.org",
    "LC_ALL": "C",
}


class Git:
    """A repository with a work tree. Its dates are fixed, so that its commits are the same on every machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._day = 0
        self.run("init", "--quiet", "--template=", "--initial-branch=main")
        self.run("config", "core.logAllRefUpdates", "true")

    def run(self, *words: str) -> str:
        """Return what a command of git prints."""
        date = f"2024-04-{1 + self._day:02d}T12:00:00+0000"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        environment = {"PATH": os.environ["PATH"], **_ENVIRONMENT, **dates}
        argv = ["git", "-c", "gc.auto=0", *words]
        return subprocess.run(
            argv, cwd=self.directory, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def write(self, files: FileTree) -> None:
        """Write files into the work tree and stage that."""
        for path, file in files.items():
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / path).write_bytes(file.content)
        self.run("add", "--all")

    def commit(self, message: str, files: FileTree) -> str:
        """Return the commit that adds files, a day later than the last."""
        self._day += 1
        self.write(files)
        self.run("commit", "--quiet", "--allow-empty", "--message", message)
        return self.run("rev-parse", "HEAD").strip()


def with_base_history(git: Git, base: FileTree) -> str:
    """Return the base commit, after two commits that lead to it."""
    first = {path: file for path, file in base.items() if path in {"README.md", ".gitignore"}}
    git.commit("Begin", first)
    git.commit("Say what it is for", {"NOTES.md": File(b"Small, and without dependencies.\n")})
    return git.commit("Write it down", base)


def plant_later_history(git: Git, gold: FileTree) -> None:
    """Add everything that official images were found to tell of later commits, packed and loose.

    HEAD is a commit of the image's maker above the base commit, as in official images.
    """
    base = git.run("rev-parse", "HEAD").strip()
    later = {"CHANGES.md": File(f"{LATER_WORD} in a file\n".encode())}
    git.run("switch", "--quiet", "--create", "fixed")
    fix = git.commit(f"Fix the issue, {LATER_WORD}", {**gold, **later})
    git.run("tag", "--annotate", "v9", "--message", f"{LATER_WORD} in a tag")
    git.run("remote", "add", "origin", "https://example.org/origin.git")
    git.run("update-ref", "refs/remotes/origin/main", fix)
    git.run("notes", "add", "--message", f"{LATER_WORD} in a note", fix)
    git.run("repack", "-a", "-d", "--quiet")
    git.run("pack-refs", "--all")
    # What follows stays loose: unreachable but for a reflog, staged in a stash, or on a branch.
    git.commit("Go on", {"LATER.md": File(f"{LATER_WORD} on a branch\n".encode())})
    git.run("tag", "v10")
    git.run("switch", "--quiet", "main")
    git.commit("Give up", {"GIVEN_UP.md": File(f"{LATER_WORD} in a reflog\n".encode())})
    git.run("reset", "--quiet", "--hard", base)
    git.write({"STASHED.md": File(f"{LATER_WORD} in a stash\n".encode())})
    git.run("stash", "push", "--quiet", "--include-untracked", "--message", f"{LATER_WORD} in its name")
    git.commit("SWE-bench", {"environment.lock": File(b"# what the image's maker added\n")})
    # Left over from building: ignored, so no part of anybody's solution.
    (git.directory / "build").mkdir()
    (git.directory / "build" / "left-over.txt").write_text("built\n")
