"""The first process of a node's namespaces: starts the node's parts, then buries orphans. With it everything in the namespaces ends."""

import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from .checks import PATH
from .parts import Failure, do
from .places import Node

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


def keep(node: Node, start: Callable[[], None]) -> None:
    """Never returns while the node runs. `start` starts its parts, and returns when they are ready."""
    os.environ["PATH"] = PATH
    os.environ["HOME"] = str(node.state)
    os.environ.pop("KUBECONFIG", None)
    try:
        furnish(node)
        start()
    except Failure as failure:
        give_up(node, str(failure))
    except BaseException:
        give_up(node, traceback.format_exc())
    say(node, READY)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


def furnish(node: Node) -> None:
    """What the parts write outside the node's folder is redirected into it; the mounts are seen in here only."""
    do("hostname", node.name)
    do("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in (Path("/var/lib"), Path("/var/log")):
        inside = node.state / path.name
        inside.mkdir(exist_ok=True)
        do("mount", "--bind", inside, path)
    # The kubelet would set these for the whole machine. It finds what it wants, in files that are only there for it.
    settings = node.state / "settings"
    settings.mkdir(exist_ok=True)
    for name, value in SETTINGS.items():
        file = settings / name.replace("/", ".")
        file.write_text(f"{value}\n")
        do("mount", "--bind", file, f"/proc/sys/{name}")


def say(node: Node, line: str) -> None:
    with node.progress.open("a") as progress:
        progress.write(f"{line}\n")


def give_up(node: Node, why: str) -> None:
    node.failure.write_text(why)
    say(node, FAILED)
    os._exit(1)
