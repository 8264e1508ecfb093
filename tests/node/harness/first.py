"""The keeper of the first node: it has the API, and the Internet."""

import sys
from pathlib import Path

from . import addons, cgroups, control_plane, network, worker
from .keeper import keep, say
from .parts import Part
from .places import Node, Run


def start(node: Node, listener: int) -> None:
    """`listener` is a socket outside that is to lead to the API."""
    run = node.run
    network.make_internet()
    network.join(node, network.INTERNET)
    cgroups.make(node)
    say(node, "etcd, kube-apiserver")
    api = control_plane.start(run)
    Part("forward", run.log("forward"), [sys.executable, "-m", "harness.forward", str(listener)], (listener,))
    say(node, "containerd, kubelet, kube-proxy")
    worker.start(node, api)
    say(node, "CoreDNS, MetalLB")
    addons.apply(run)


if __name__ == "__main__":
    first = Run(Path(sys.argv[1])).nodes[0]
    keep(first, lambda: start(first, int(sys.argv[2])))
