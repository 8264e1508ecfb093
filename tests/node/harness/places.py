"""Where things lie and what they are called: addresses, folders, names."""

import os
from pathlib import Path

NODE = Path(__file__).resolve().parent.parent
CHECKOUT = NODE.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postern"

# The network that the nodes and the Internet share. Addresses for documentation (RFC 5737): no real host has them.
NETWORK = "192.0.2.0/24"
GATEWAY = "192.0.2.1"
PREFIX = 24
LOAD_BALANCERS = "192.0.2.100-192.0.2.199"
# Every address of this network belongs to the Internet namespace: clients there bind any of them.
CLIENTS = "203.0.113.0/24"
# Where clients come from that bind none.
CLIENT = "203.0.113.7"
# Who is asked for names outside the cluster, if a test has somebody answer there.
INTERNET_DNS = "203.0.113.53"

POD_RANGE = "10.244.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"

# The first node has the API.
API_ADDRESS = "192.0.2.2"
API = f"https://{API_ADDRESS}:6443"
CONTAINERD = "/run/containerd/containerd.sock"


class Run:
    """The folder of a cluster. All that its nodes write is in here, but for their control groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        # Says that the folder is a cluster's, so that `down` removes nothing else, and how many nodes it has.
        self.mark = self.folder / ".postern-node"
        # Leads to the network namespace that plays the Internet.
        self.internet = self.folder / "internet"
        self.kubeconfig = self.folder / "kubeconfig"
        self.logs = self.folder / "log"
        self.pki = self.folder / "pki"
        self.configuration = self.folder / "etc"
        self.etcd = self.folder / "etcd"
        self.images = self.folder / "images"
        self.programs = self.folder / "bin"
        self.manifests = self.folder / "manifests"

    @property
    def nodes(self) -> list["Node"]:
        return [Node(self, number) for number in range(1, int(self.mark.read_text()) + 1)]

    def lay_out(self, nodes: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # The keeper's own users, Postfix's among them, pass through.
        self.folder.chmod(0o755)
        self.mark.write_text(str(nodes))
        for folder in (self.logs, self.pki, self.configuration, self.images, self.programs, self.manifests):
            folder.mkdir()
        for node in self.nodes:
            for folder in (node.folder, node.configuration, node.state):
                folder.mkdir()

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


class Node:
    """One machine of a cluster, and where it has its things."""

    def __init__(self, run: Run, number: int) -> None:
        self.run = run
        self.number = number
        self.name = f"node-{number}"
        self.address = f"192.0.2.{number + 1}"
        self.pod_range = f"10.244.{number - 1}.0/24"
        self.folder = run.folder / self.name
        # Leads to the first process of its namespaces, as long as that lives.
        self.process = self.folder / "process"
        self.keeper = self.folder / "keeper.json"
        # What the keeper says while it starts, for `up`.
        self.progress = self.folder / "progress"
        self.failure = self.folder / "failure"
        self.configuration = self.folder / "etc"
        # Its disk: what is still there after it was lost.
        self.state = self.folder / "state"

    def log(self, name: str) -> Path:
        return self.run.log(f"{name}.{self.name}")
