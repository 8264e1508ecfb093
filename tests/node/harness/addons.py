"""What runs as pods from the start: CoreDNS and MetalLB."""

import shutil

from . import tools
from .parts import do
from .places import CLUSTER_DOMAIN, DNS_SERVICE, INTERNET_DNS, LOAD_BALANCERS, NODE, Run

METALLB = "go.universe.tf/metallb"


def prepare(run: Run) -> None:
    """Writes the manifests. MetalLB's are those of its module, changed by a kustomization."""
    text = (NODE / "manifests" / "coredns.yaml").read_text()
    for name, value in {"DNS_SERVICE": DNS_SERVICE, "CLUSTER_DOMAIN": CLUSTER_DOMAIN, "INTERNET_DNS": INTERNET_DNS}.items():
        text = text.replace(name, value)
    (run.manifests / "coredns.yaml").write_text(text)
    metallb = run.manifests / "metallb"
    shutil.copytree(NODE / "manifests" / "metallb", metallb)
    # Files of the module cache are read-only.
    shutil.copytree(tools.sources("metallb", METALLB) / "config", metallb / "config", copy_function=shutil.copyfile)
    pool = metallb / "pool.yaml"
    pool.write_text(pool.read_text().replace("LOAD_BALANCERS", LOAD_BALANCERS))


def apply(run: Run) -> None:
    """Returns when all of it is ready."""
    kubectl = [run.programs / "kubectl", "--kubeconfig", run.configuration / "admin.kubeconfig"]
    do(*kubectl, "apply", "--filename", run.manifests / "coredns.yaml")
    do(*kubectl, "apply", "--kustomize", run.manifests / "metallb")
    do(*kubectl, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    do(*kubectl, "apply", "--filename", run.manifests / "metallb" / "pool.yaml")
    for workload in ("deployment/coredns --namespace kube-system", "deployment/controller --namespace metallb-system"):
        do(*kubectl, "rollout", "status", "--timeout=300s", *workload.split())
    spread(run)


def spread(run: Run) -> None:
    """Returns when MetalLB answers on each node that there is."""
    kubectl = [run.programs / "kubectl", "--kubeconfig", run.configuration / "admin.kubeconfig"]
    do(*kubectl, "rollout", "status", "--timeout=300s", "daemonset/speaker", "--namespace", "metallb-system")
