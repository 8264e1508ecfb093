"""Certificates of the cluster and of the mail server behind the relay, and who may do what at the API."""

import base64
import json
import subprocess
from pathlib import Path

from .places import API, API_ADDRESS, API_SERVICE, CLUSTER_DOMAIN, Run

DAYS = "30"
# File name and subject; the groups are those that Kubernetes' own roles are bound to.
IDENTITIES = {
    "admin": "/O=system:masters/CN=admin",
    "kube-apiserver-kubelet-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
}


def make(run: Run, port: int) -> None:
    """Makes the keys, the certificates and a kubeconfig for each identity. `port` of loopback leads to the API from outside."""
    authority(run.pki, "ca", "/CN=postern-test-cluster")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}", "localhost"]
    issue(run.pki, "kube-apiserver", "/CN=kube-apiserver", names, [API_SERVICE, API_ADDRESS, "127.0.0.1"])
    key(run.pki / "service-accounts.key")
    openssl("pkey", "-in", run.pki / "service-accounts.key", "-pubout", "-out", run.pki / "service-accounts.pub")
    kubelets = {f"kubelet-{node.name}": f"/O=system:nodes/CN=system:node:{node.name}" for node in run.nodes}
    for name, subject in (IDENTITIES | kubelets).items():
        issue(run.pki, name, subject)
        kubeconfig(run.configuration / f"{name}.kubeconfig", run.pki, name, API)
    kubeconfig(run.kubeconfig, run.pki, "admin", f"https://127.0.0.1:{port}")


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def key(path: Path) -> None:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def authority(folder: Path, name: str, subject: str) -> None:
    key(folder / f"{name}.key")
    openssl("req", "-x509", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-days", DAYS, "-out", folder / f"{name}.crt")


def issue(folder: Path, name: str, subject: str, names: list[str] | None = None, addresses: list[str] | None = None) -> None:
    """A certificate of `ca` for a server and a client."""
    alternatives = [f"DNS:{value}" for value in names or []] + [f"IP:{value}" for value in addresses or []]
    extensions = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth"]
    if alternatives:
        extensions.append(f"subjectAltName={','.join(alternatives)}")
    words = sum((["-addext", extension] for extension in extensions), [])
    key(folder / f"{name}.key")
    openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, *words, "-out", folder / f"{name}.csr")
    signer = ["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-copy_extensions", "copy", "-days", DAYS]
    openssl("x509", "-req", "-in", folder / f"{name}.csr", *signer, "-out", folder / f"{name}.crt")


def kubeconfig(path: Path, folder: Path, name: str, server: str) -> None:
    """Whole in one file, so that it can be copied."""

    def data(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "postern", "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}],
        "users": [{"name": name, "user": {"client-certificate-data": data(f"{name}.crt"), "client-key-data": data(f"{name}.key")}}],
        "contexts": [{"name": "postern", "context": {"cluster": "postern", "user": name}}],
        "current-context": "postern",
    }
    path.touch(0o600)
    path.write_text(json.dumps(content))
