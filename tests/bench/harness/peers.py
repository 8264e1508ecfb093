"""The relays that are compared: a folder each, with a manifest and the files that its root gets."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .places import CACHE, PEERS, TARGET

# The order of the tables.
ORDER = ["postern", "postfix-proxy", "exim-cutthrough", "haraka", "postfix", "exim", "opensmtpd"]


# One of each key, so that a peer is equal to itself alone.
@dataclass(frozen=True, eq=False)
class Peer:
    """What a manifest says."""

    key: str
    # The peer whose root and files it has too, but for its own; itself when it stands alone.
    base: str
    name: str
    # `pass-through`: the client's 250 is the next hop's. `queue`: the relay's own, before delivery.
    answers: str
    # Whether a queued message is synced to disk before its 250.
    synced: bool
    # Debian packages of its root; without any it runs on this machine as it is.
    packages: list[str]
    # Prints its version.
    version: list[str]
    # Runs it in the foreground.
    start: list[str]
    # Where below its root it finds tls.crt, tls.key and ca.pem.
    certificates: str
    key_mode: int
    # Messages of a full run: some four seconds' worth.
    messages: int
    # Connections at once, where it can't take as many as the others.
    sessions: int | None
    # Whether it can do TLS on both sides.
    tls: bool
    # Whether it holds idle connections in one process for each core or fewer, so that they can be counted by the thousand.
    idle: bool
    # Folders whose content its root gets, in this order.
    layers: list[Path]

    @property
    def is_chrooted(self) -> bool:
        return bool(self.packages)

    @property
    def root(self) -> Path:
        """Its file system, or the folder that it runs from."""
        return CACHE / "roots" / self.base if self.is_chrooted else CACHE / "run" / self.key

    @property
    def label(self) -> str:
        """What its 250 means."""
        if self.answers == "pass-through":
            return "the next hop has it"
        return "queued, synced" if self.synced else "queued, not synced"

    def command(self, words: list[str]) -> list[str]:
        """A command of the manifest with its places filled in."""
        return [word.format(root=self.root, cache=CACHE, target=TARGET) for word in words]


def names() -> list[str]:
    """Every peer, in the order of the tables."""
    return ORDER


@cache
def load(key: str) -> Peer:
    """Reads a manifest over that of its base."""
    own = read(key)
    base = own.pop("base", key)
    layers = [PEERS / layer / "root" for layer in dict.fromkeys(["common", base, key])]
    defaults = {"synced": False, "packages": [], "key_mode": 0o600, "sessions": None, "tls": True, "idle": False}
    return Peer(key=key, base=base, layers=layers, **(defaults | read(base) | own))


def read(key: str) -> dict:
    return tomllib.loads((PEERS / key / "peer.toml").read_text())
