"""The network that the nodes share with the Internet: a switch in the Internet's namespace, with a wire to each node."""

from pathlib import Path

from .parts import do, succeeds
from .places import CLIENT, CLIENTS, GATEWAY, NETWORK, POD_RANGE, PREFIX, Node

INTERNET = Path("/run/netns/internet")
# The switch, which is the Internet's own interface too.
SWITCH = "wan0"


def make_internet() -> None:
    do("ip", "netns", "add", INTERNET.name)
    for words in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "link", "add", SWITCH, "type", "bridge"),
        ("ip", "address", "add", f"{GATEWAY}/{PREFIX}", "dev", SWITCH),
        ("ip", "link", "set", SWITCH, "up"),
        ("ip", "route", "add", "local", CLIENTS, "dev", "lo"),
        # A client that binds no address comes from afar all the same.
        ("ip", "route", "replace", NETWORK, "dev", SWITCH, "src", CLIENT),
        # One client opens more connections in a minute than there are usual ports.
        ("sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000"),
    ):
        do(*there(INTERNET), *words)


def join(node: Node, internet: Path) -> None:
    """Called by the first process of the node's namespaces."""
    do("ip", "link", "set", "lo", "up")
    do(*there(internet), "ip", "link", "add", node.name, "type", "veth", "peer", "name", "lan0", "netns", "1")
    do(*there(internet), "ip", "link", "set", node.name, "master", SWITCH, "up")
    do("ip", "address", "add", f"{node.address}/{PREFIX}", "dev", "lan0")
    do("ip", "link", "set", "lan0", "up")
    do("ip", "route", "add", "default", "via", GATEWAY)
    for other in node.run.nodes:
        if other.number != node.number:
            do("ip", "route", "add", other.pod_range, "via", other.address)
    # What pods send beyond the pods of all nodes bears the node's address.
    do("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", node.pod_range, "!", "-d", POD_RANGE, "-j", "MASQUERADE")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def cut(node: Node) -> None:
    """Takes the wire away. Called from outside of all namespaces."""
    words = (*there(node.run.internet), "ip", "link")
    if succeeds(*words, "show", node.name):
        do(*words, "delete", node.name)


def there(internet: Path) -> tuple[str, ...]:
    """Not `ip netns exec`: that mounts another /sys, without control groups."""
    return ("nsenter", f"--net={internet}")
