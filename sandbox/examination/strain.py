"""Prints, as JSON, how far a container's limits let it go. Run as the agent's user, with python3 -I -S.

How far to go at most comes from /task/strain.json, so that a limit that is missing harms nobody.
"""

import json
import os
import resource
import signal
import time

LIMITS = {
    "nofile": resource.RLIMIT_NOFILE,
    "fsize": resource.RLIMIT_FSIZE,
    "core": resource.RLIMIT_CORE,
    "memlock": resource.RLIMIT_MEMLOCK,
}
BLOCK = bytes(65536)


def main():
    with open("/task/strain.json") as file:
        most = json.load(file)
    print(
        json.dumps(
            {
                "limits": {name: list(resource.getrlimit(number)) for name, number in LIMITS.items()},
                "open_files": open_files(most["open_files"]),
                "processes": processes(most["processes"]),
                "places": {path: fill(path, size) for path, size in most["place_bytes"].items()},
                "files": {path: crowd(path, number) for path, number in most["place_files"].items()},
                "processor": processor(most["burners"], most["burn_s"]),
            }
        )
    )


def open_files(most):
    held = []
    try:
        while len(held) < most:
            held.append(os.dup(0))
    except OSError:
        pass
    for number in held:
        os.close(number)
    return len(held)


def processes(most):
    """Return how many processes can be there at a time beside this one."""
    children = []
    try:
        while len(children) < most:
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children)


def fill(path, most):
    """Return how many bytes fit into a place."""
    names, written = [], 0
    try:
        while written < most:
            names.append(os.path.join(path, "fill%d" % len(names)))
            with open(names[-1], "wb", buffering=0) as file:
                for _ in range(64):
                    written += file.write(BLOCK)
    except OSError:
        pass
    remove(names)
    return written


def crowd(path, most):
    """Return how many files fit into a place."""
    names = []
    try:
        while len(names) < most:
            name = os.path.join(path, "file%d" % len(names))
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
            names.append(name)
    except OSError:
        pass
    remove(names)
    return len(names)


def remove(names):
    for name in names:
        if os.path.exists(name):
            os.remove(name)


def processor(burners, seconds):
    """Return how many seconds of processor time some processes got for each second that passed."""
    before, began = used(), time.monotonic()
    children = []
    for _ in range(burners):
        child = os.fork()
        if child == 0:
            while time.monotonic() - began < seconds:
                pass
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return (used() - before) / (time.monotonic() - began)


def used():
    times = os.times()
    return times.children_user + times.children_system


main()
