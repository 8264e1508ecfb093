"""What makes a machine a node: containerd, the kubelet, kube-proxy and a bridge for the pods."""

import json
from pathlib import Path

from . import cgroups
from .control_plane import words
from .parts import Part, do, succeeds, wait
from .places import CLUSTER_DOMAIN, CONTAINERD, DNS_SERVICE, NODE_ADDRESS, NODE_NAME, NODE_POD_RANGE, POD_RANGE, Run

PAUSE = "localhost/pause:test"
STORAGE = "ephemeral-storage"
# What pods may ask for together, which is not what they take.
STORAGE_SIZE = "100Gi"


def start(run: Run, api: Part) -> None:
    """Returns when the node is ready."""
    containerd = start_containerd(run)
    for archive in sorted(run.images.iterdir()):
        do("ctr", "--namespace", "k8s.io", "image", "import", archive)
    kubelet = start_kubelet(run)
    proxy = start_proxy(run)
    kubectl = [run.programs / "kubectl", "--kubeconfig", run.configuration / "admin.kubeconfig"]
    is_ready = lambda: succeeds(*kubectl, "wait", "--for=condition=Ready", "--timeout=1s", f"node/{NODE_NAME}")  # noqa: E731
    wait("the node is ready", is_ready, api, containerd, kubelet, proxy)
    promise_storage(kubectl, kubelet)


def promise_storage(kubectl: list[str | Path], kubelet: Part) -> None:
    """A kubelet that does not isolate local storage tells of none, and pods that ask for some would go nowhere. It keeps what others tell."""
    node = ["node", NODE_NAME, "--subresource=status"]
    do(*kubectl, "patch", *node, "--type=merge", "--patch", json.dumps({"status": {"capacity": {STORAGE: STORAGE_SIZE}}}))
    allocatable = ["get", "node", NODE_NAME, "--output", f"jsonpath={{.status.allocatable.{STORAGE}}}"]
    wait("the node has storage", lambda: do(*kubectl, *allocatable) == STORAGE_SIZE, kubelet)


def start_containerd(run: Run) -> Part:
    network = run.configuration / "cni"
    network.mkdir()
    (network / "10-bridge.conflist").write_text(json.dumps(bridge(run)))
    file = run.configuration / "containerd.toml"
    file.write_text(containerd_configuration(run, network))
    containerd = Part(run, "containerd", ["containerd", "--config", file])
    wait("containerd answers", lambda: succeeds("ctr", "version"), containerd)
    return containerd


def bridge(run: Run) -> dict[str, object]:
    """Pods on a bridge of the node; what they send beyond their own range bears the node's address."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": NODE_POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(run.state / "cni"),
    }
    plugins = [
        {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def containerd_configuration(run: Run, network: Path) -> str:
    cri = "plugins.'io.containerd.grpc.v1.cri'"
    return f"""version = 2
root = "{run.state / "containerd"}"
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


def start_kubelet(run: Run) -> Part:
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": str(run.pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": CLUSTER_DOMAIN,
        # Names outside the cluster are the cluster's DNS server's business.
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.name(run)}",
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
    file = run.configuration / "kubelet.json"
    file.write_text(json.dumps(configuration))
    flags = {
        "config": file,
        "kubeconfig": run.configuration / "kubelet.kubeconfig",
        "hostname-override": NODE_NAME,
        "node-ip": NODE_ADDRESS,
        "root-dir": run.state / "kubelet",
        "cert-dir": run.pki / "kubelet",
    }
    return Part(run, "kubelet", [run.programs / "kubelet", *words(flags)])


def start_proxy(run: Run) -> Part:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(run.configuration / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE_NAME,
        # These are the whole machine's too.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    file = run.configuration / "kube-proxy.json"
    file.write_text(json.dumps(configuration))
    return Part(run, "kube-proxy", [run.programs / "kube-proxy", "--config", file])
