"""A node's control groups: a group of its own in each hierarchy, below which the kubelet makes those of pods."""

import hashlib
import time
from pathlib import Path

from .places import Node

ROOT = Path("/sys/fs/cgroup")
# What the kubelet and runc need, in the first version one hierarchy each.
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer")
UNIFIED = ("cpu", "cpuset", "memory", "pids")


def unified() -> bool:
    """Whether this machine has version 2 alone."""
    return (ROOT / "cgroup.controllers").exists()


def name(node: Node) -> str:
    """The same for a node's folder each time, so that it is found again without a record."""
    return f"postern-{hashlib.sha256(str(node.folder).encode()).hexdigest()[:12]}"


def obstacles() -> list[str]:
    if unified():
        offered = (ROOT / "cgroup.subtree_control").read_text().split()
        missing = [controller for controller in UNIFIED if controller not in offered]
        where = "/sys/fs/cgroup/cgroup.subtree_control"
    else:
        missing = [controller for controller in CONTROLLERS if not (ROOT / controller).is_dir()]
        where = "/sys/fs/cgroup"
    if missing:
        return [f"Control groups without {', '.join(missing)} in {where}."]
    try:
        probe = hierarchies()[0] / "postern-probe"
        probe.mkdir(exist_ok=True)
        probe.rmdir()
    except OSError as error:
        return [f"No control group can be made: {error}."]
    return []


def hierarchies() -> list[Path]:
    """Every place in which a group of ours is made."""
    if unified():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if path.is_dir() and not path.is_symlink())


def make(node: Node) -> None:
    for hierarchy in hierarchies():
        group = hierarchy / name(node)
        group.mkdir(exist_ok=True)
        if hierarchy.name == "cpuset":
            # A group takes no process until it has processors and memory.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy / file).read_text())
        if unified():
            (group / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in UNIFIED))


def remove(node: Node) -> None:
    """Removes the groups, once their processes have ended."""
    deadline = time.monotonic() + 60
    for hierarchy in hierarchies():
        top = hierarchy / name(node)
        while top.exists():
            # Deepest first. The files in a group go with it.
            for group in [*sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True), top]:
                try:
                    group.rmdir()
                except OSError:
                    pass
            if top.exists():
                if time.monotonic() > deadline:
                    raise SystemExit(f"{top} is still in use: {processes(top)}")
                time.sleep(0.1)


def processes(top: Path) -> str:
    found = [file.read_text().split() for file in top.rglob("cgroup.procs")]
    return f"processes {' '.join(sum(found, []))}"
