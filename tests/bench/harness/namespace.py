"""The bench's own network, mounts and processes: nothing that it starts can be reached, or stays.

With the first process of the namespaces everything else in them ends, and every mount goes.
"""

import fcntl
import os
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .places import PEERS

INSIDE = "POSTERN_BENCH_INSIDE"
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
# What a bench opens at most; more than the usual 1,024.
OPEN_FILES = 20_000


def is_inside() -> bool:
    return INSIDE in os.environ


def enter(program: Path, words: list[str]) -> int:
    """Runs the program again, inside."""
    unshare = ["unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run([*unshare, sys.executable, str(program), *words], env=os.environ | {INSIDE: "1"}, check=False).returncode


def furnish() -> None:
    """Makes the namespaces fit for a bench. Call it once, first."""
    raise_loopback()
    lift_limits()
    replace_names()


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP).ljust(40, b"\0"))


def lift_limits() -> None:
    """One client from one address opens more connections in a minute than there are usual ports."""
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("10000 65000")
    Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("1")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def replace_names() -> None:
    """Peers without a root of their own see the same hosts and the same lack of a name server as the others."""
    for file in (PEERS / "common" / "root" / "etc").iterdir():
        subprocess.run(["mount", "--bind", str(file), f"/etc/{file.name}"], check=True)


def reap(work: Callable[[], None]) -> int:
    """Does the work in a child. This process is the first of its namespace, which must bury every orphan: relays that fork leave many."""
    child = os.fork()
    if child == 0:
        work()
        sys.stdout.flush()
        os._exit(0)
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)

