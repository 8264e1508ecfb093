"""The keeper of the second node: it has what pods need, and no more."""

import sys
from pathlib import Path

from . import addons, cgroups, network, worker
from .keeper import keep, say
from .places import Node, Run


def start(node: Node, internet: int) -> None:
    """`internet` is the Internet's namespace, opened outside."""
    network.join(node, Path(f"/proc/1/fd/{internet}"))
    cgroups.make(node)
    say(node, "containerd, kubelet, kube-proxy")
    worker.start(node)
    say(node, "MetalLB")
    addons.spread(node.run)


if __name__ == "__main__":
    second = Run(Path(sys.argv[1])).nodes[1]
    keep(second, lambda: start(second, int(sys.argv[2])))
