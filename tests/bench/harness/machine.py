"""What was measured on what."""

import os
import subprocess
from pathlib import Path

from .peers import Peer
from .places import CACHE, CHECKOUT


def describe() -> dict[str, str]:
    """The machine and the revision, in words."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": processor(),
        "memory": f"{memory_gib():.0f} GiB",
        "kernel": os.uname().release,
        "all queues on": file_system(CACHE),
        "revision": output(["git", "describe", "--always", "--dirty"], cwd=CHECKOUT),
    }


def version(peer: Peer) -> str:
    """What the peer says of itself."""
    command = peer.command(peer.version)
    return output(["chroot", str(peer.root), *command] if peer.is_chrooted else command)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def file_system(folder: Path) -> str:
    return output(["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(folder)])


def output(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return (done.stdout.strip() or "unknown").splitlines()[-1]
