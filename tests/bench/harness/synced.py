"""Proof that a relay syncs a message before its 250: the order of its system calls, under strace, while messages come one at a time."""

import re
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from .measure import Laboratory, settle
from .peers import Peer
from .server import Server
from .traffic import Traffic

MESSAGES = 20
ATTACHED_WITHIN = 10
CALLS = "trace=fsync,fdatasync,write,writev,sendto,sendmsg"
# Those that succeeded; another thread's call may stand between its beginning and its end.
SYNC = re.compile(r"(fsync|fdatasync)(\(\d+\)| resumed>\)) += 0$")


def messages(laboratory: Laboratory, peer: Peer) -> int:
    """Sends messages one after the other, and returns for how many a sync ended between the 354 and the 250. Fails when the manifest says otherwise."""
    traffic = Traffic(sessions=1)
    trace = laboratory.logs / f"{peer.key}.strace"
    with laboratory.sink(traffic) as sink, laboratory.server(peer) as server:
        observer = attach(server, trace)
        source = laboratory.source(traffic, peer.addresses[:1], MESSAGES)
        sink.wait_for(MESSAGES, source.check)
        source.finish()
        observer.send_signal(signal.SIGINT)
        observer.wait()
    with trace.open(errors="replace") as lines:
        found = list(syncs(lines))
    if len(found) != MESSAGES or all(found) != peer.synced:
        raise RuntimeError(f"{peer.name}: of {len(found)} messages {sum(found)} were synced before their 250, see {trace}")
    return sum(found)


def attach(server: Server, trace: Path) -> subprocess.Popen:
    """Has strace watch all processes of a relay, and those that they will start."""
    # What starts between the list and strace would not be watched: a database's sessions do, shortly after the relay is ready.
    settle(server)
    processes = server.group.processes()
    command = ["strace", "-f", "-q", "-s", "4", "-e", "signal=none", "-e", CALLS, "-o", str(trace), "-p", " ".join(map(str, processes))]
    observer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + ATTACHED_WITHIN
    while not all(map(is_traced, server.group.processes())):
        if observer.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"strace can't watch {server.peer.name}")
        time.sleep(0.05)
    return observer


def is_traced(process: int) -> bool:
    try:
        return "TracerPid:\t0\n" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # It ended meanwhile.
        return True


def syncs(trace: Iterable[str]) -> Iterable[bool]:
    """For each message, whether a sync ended between the 354 and the 250."""
    is_synced = None
    for line in trace:
        if '"354' in line:
            is_synced = False
        elif is_synced is not None and SYNC.search(line):
            is_synced = True
        elif is_synced is not None and '"250' in line:
            yield is_synced
            is_synced = None
