"""What keeps a container in: each control with how to see whether it holds, and what to do where it does not."""

import errno
import os

from dgm.evolution.session import SOCKET
from dgm.sandbox.examination_calls import FORBIDDEN_SOCKETS
from dgm.sandbox.examination_seen import parse_fields, parse_mounts
from dgm.sandbox.examination_subject import OTHER_RUNTIME, NotHere, Probe, Subject, require, some
from dgm.sandbox.policy import ENVIRONMENT, GATEWAY, HOSTNAME, SCRATCH, host_config, seccomp_profile
from dgm.sandbox.posture import CAPABILITY_SETS, SECCOMP_FILTER, require_applied, require_confined
from dgm.sandbox.processes import PROC, host_uid

ENGINES_MOUNTS = frozenset({"/", "/dev", "/dev/pts", "/dev/mqueue", "/proc", "/sys", "/etc/hostname"})
"""What an engine mounts into every container beside its init program and covers over parts of /proc and /sys."""
_SOME_ENGINES_MOUNTS = frozenset({"/etc/hosts", "/etc/resolv.conf", "/run/.containerenv", "/sys/fs/cgroup"})
KERNELS_FILE_SYSTEMS = frozenset({"proc", "devpts", "mqueue"})
NAMESPACES = ("pid", "net", "ipc", "mnt", "uts", "cgroup")
_REFUSALS = {errno.EPERM, errno.ENOSYS}
_NO_SOCKET = _REFUSALS | {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EACCES}


def _users(subject: Subject) -> str:
    agent = str(subject.container.target.uids.agent)
    fields = parse_fields(subject.seen.status)
    require(
        (fields.get("Uid", "").split(), fields.get("Gid", "").split()) == ([agent] * 4, [agent] * 4)
        and fields.get("Groups", "") in {"", agent},
        "The agent's commands run as other users or in other groups than they were given.",
    )
    return f"the agent is user {agent} and in no other group"


def _first_process(subject: Subject) -> str:
    require(subject.seen.first_process == errno.EPERM, "The agent can signal the container's first process.")
    return "out of the agent's reach"


def _capabilities(subject: Subject) -> str:
    fields = parse_fields(subject.seen.status)
    require("CapEff" in fields, "Nothing tells which capabilities the agent's commands have.")
    held = [name for name in CAPABILITY_SETS if int(fields.get(name, "0"), 16)]
    require(not held, f"The agent's commands have capabilities ({', '.join(held)}).")
    return "none"


def _privileges(subject: Subject) -> str:
    require(subject.seen.no_new_privileges == 1, "A program of another user's could gain privileges.")
    return "cannot be gained"


def _programs(subject: Subject) -> str:
    found = subject.seen.setuid_programs
    require(not found, f"The image has programs that run as another user: {some(found)}.")
    return "none runs as another user"


def _filter(subject: Subject) -> str | NotHere:
    if not subject.native:
        return NotHere("the runtime's own kernel answers system calls")
    mode = parse_fields(subject.seen.status).get("Seccomp", "")
    require(mode == SECCOMP_FILTER, "No filter of system calls is in force.")
    return "in force"


def _calls(subject: Subject) -> str | NotHere:
    answers = subject.seen.calls
    if not answers:
        return NotHere("for this machine's processor no system call is known by number")
    passed = [name for name, answer in answers.items() if answer not in _REFUSALS]
    require(not passed, f"System calls are let through that no agent needs: {some(passed)}.")
    return f"{len(answers)} of {len(answers)} tried are refused"


def _newer_calls(subject: Subject) -> str:
    require(
        subject.seen.unknown_call == errno.ENOSYS,
        "System calls newer than the profile are not answered as unknown, so a newer image may not work.",
    )
    return "answered as unknown"


def _socket_families(subject: Subject) -> str:
    passed = [name for name in FORBIDDEN_SOCKETS if subject.seen.sockets.get(name, 0) not in _NO_SOCKET]
    require(not passed, f"Sockets can be made that no agent needs: {some(passed)}.")
    return f"{len(FORBIDDEN_SOCKETS)} of {len(FORBIDDEN_SOCKETS)} tried are refused"


def _root(subject: Subject) -> str:
    root = parse_mounts(subject.seen.mounts).get("/")
    require(root is not None and "ro" in root.options, "The container's root can be written to.")
    return "read-only"


def _mounts(subject: Subject) -> str:
    found = {point for point in parse_mounts(subject.seen.mounts) if not is_engines_cover(point)}
    expected = {place.path for place in SCRATCH}
    if subject.gateway is not None:
        expected.add(GATEWAY)
    odd = found - ENGINES_MOUNTS - _SOME_ENGINES_MOUNTS - expected
    require(not odd, f"Something is mounted that the policy does not know: {some(sorted(odd))}.")
    require(expected <= found, f"Something is not mounted: {some(sorted(expected - found))}.")
    return f"{len(expected)} of the policy, and the engine's own"


def _writable(subject: Subject) -> str:
    mounts = parse_mounts(subject.seen.mounts)
    odd = [
        point
        for point, mount in mounts.items()
        if "rw" in mount.options and point != "/" and mount.kind not in KERNELS_FILE_SYSTEMS | {"tmpfs"}
    ]
    require(not odd, f"What is not in memory can be written to: {some(odd)}.")
    gateway = mounts.get(GATEWAY)
    require(gateway is None or "ro" in gateway.options, "The gateway's directory can be written to.")
    places = [place.path for place in SCRATCH if place.path in mounts]
    loose = [path for path in places if not {"nosuid", "nodev"} <= mounts[path].options]
    require(not loose, f"Devices or foreign rights are honoured in {some(loose)}.")
    return "places in memory alone"


def _network(subject: Subject) -> str:
    seen = subject.seen
    require(set(seen.interfaces) <= {"lo"}, f"The container has network interfaces: {some(seen.interfaces)}.")
    require(not seen.routes, "The container has a route to somewhere.")
    require(seen.address == errno.ENETUNREACH, "An address outside could be tried.")
    return "loopback alone, no route"


def _gateway(subject: Subject) -> str | NotHere:
    if subject.gateway is None:
        return NotHere("the engine cannot see this machine's files, so no agent on it can reach a model")
    require(
        subject.seen.gateway == 0,
        f"The gateway's socket cannot be reached from inside ({os.strerror(subject.seen.gateway)}).",
    )
    return "reached"


def _other_sockets(subject: Subject) -> str:
    gateway = [] if subject.gateway is None else [SOCKET]
    odd = [path for path in (*subject.seen.socket_files, *subject.seen.listening) if path not in gateway]
    require(not odd, f"Other sockets than the gateway's are in the container: {some(odd)}.")
    return "none"


def _environment(subject: Subject) -> str:
    # Names alone: what an engine or a proxy's settings put there may be a secret.
    found, expected = subject.seen.environment, ENVIRONMENT | {"HOSTNAME": HOSTNAME}
    odd = [name for name, value in found.items() if expected.get(name) != value and name != "LC_CTYPE"]
    require(not odd, f"The container has variables that the policy does not know: {some(odd)}.")
    return "that of the policy"


def _inherited_files(subject: Subject) -> str:
    # gVisor names the pipes to a command's own streams by the host.
    own = ("pipe:", "/dev/null") if subject.native else ("pipe:", "/dev/null", "host:[")
    odd = [path for path in subject.seen.open_files if not path.startswith(own)]
    require(not odd, f"A command is started with open files: {some(odd)}.")
    return "none"


def _as_the_engine_has_it(subject: Subject) -> str:
    asked = host_config(
        subject.limits,
        uids=subject.container.target.uids,
        seccomp=seccomp_profile(),
        gateway=subject.gateway,
    )
    require_applied(asked, subject.inspected, machine_swaps=False)
    kept = subject.inspected["HostConfig"]
    shared = [option for option in ("Privileged", "CapAdd", "Devices", "PidMode", "UTSMode") if kept.get(option)]
    require(not shared, f"The engine added what was not asked for: {some(shared)}.")
    return "every option as it was asked for"


def _as_the_host_has_it(subject: Subject) -> str | NotHere:
    target = subject.container.target
    if not target.in_sight:
        return NotHere("this machine's /proc does not show the container's processes")
    require_confined(target.init, uid=host_uid(target.init, target.uids.keeper))
    theirs = {name: _namespace(target.init, name) for name in NAMESPACES}
    if None in theirs.values():
        return "its first process is confined; root could also see its namespaces"
    shared = [name for name, namespace in theirs.items() if namespace == _namespace(os.getpid(), name)]
    require(not shared, f"The container shares namespaces with this machine: {some(shared)}.")
    return "its first process is confined, in namespaces of its own"


def _namespace(pid: int, name: str) -> str | None:
    try:
        return os.readlink(PROC / str(pid) / "ns" / name)  # noqa: PTH115
    except OSError:
        return None


def _log(subject: Subject) -> str:
    require(
        subject.inspected["HostConfig"]["LogConfig"]["Type"] == "none",
        "The engine writes down what the container's first process prints, without a limit.",
    )
    return "nothing is written on the engine's disk"


def is_engines_cover(point: str) -> bool:
    """Whether an engine mounts something there on its own: covers over parts of /proc and /sys, its init program."""
    return point.startswith(("/proc/", "/sys/")) or point.endswith("-init")


_OWN_PROFILE = "The engine must take a seccomp profile from its client; look for a policy plug-in that replaces it."
_NEWER_ENGINE = "Use an engine with runc 1.0 or newer and libseccomp 2.5 or newer."
_MOUNTS = "Look for default mounts in the engine's settings (Podman: mounts.conf, containers.conf)."
_REBUILD = "Build the image anew: `dgm images build python`."

CONFINEMENT = (
    Probe("as asked", _as_the_engine_has_it, "Use an engine that keeps to its own API: Docker 20.10 or newer."),
    Probe("on the host", _as_the_host_has_it, OTHER_RUNTIME),
    Probe("users", _users, OTHER_RUNTIME),
    Probe("first process", _first_process, OTHER_RUNTIME),
    Probe("capabilities", _capabilities, OTHER_RUNTIME),
    Probe("new privileges", _privileges, OTHER_RUNTIME),
    Probe("programs", _programs, _REBUILD),
    Probe("seccomp", _filter, _OWN_PROFILE),
    Probe("system calls", _calls, _OWN_PROFILE),
    Probe("newer system calls", _newer_calls, _NEWER_ENGINE),
    Probe("socket families", _socket_families, _OWN_PROFILE),
    Probe("root", _root, OTHER_RUNTIME),
    Probe("mounts", _mounts, _MOUNTS),
    Probe("writable", _writable, _MOUNTS),
    Probe("network", _network, "The engine must know the network `none`; look for a plug-in that adds others."),
    Probe("gateway", _gateway, "For gVisor give runsc `--host-uds=all`; with SELinux let containers use the socket."),
    Probe("other sockets", _other_sockets, _MOUNTS),
    Probe("environment", _environment, "Remove variables for containers from the engine's settings."),
    Probe("inherited files", _inherited_files, OTHER_RUNTIME),
    Probe("log", _log, "The engine must know the log driver `none`."),
)
