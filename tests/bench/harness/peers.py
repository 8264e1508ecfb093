"""The relays that are compared: a folder each, with a manifest and the files that its root gets."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .places import CACHE, PEERS, RELAY_PORT, TARGET, Address

# The order of the tables.
ORDER = [
    "postern", "postfix-proxy", "exim-cutthrough", "haraka",
    "postern-local", "postern-postgres", "postern-postgres-2", "postern-postgres-4", "postfix", "exim", "opensmtpd",
]  # fmt: skip


# One of each key, so that a peer is equal to itself alone.
@dataclass(frozen=True, eq=False)
class Peer:
    """What a manifest says."""

    key: str
    # The peers whose manifests and files it has too, but for its own, from the first to itself.
    lineage: list[str]
    name: str
    # The tables that it stands in.
    tables: frozenset[str]
    # `pass-through`: the client's 250 is the next hop's. `queue`: the relay's own, before delivery.
    answers: str
    # Whether a queued message is synced to disk before its 250.
    synced: bool
    # Debian packages of the system that it has.
    packages: list[str]
    # Whether all of it runs there, or what works for it alone, such as a database; without packages it runs on this machine as it is.
    chrooted: bool
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
    # Relays that share its queue, each on an address of its own; the sessions are spread over them.
    relays: int
    # The command name of the relay's own processes, where others work for it.
    program: str | None

    @property
    def layers(self) -> list[Path]:
        """Folders whose content its root gets, in this order. A peer that differs in its manifest alone has none."""
        folders = [PEERS / layer / "root" for layer in ["common", *self.lineage]]
        return [folder for folder in folders if folder.exists()]

    @property
    def is_chrooted(self) -> bool:
        return bool(self.packages) and self.chrooted

    @property
    def system(self) -> Path:
        """The Debian system of its packages."""
        return CACHE / "roots" / "+".join(self.packages)

    @property
    def root(self) -> Path:
        """Its file system, or the folder that it runs from."""
        return self.system if self.is_chrooted else CACHE / "run" / self.key

    @property
    def addresses(self) -> list[Address]:
        """Where mail is sent to."""
        return [(f"127.0.0.{number}", RELAY_PORT) for number in range(1, self.relays + 1)]

    @property
    def label(self) -> str:
        """What its 250 means."""
        if self.answers == "pass-through":
            return "the next hop has it"
        return "queued, synced" if self.synced else "queued, not synced"

    def command(self, words: list[str]) -> list[str]:
        """A command of the manifest with its places filled in."""
        return [word.format(root=self.root, system=self.system, relays=self.relays, cache=CACHE, target=TARGET) for word in words]


def names() -> list[str]:
    """Every peer, in the order of the tables."""
    return ORDER


@cache
def load(key: str) -> Peer:
    """Reads a manifest over those of its bases."""
    defaults = {
        "lineage": [], "synced": False, "packages": [], "chrooted": True, "key_mode": 0o600, "sessions": None, "relays": 1, "program": None,
    }  # fmt: skip
    words = defaults | read(key)
    return Peer(key=key, tables=frozenset(words.pop("tables")), **words)


def read(key: str) -> dict:
    """A manifest's words over those of its base, and whose words they are."""
    own = tomllib.loads((PEERS / key / "peer.toml").read_text())
    base = read(own.pop("base")) if "base" in own else {"lineage": []}
    return base | own | {"lineage": [*base["lineage"], key]}
