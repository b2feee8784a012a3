"""Lists what differs between two trees. Runs in an agent's container, as the agent, when all else in it has ended.

    python3 -I -S - TREE PRISTINE

TREE is the agent's; PRISTINE, which nobody could write to, is a repository and says what is ignored. Written are records
that end in NUL: a letter and a path, both of bytes, in the order of the paths; and then one of "." alone.

    +path  a plain file that is not in PRISTINE        *path  a plain file that differs in its bytes or its execute bit
    -path  a plain file that is only there             !path  differs, and is no plain file that can be read, on either side

Nothing below a `.git` or `__pycache__`, nothing that PRISTINE ignores. Works from Python 3.8 on.
"""

import os
import stat
import subprocess
import sys

MAX_DEPTH = 64
MAX_PATH_BYTES = 1024
CHUNK_BYTES = 1 << 20
SKIPPED = {b".git", b"__pycache__"}
FILE, DIRECTORY, LINK, SPECIAL = "file", "directory", "link", "special"
PLAIN = {FILE, DIRECTORY, None}
# Nothing that the agent can write to says how git behaves.
GIT_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/dgm/home",
    "XDG_CONFIG_HOME": "/dgm/home",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


def main(tree, pristine):
    records = list(differences(tree, pristine))
    ignored = ignored_paths(pristine, [path for _, path in records])
    kept = sorted((path, letter) for letter, path in records if path not in ignored)
    sys.stdout.buffer.write(b"".join(letter + path + b"\0" for path, letter in kept) + b".\0")


def differences(tree, pristine):
    """Yield (letter, path) of everything that differs."""
    waiting = [(b"", True, True)]
    while waiting:
        path, in_tree, in_pristine = waiting.pop()
        try:
            now = entries(os.path.join(tree, path)) if in_tree else {}
        except PermissionError:
            if not path:
                raise
            yield b"!", path
            continue
        before = entries(os.path.join(pristine, path)) if in_pristine else {}
        for name in now.keys() | before.keys():
            child = os.path.join(path, name)
            old, new = before.get(name), now.get(name)
            if not {old, new} <= PLAIN:
                if old != new or not same_link(os.path.join(tree, child), os.path.join(pristine, child)):
                    yield b"!", child
                continue
            if FILE in {old, new}:
                letter = difference(os.path.join(tree, child), os.path.join(pristine, child), old, new)
                if letter:
                    yield letter, child
            if DIRECTORY in {old, new}:
                if len(child) > MAX_PATH_BYTES or child.count(b"/") > MAX_DEPTH:
                    yield b"!", child
                else:
                    waiting.append((child, new == DIRECTORY, old == DIRECTORY))


def entries(directory):
    """Return name -> kind."""
    with os.scandir(directory) as found:
        return {entry.name: kind(entry) for entry in found if entry.name not in SKIPPED}


def kind(entry):
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISREG(mode):
        return FILE
    if stat.S_ISDIR(mode):
        return DIRECTORY
    return LINK if stat.S_ISLNK(mode) else SPECIAL


def same_link(one, other):
    if not (os.path.islink(one) and os.path.islink(other)):
        return True  # both are special files of some kind, which have no content
    return os.readlink(one) == os.readlink(other)


def difference(path, pristine_path, old, new):
    """Return the letter of a path that is a plain file on one side or both; None where they are equal."""
    if new != FILE:
        return b"-"
    if not os.access(path, os.R_OK):
        return b"!"
    if old != FILE:
        return b"+"
    return None if same_file(path, pristine_path) else b"*"


def same_file(one, other):
    left, right = os.stat(one), os.stat(other)
    if left.st_size != right.st_size or (left.st_mode ^ right.st_mode) & stat.S_IXUSR:
        return False
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            chunk = first.read(CHUNK_BYTES)
            if chunk != second.read(CHUNK_BYTES):
                return False
            if not chunk:
                return True


def ignored_paths(pristine, paths):
    """Return those of `paths` that the pristine repository ignores; none of them is one that it tracks.

    Git is asked where there is no path as well: so that, before an agent is here, it is seen to answer.
    """
    # With "./", since git takes a name that begins with a colon for more than a name.
    done = subprocess.run(
        ["/usr/bin/git", "-C", pristine, "check-ignore", "-z", "--stdin"],
        input=b"".join(b"./" + path + b"\0" for path in paths),
        stdout=subprocess.PIPE,
        env=GIT_ENVIRONMENT,
    )
    if done.returncode not in {0, 1}:
        sys.exit("git could not say what is ignored")
    return {name[2:] for name in done.stdout.split(b"\0")}


main(os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]))
