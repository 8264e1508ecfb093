"""The programs that tests/tool builds."""

import json
import os
import subprocess
from pathlib import Path

from .places import CACHE, CHECKOUT

TOOL = CHECKOUT / "tests" / "tool"
MODULES = CHECKOUT / "tests" / "tools"
NAMES = (
    "etcd",
    "kube-apiserver",
    "kubectl",
    "helm",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "metallb-controller",
    "metallb-speaker",
)


def all_built() -> bool:
    """Whether each is in the cache, in whatever version."""
    return all(any((CACHE / "tools").glob(f"{name}-*/bin/{name}")) for name in NAMES)


def paths() -> dict[str, Path]:
    """Where each program is; those that are missing are built first."""
    output = subprocess.run([TOOL, *NAMES], stdout=subprocess.PIPE, check=True, text=True).stdout
    return dict(zip(NAMES, map(Path, output.split()), strict=True))


def sources(folder: str, module: str) -> Path:
    """The sources of a module that a tool is built from."""
    command = ["go", "mod", "download", "-json", module]
    environment = os.environ | {"GOWORK": "off"}
    output = subprocess.run(command, cwd=MODULES / folder, stdout=subprocess.PIPE, check=True, text=True, env=environment).stdout
    return Path(json.loads(output)["Dir"])
