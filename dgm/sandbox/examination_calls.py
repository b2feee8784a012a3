"""System calls and sockets that no container may have: what an examination tries, and the red-team suite too.

Arguments are chosen so that a call which is let through does nothing. Most of these are also refused to a user without
capabilities, whatever the filter says; those that are not tell whether the filter is there at all.
"""

from collections.abc import Mapping
from typing import NamedTuple

X86, ARM = "x86_64", "aarch64"
NEWER_THAN_ANY = 9999
"""The number of a system call that no kernel has yet, as those will be that are newer than the profile."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIGCHLD = 17
_NO_RANDOMIZATION = 0x0040000
_HERE = -100
_BLOCK_DEVICE = (0o060600, 0x0700)


class Call(NamedTuple):
    """One system call with what it is tried with."""

    number: int | None
    """On x86-64; None where it has none."""
    arm_number: int | None
    arguments: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    arm_arguments: tuple[int, ...] | None = None
    """Where they differ."""

    def words(self, machine: str) -> tuple[int, ...] | None:
        """Return the number and the arguments on a machine; None where it has no such call."""
        number = {X86: self.number, ARM: self.arm_number}.get(machine)
        arguments = self.arm_arguments if machine == ARM and self.arm_arguments is not None else self.arguments
        return None if number is None else (number, *arguments)


FORBIDDEN_CALLS: Mapping[str, Call] = {
    "io_uring_setup": Call(425, 425, (1, 0)),
    "io_uring_enter": Call(426, 426, (-1, 0, 0, 0, 0, 0)),
    "io_uring_register": Call(427, 427, (-1, 0, 0, 0)),
    "ptrace": Call(101, 117, (0, 0, 0, 0)),
    "unshare user namespace": Call(272, 97, (_CLONE_NEWUSER,)),
    "unshare network namespace": Call(272, 97, (_CLONE_NEWNET,)),
    "clone user namespace": Call(56, 220, (_CLONE_NEWUSER | _SIGCHLD, 0, 0, 0, 0, 0)),
    "mount": Call(165, 40),
    "umount2": Call(166, 39),
    "pivot_root": Call(155, 41),
    "chroot": Call(161, 51),
    "setns": Call(308, 268, (-1, 0)),
    "bpf": Call(321, 280),
    "add_key": Call(248, 217),
    "request_key": Call(249, 218),
    "keyctl": Call(250, 219),
    "userfaultfd": Call(323, 282),
    "perf_event_open": Call(298, 241),
    "memfd_secret": Call(447, 447),
    "init_module": Call(175, 105),
    "finit_module": Call(313, 273, (-1, 0, 0)),
    "delete_module": Call(176, 106),
    "kexec_load": Call(246, 104),
    "kexec_file_load": Call(320, 294, (-1, -1, 0, 0, 0)),
    "reboot": Call(169, 142),
    "settimeofday": Call(164, 170),
    "clock_settime": Call(227, 112),
    "name_to_handle_at": Call(303, 264, (-1, 0, 0, 0, 0)),
    "open_by_handle_at": Call(304, 265, (-1, 0, 0)),
    "process_vm_readv": Call(310, 270, (1, 0, 0, 0, 0, 0)),
    "process_vm_writev": Call(311, 271, (1, 0, 0, 0, 0, 0)),
    "pidfd_getfd": Call(438, 438, (-1, 0, 0)),
    "kcmp": Call(312, 272, (1, 1, 0, 0, 0)),
    "fsopen": Call(430, 430),
    "open_tree": Call(428, 428, (-1, 0, 0)),
    "move_mount": Call(429, 429, (-1, 0, -1, 0, 0)),
    "mount_setattr": Call(442, 442, (-1, 0, 0, 0, 0)),
    "fanotify_init": Call(300, 262),
    "quotactl": Call(179, 60),
    "acct": Call(163, 89),
    "swapon": Call(167, 224),
    "move_pages": Call(279, 239),
    "syslog": Call(103, 116, (3, 0, 0)),
    "sethostname": Call(170, 161),
    "personality without address randomization": Call(135, 92, (_NO_RANDOMIZATION,)),
    "block device": Call(133, 33, (0, *_BLOCK_DEVICE), (_HERE, 0, *_BLOCK_DEVICE)),
    "mq_open": Call(240, 180),
    "ports of the machine": Call(172, None, (0,)),
}
FORBIDDEN_SOCKETS: Mapping[str, tuple[int, int, int]] = {
    "vsock": (40, 1, 0),
    "kernel crypto": (38, 5, 0),
    "packets": (17, 3, 0),
    "raw ip": (2, 3, 1),
    "netlink audit": (16, 3, 9),
    "netlink firewall": (16, 3, 12),
    "netlink of the kernel's events": (16, 3, 15),
    "bluetooth": (31, 3, 1),
}


def calls_of(machine: str) -> dict[str, tuple[int, ...]]:
    """Return the forbidden calls that a machine (as `uname -m` names it) has, each with its number and arguments."""
    return {name: words for name, call in FORBIDDEN_CALLS.items() if (words := call.words(machine)) is not None}
