"""Whether this machine can run a node, and why not."""

import os
import shutil
import subprocess
from pathlib import Path

from . import cgroups, tools

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What `tests/setup node` installs, and what a plain Debian has.
COMMANDS = ("containerd", "ctr", "runc", "iptables", "conntrack", "ipset", "ip", "buildah", "openssl", "unshare", "nsenter", "cc")
CNI_PLUGINS = Path("/usr/lib/cni")
NAMESPACES = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]


def obstacles() -> list[str]:
    """What stands in the way, one sentence each; nothing when a node can run."""
    if os.geteuid() != 0:
        return ["Only root can run a node: it makes namespaces, control groups and mounts."]
    missing = [command for command in COMMANDS if shutil.which(command, path=PATH) is None]
    if not (CNI_PLUGINS / "bridge").exists():
        missing.append(str(CNI_PLUGINS / "bridge"))
    found = []
    if missing:
        found.append(f"Missing: {', '.join(missing)}. `tests/setup node` installs them.")
    if shutil.which("go") is None and not tools.all_built():
        found.append("Missing: Go 1.26 or later, which Kubernetes is built with.")
    if not fails_to(["true"]) and fails_to(["ip", "link", "add", "here", "type", "veth", "peer", "name", "there"]):
        found.append("The kernel has no veth pairs.")
    if fails_to(["true"]):
        found.append("This root may not make namespaces (network, mount and process).")
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        found.append("The kernel has no overlay file system, which containers stand on.")
    found.extend(cgroups.obstacles())
    return found


def fails_to(command: list[str]) -> bool:
    """Whether a command fails in namespaces like the node's."""
    try:
        run = subprocess.run([*NAMESPACES, *command], capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | {"PATH": PATH}, check=False)
    except FileNotFoundError:
        return True
    return run.returncode != 0
