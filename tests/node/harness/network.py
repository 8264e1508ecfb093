"""Two networks: the node's and the Internet's, joined by a pair of veth ends. Both are inside the keeper's namespaces."""

from pathlib import Path

from .parts import do
from .places import CLIENT, CLIENTS, GATEWAY, NETWORK, NODE_ADDRESS, PREFIX

INTERNET = Path("/run/netns/internet")


def make() -> None:
    do("ip", "link", "set", "lo", "up")
    do("ip", "netns", "add", INTERNET.name)
    do("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "wan0", "netns", INTERNET.name)
    do("ip", "address", "add", f"{NODE_ADDRESS}/{PREFIX}", "dev", "lan0")
    do("ip", "link", "set", "lan0", "up")
    do("ip", "route", "add", "default", "via", GATEWAY)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for words in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{GATEWAY}/{PREFIX}", "dev", "wan0"),
        ("ip", "link", "set", "wan0", "up"),
        ("ip", "route", "add", "local", CLIENTS, "dev", "lo"),
        # A client that binds no address comes from afar all the same.
        ("ip", "route", "replace", NETWORK, "dev", "wan0", "src", CLIENT),
        # One client opens more connections in a minute than there are usual ports.
        ("sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000"),
    ):
        # Not `ip netns exec`: that mounts another /sys, without control groups.
        do("nsenter", f"--net={INTERNET}", *words)
