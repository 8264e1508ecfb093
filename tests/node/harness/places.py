"""Where things lie and what they are called: addresses, folders, names."""

import os
from pathlib import Path

NODE = Path(__file__).resolve().parent.parent
CHECKOUT = NODE.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postern"

# The network that the node and the Internet share. Addresses for documentation (RFC 5737): no real host has them.
NETWORK = "192.0.2.0/24"
GATEWAY = "192.0.2.1"
NODE_ADDRESS = "192.0.2.2"
PREFIX = 24
LOAD_BALANCERS = "192.0.2.100-192.0.2.199"
# Every address of this network belongs to the Internet namespace: clients there bind any of them.
CLIENTS = "203.0.113.0/24"
# Where clients come from that bind none.
CLIENT = "203.0.113.7"
# Who is asked for names outside the cluster, if a test has somebody answer there.
INTERNET_DNS = "203.0.113.53"

POD_RANGE = "10.244.0.0/16"
NODE_POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"

NODE_NAME = "node-1"
API = f"https://{NODE_ADDRESS}:6443"
CONTAINERD = "/run/containerd/containerd.sock"


class Run:
    """The folder of one node. All that a node writes is in here, but for its control groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        # Says that the folder is a node's, so that `down` removes nothing else.
        self.mark = self.folder / ".postern-node"
        self.keeper = self.folder / "keeper.json"
        # What the keeper says while it starts, for `up`.
        self.progress = self.folder / "progress"
        self.kubeconfig = self.folder / "kubeconfig"
        self.logs = self.folder / "log"
        self.pki = self.folder / "pki"
        self.configuration = self.folder / "etc"
        self.state = self.folder / "state"
        self.images = self.folder / "images"
        self.programs = self.folder / "bin"
        self.manifests = self.folder / "manifests"

    def lay_out(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # The keeper's own users, Postfix's among them, pass through.
        self.folder.chmod(0o755)
        self.mark.touch()
        for folder in (self.logs, self.pki, self.configuration, self.state, self.images, self.programs, self.manifests):
            folder.mkdir()

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"
