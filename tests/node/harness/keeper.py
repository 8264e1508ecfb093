"""The first process of the node's namespaces: starts all parts, then buries orphans. With it everything in the namespaces ends."""

import os
import sys
import time
import traceback
from pathlib import Path

from . import addons, cgroups, control_plane, network, worker
from .checks import PATH
from .parts import Failure, Part, do
from .places import Run

READY = "ready"
FAILED = "failed"
# What the kubelet wants of the machine.
SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


def main(folder: str, listener: int) -> None:
    """Never returns while the node runs. `listener` is a socket outside that is to lead to the API."""
    run = Run(Path(folder))
    os.environ["PATH"] = PATH
    os.environ["HOME"] = str(run.state)
    os.environ.pop("KUBECONFIG", None)
    try:
        start(run, listener)
    except Failure as failure:
        give_up(run, str(failure))
    except BaseException:
        give_up(run, traceback.format_exc())
    say(run, READY)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


def start(run: Run, listener: int) -> None:
    furnish(run)
    network.make()
    cgroups.make(run)
    say(run, "etcd, kube-apiserver")
    api = control_plane.start(run)
    Part(run, "forward", [sys.executable, "-m", "harness.forward", str(listener)], (listener,))
    say(run, "containerd, kubelet, kube-proxy")
    worker.start(run, api)
    say(run, "CoreDNS, MetalLB")
    addons.apply(run)


def furnish(run: Run) -> None:
    """What the parts write outside the run folder is redirected into it; the mounts are seen in here only."""
    do("hostname", "node-1")
    do("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in (Path("/var/lib"), Path("/var/log")):
        inside = run.state / path.name
        inside.mkdir()
        do("mount", "--bind", inside, path)
    # The kubelet would set these for the whole machine. It finds what it wants, in files that are only there for it.
    settings = run.state / "settings"
    settings.mkdir()
    for name, value in SETTINGS.items():
        file = settings / name.replace("/", ".")
        file.write_text(f"{value}\n")
        do("mount", "--bind", file, f"/proc/sys/{name}")


def say(run: Run, line: str) -> None:
    with run.progress.open("a") as progress:
        progress.write(f"{line}\n")


def give_up(run: Run, why: str) -> None:
    (run.folder / "failure").write_text(why)
    say(run, FAILED)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
