"""Prints, as JSON, what a container is like from inside. Run as the agent's user, with python3 -I -S.

What to try comes from /task/calls.json; how many places are listed at most is SHOWN.
"""

import ctypes
import errno
import json
import os
import platform
import socket
import stat

SHOWN = 20
NO_NEW_PRIVILEGES = 39  # PR_GET_NO_NEW_PRIVS
KERNELS_OWN = ("/proc", "/sys")


def main():
    with open("/task/calls.json") as file:
        asked = json.load(file)
    libc = ctypes.CDLL(None, use_errno=True)
    found = {
        "status": lines_of("/proc/self/status"),
        "no_new_privileges": libc.prctl(NO_NEW_PRIVILEGES, 0, 0, 0, 0),
        "calls": answers(libc, asked["calls"].get(platform.machine(), {})),
        "unknown_call": answer(libc, [asked["unknown_call"]]),
        "sockets": {name: error_of(make_socket, *arguments) for name, arguments in asked["sockets"].items()},
        "mounts": lines_of("/proc/self/mountinfo"),
        "interfaces": [line.split(":")[0].strip() for line in lines_of("/proc/net/dev")[2:]],
        "routes": lines_of("/proc/net/route")[1:],
        "address": error_of(connect, socket.AF_INET, tuple(asked["address"])),
        # Before the gateway is tried, whose answer would be among them.
        "listening": listening(),
        "gateway": error_of(connect, socket.AF_UNIX, asked["gateway"]),
        "environment": dict(os.environ),
        "open_files": open_files(),
        "first_process": error_of(os.kill, 1, 0),
    }
    found.update(search())
    print(json.dumps(found))


def lines_of(path):
    with open(path, errors="replace") as file:
        return file.read().splitlines()


def error_of(action, *arguments):
    """Return the error number that an action ends with, 0 where it succeeds."""
    try:
        action(*arguments)
    except OSError as error:
        return error.errno or errno.ETIMEDOUT  # which alone has none
    return 0


def make_socket(*arguments):
    socket.socket(*arguments).close()


def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(3)
        client.connect(address)


def answers(libc, calls):
    return {name: answer(libc, words) for name, words in calls.items()}


def answer(libc, words):
    """Return the error number of a system call, made in a process of its own: one that succeeds may change it."""
    child = os.fork()
    if child == 0:
        libc.syscall(*[ctypes.c_long(word) for word in words])
        os._exit(min(ctypes.get_errno(), 255))
    return os.waitpid(child, 0)[1] >> 8


def listening():
    """Return the unix sockets of this network namespace that have a name."""
    return [line.split()[7] for line in lines_of("/proc/net/unix")[1:] if len(line.split()) > 7][:SHOWN]


def open_files():
    """Return what this process was started with; its own look at the directory is the last one."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink("/proc/self/fd/" + number))
        except OSError:
            continue
    return sorted(found)


def search():
    """Return the sockets and the programs with another user's rights that the file system shows."""
    found = {"socket_files": [], "setuid_programs": []}
    for directory, directories, names in os.walk("/"):
        directories[:] = [name for name in directories if os.path.join(directory, name) not in KERNELS_OWN]
        for name in names:
            path = os.path.join(directory, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if stat.S_ISSOCK(mode):
                found["socket_files"].append(path)
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                found["setuid_programs"].append(path)
    return {kind: sorted(paths)[:SHOWN] for kind, paths in found.items()}


main()
