"""What makes a machine a node: containerd, the kubelet, kube-proxy and a bridge for the pods."""

import json
import time
from pathlib import Path

from . import cgroups
from .control_plane import words
from .parts import Part, do, succeeds, wait
from .places import CLUSTER_DOMAIN, CONTAINERD, DNS_SERVICE, POD_RANGE, Node

PAUSE = "localhost/pause:test"
STORAGE = "ephemeral-storage"
# What pods may ask for together, which is not what they take.
STORAGE_SIZE = "100Gi"


def start(node: Node, *others: Part) -> None:
    """Returns when the node is ready, which it may be in vain to wait for when one of `others` has ended."""
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    containerd = start_containerd(node)
    load_images(node)
    kubelet = start_kubelet(node)
    proxy = start_proxy(node)
    kubectl = [node.run.programs / "kubectl", "--kubeconfig", node.run.configuration / "admin.kubeconfig"]
    wait("the node is ready", lambda: is_ready(kubectl, node, began), *others, containerd, kubelet, proxy)
    promise_storage(kubectl, node, kubelet)
    # As the controllers would, but in no other order than ours.
    spec = {"podCIDR": node.pod_range, "podCIDRs": [node.pod_range]}
    do(*kubectl, "patch", "node", node.name, "--type=merge", "--patch", json.dumps({"spec": spec}))


def is_ready(kubectl: list[str | Path], node: Node, began: str) -> bool:
    """What the kubelet said before the node was lost is no news."""
    condition = "{range .status.conditions[?(@.type=='Ready')]}{.status} {.lastHeartbeatTime}{end}"
    status, _, heard = do(*kubectl, "get", "node", node.name, "--ignore-not-found", "--output", f"jsonpath={condition}").partition(" ")
    return status == "True" and heard > began


def load_images(node: Node) -> None:
    """Those that are not on the node's disk from an earlier life."""
    known = do("ctr", "--namespace", "k8s.io", "image", "list", "--quiet").split()
    for archive in sorted(node.run.images.iterdir()):
        if f"localhost/{archive.stem}:test" not in known:
            do("ctr", "--namespace", "k8s.io", "image", "import", archive)


def promise_storage(kubectl: list[str | Path], node: Node, kubelet: Part) -> None:
    """A kubelet that does not isolate local storage tells of none, and pods that ask for some would go nowhere. It keeps what others tell."""
    status = {"status": {"capacity": {STORAGE: STORAGE_SIZE}}}
    do(*kubectl, "patch", "node", node.name, "--subresource=status", "--type=merge", "--patch", json.dumps(status))
    allocatable = ["get", "node", node.name, "--output", f"jsonpath={{.status.allocatable.{STORAGE}}}"]
    wait("the node has storage", lambda: do(*kubectl, *allocatable) == STORAGE_SIZE, kubelet)


def start_containerd(node: Node) -> Part:
    network = node.configuration / "cni"
    network.mkdir(exist_ok=True)
    (network / "10-bridge.conflist").write_text(json.dumps(bridge(node)))
    file = node.configuration / "containerd.toml"
    file.write_text(containerd_configuration(node, network))
    containerd = Part("containerd", node.log("containerd"), ["containerd", "--config", file])
    wait("containerd answers", lambda: succeeds("ctr", "version"), containerd)
    return containerd


def bridge(node: Node) -> dict[str, object]:
    """Pods on a bridge of the node."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": node.pod_range}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(node.state / "cni"),
    }
    plugins = [
        {"type": "bridge", "bridge": "pods0", "isGateway": True, "hairpinMode": True, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def containerd_configuration(node: Node, network: Path) -> str:
    cri = "plugins.'io.containerd.grpc.v1.cri'"
    return f"""version = 2
root = "{node.state / "containerd"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
address = "{CONTAINERD}"

[{cri}]
sandbox_image = "{PAUSE}"
# Without CAP_SYS_RESOURCE no score can be lowered.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[{cri}.containerd]
snapshotter = "overlayfs"

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{network}"
"""


def start_kubelet(node: Node) -> Part:
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": str(node.run.pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": CLUSTER_DOMAIN,
        # Names outside the cluster are the cluster's DNS server's business.
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.name(node)}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "nodeStatusUpdateFrequency": "1s",
        "failSwapOn": False,
        # It lacks CAP_SYS_RESOURCE, and may not set what is the whole machine's.
        "featureGates": {"KubeletInUserNamespace": True},
        # However full the machine's disk is, pods stay, and so do images.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
    }
    file = node.configuration / "kubelet.json"
    file.write_text(json.dumps(configuration))
    flags = {
        "config": file,
        "kubeconfig": node.run.configuration / f"kubelet-{node.name}.kubeconfig",
        "hostname-override": node.name,
        "node-ip": node.address,
        "root-dir": node.state / "kubelet",
        "cert-dir": node.state / "kubelet-pki",
    }
    return Part("kubelet", node.log("kubelet"), [node.run.programs / "kubelet", *words(flags)])


def start_proxy(node: Node) -> Part:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(node.run.configuration / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": node.name,
        # These are the whole machine's too.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    file = node.configuration / "kube-proxy.json"
    file.write_text(json.dumps(configuration))
    return Part("kube-proxy", node.log("kube-proxy"), [node.run.programs / "kube-proxy", "--config", file])
