"""A node seen from outside of its namespaces: powers it on, waits until it is ready, and powers it off."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import checks
from .keeper import FAILED, READY
from .parts import DEADLINE, Failure, tail
from .places import NODE, Node


def boot_second(node: Node, tell: Callable[[str], None]) -> None:
    """Starts the second node, whether or not it ran before, and returns when it is ready."""
    with node.run.internet.open("rb") as internet:
        process = power_on(node, "second", internet.fileno())
    wait(node, process, tell)


def power_on(node: Node, module: str, inherited: int) -> subprocess.Popen[bytes]:
    """Starts the keeper, which is `module`, as process 1 of namespaces of its own. When `unshare` ends, it ends, and with it all that it started."""
    node.progress.write_text("")
    command = [*checks.NAMESPACES, sys.executable, "-m", f"harness.{module}", str(node.run.folder), str(inherited)]
    environment = {"PATH": checks.PATH, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    with node.log("keeper").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=NODE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[inherited],
            start_new_session=True,
        )
    node.process.unlink(missing_ok=True)
    node.keeper.write_text(json.dumps({"pid": process.pid, "started": started(process.pid)}))
    first = first_process(process)
    node.process.symlink_to(f"/proc/{first}")
    return process


def first_process(unshare: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    deadline = time.monotonic() + DEADLINE
    while unshare.poll() is None and time.monotonic() < deadline:
        words = children.read_text().split()
        if words:
            return int(words[0])
        time.sleep(0.01)
    raise Failure("A node's first process did not start: see log/keeper.*.log in its folder.")


def wait(node: Node, process: subprocess.Popen[bytes], tell: Callable[[str], None]) -> None:
    """Returns when the node is ready, and tells meanwhile what it does."""
    shown = 0
    deadline = time.monotonic() + 4 * DEADLINE
    while True:
        lines = node.progress.read_text().splitlines()
        if lines[-1:] == [FAILED]:
            raise Failure(node.failure.read_text())
        for line in lines[shown:]:
            tell(line)
        shown = len(lines)
        if lines[-1:] == [READY]:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"{node.name} did not come up:\n{tail(node.log('keeper'))}")
        time.sleep(0.1)


def power_off(node: Node) -> None:
    """Ends every process of the node at once; with these go its mounts and networks."""
    if not is_on(node):
        return
    unshare = json.loads(node.keeper.read_text())["pid"]
    first = int(node.process.readlink().name) if node.process.is_symlink() else None
    os.kill(unshare, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while is_on(node) or (first and state(first)):
        if time.monotonic() > deadline:
            raise SystemExit(f"process {unshare} does not end")
        time.sleep(0.05)


def is_on(node: Node) -> bool:
    """Asks about the process that began then, not another one that got its number."""
    if not node.keeper.exists():
        return False
    keeper = json.loads(node.keeper.read_text())
    return bool(state(keeper["pid"])) and started(keeper["pid"]) == keeper["started"]


def started(pid: int) -> str | None:
    """When a process began, in the kernel's ticks: with its number it names one process for good. Nothing for one that was buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def state(pid: int) -> str | None:
    """Nothing for a process that has ended, whether or not somebody buried it."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if letter == "Z" else letter
