"""What a relay's processes use, all of them together, by control group: version 1 and 2."""

import os
import signal
import time
from pathlib import Path

GROUP = "postern-bench"


class Group:
    """A control group of one relay. Processes join it before they become the relay, so that every child is in it."""

    def __init__(self, name: str) -> None:
        self.cpu, self.memory = hierarchies(name)
        for folder in self.folders():
            folder.mkdir(parents=True, exist_ok=True)

    def folders(self) -> set[Path]:
        return {folder for folder in (self.cpu.folder, self.memory.folder) if folder is not None}

    def join(self) -> None:
        """Moves the calling process in."""
        for folder in self.folders():
            (folder / "cgroup.procs").write_text("0")

    def processes(self) -> list[int]:
        """Those that live; zombies are not among them."""
        return [int(line) for line in (self.cpu.folder / "cgroup.procs").read_text().split()]

    def end(self) -> None:
        """Kills what is left and removes the group."""
        deadline = time.monotonic() + 10
        while self.processes():
            for process in self.processes():
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.cpu.folder} can't be emptied")
            time.sleep(0.02)
        for folder in self.folders():
            folder.rmdir()


class CpuV1:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seconds(self) -> float:
        return int((self.folder / "cpuacct.usage").read_text()) / 1e9


class CpuV2:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seconds(self) -> float:
        return table(self.folder / "cpu.stat")["usage_usec"] / 1e6


class MemoryV1:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def anonymous(self) -> int:
        statistics = table(self.folder / "memory.stat")
        return statistics["total_rss"] + statistics["total_shmem"]


class MemoryV2:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def anonymous(self) -> int:
        statistics = table(self.folder / "memory.stat")
        return statistics["anon"] + statistics["shmem"]


class MemoryUnknown:
    """Where the memory controller can't be had: a container that may not delegate it."""

    folder = None

    def anonymous(self) -> None:
        return None


def hierarchies(name: str) -> tuple[CpuV1 | CpuV2, MemoryV1 | MemoryV2 | MemoryUnknown]:
    """Where this machine counts CPU and memory for a group of this name."""
    own = own_paths(Path("/proc/self/cgroup").read_text())
    mounts = mount_points(Path("/proc/self/mounts").read_text())
    v2 = mounts["cgroup2"] / own[""] / GROUP / name if "cgroup2" in mounts else None
    if "cpuacct" in mounts:
        cpu = CpuV1(mounts["cpuacct"] / own["cpuacct"] / GROUP / name)
    elif v2 is not None:
        cpu = CpuV2(v2)
    else:
        raise SystemExit("bench: no control groups are mounted here; CPU time can't be counted")
    if "memory" in mounts:
        return cpu, MemoryV1(mounts["memory"] / own["memory"] / GROUP / name)
    return cpu, MemoryV2(v2) if v2 is not None and delegate_memory(v2.parent) else MemoryUnknown()


def delegate_memory(parent: Path) -> bool:
    """Asks version 2 to count memory below `parent`; processes in a group on the way forbid it."""
    parent.mkdir(parents=True, exist_ok=True)
    try:
        for folder in (parent.parent, parent):
            (folder / "cgroup.subtree_control").write_text("+memory")
    except OSError:
        return False
    return True


def own_paths(text: str) -> dict[str, str]:
    """This process's group in each hierarchy, relative; version 2 is called by the empty word."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path.lstrip("/")
    return paths


def mount_points(text: str) -> dict[str, Path]:
    """Where each controller of version 1 is mounted, and `cgroup2`."""
    points = {}
    for line in text.splitlines():
        _, folder, kind, options, *_ = line.split(" ")
        if kind == "cgroup":
            points |= {option: Path(folder) for option in options.split(",")}
        elif kind == "cgroup2":
            points["cgroup2"] = Path(folder)
    return points


def table(file: Path) -> dict[str, int]:
    """A file of names and numbers."""
    return {name: int(number) for name, number in (line.split() for line in file.read_text().splitlines())}


def remove_all() -> None:
    """Removes what a bench that was killed left behind."""
    cpu, memory = hierarchies("x")
    for folder in {folder.parent for folder in (cpu.folder, memory.folder) if folder is not None}:
        for group in [*folder.glob("*/"), folder]:
            try:
                group.rmdir()
            except OSError:
                pass
