"""etcd, the API server, the controllers and the scheduler."""

import json
from pathlib import Path

from .parts import Part, succeeds, wait
from .places import API_ADDRESS, SERVICE_RANGE, Run

# Who did what, without the contents.
AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}

# How many seconds a second node may be silent until it counts as lost, and how many more its pods stay: usually 40 and 300, which no test waits
# for. A kubelet speaks up each second here. A single node keeps the usual, as it can only be lost by mistake.
MISSED = 15
TOLERATED = 5


def start(run: Run) -> Part:
    """Returns the API server, once it is ready."""
    etcd = start_etcd(run)
    api = start_api(run)
    kubectl = [run.programs / "kubectl", "--kubeconfig", run.configuration / "admin.kubeconfig"]
    wait("the API server is ready", lambda: succeeds(*kubectl, "get", "--raw", "/readyz"), etcd, api)
    start_controllers(run)
    start_scheduler(run)
    # Pods can't be made before the controllers made it.
    wait("the default service account exists", lambda: succeeds(*kubectl, "get", "serviceaccount", "default"), api)
    return api


def start_etcd(run: Run) -> Part:
    # Nothing here survives the machine, so nothing need be synced.
    return part(run, "etcd", "--data-dir", run.etcd, "--unsafe-no-fsync", "--log-level=warn", "--listen-peer-urls=http://127.0.0.1:2380")


def start_api(run: Run) -> Part:
    policy = run.configuration / "audit.json"
    policy.write_text(json.dumps(AUDIT))
    pki = run.pki
    flags = {
        "etcd-servers": "http://127.0.0.1:2379",
        "bind-address": "0.0.0.0",
        "advertise-address": API_ADDRESS,
        "service-cluster-ip-range": SERVICE_RANGE,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "kube-apiserver.crt",
        "tls-private-key-file": pki / "kube-apiserver.key",
        "kubelet-client-certificate": pki / "kube-apiserver-kubelet-client.crt",
        "kubelet-client-key": pki / "kube-apiserver-kubelet-client.key",
        # Else it asks DNS for the node's name.
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "audit-policy-file": policy,
        "audit-log-path": run.logs / "audit.log",
    }
    if len(run.nodes) > 1:
        flags |= {"default-not-ready-toleration-seconds": TOLERATED, "default-unreachable-toleration-seconds": TOLERATED}
    return part(run, "kube-apiserver", *words(flags))


def start_controllers(run: Run) -> Part:
    flags = {
        "kubeconfig": run.configuration / "kube-controller-manager.kubeconfig",
        "service-account-private-key-file": run.pki / "service-accounts.key",
        "root-ca-file": run.pki / "ca.crt",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
    }
    if len(run.nodes) > 1:
        flags |= {"node-monitor-period": "1s", "node-monitor-grace-period": f"{MISSED}s"}
    return part(run, "kube-controller-manager", *words(flags))


def start_scheduler(run: Run) -> Part:
    flags = {"kubeconfig": run.configuration / "kube-scheduler.kubeconfig", "leader-elect": "false", "bind-address": "127.0.0.1"}
    return part(run, "kube-scheduler", *words(flags))


def part(run: Run, name: str, *arguments: str | Path) -> Part:
    return Part(name, run.log(name), [run.programs / name, *arguments])


def words(flags: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
