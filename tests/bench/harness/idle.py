"""What an idle TLS connection costs: the difference in the relay's resident memory."""

import subprocess
from pathlib import Path

from .measure import Laboratory, settle
from .peers import Peer
from .server import Server
from .traffic import LOAD, word


def bytes_each(laboratory: Laboratory, peer: Peer, connections: int) -> float:
    """Opens this many connections, past STARTTLS and EHLO, and holds them."""
    with laboratory.server(peer) as server:
        settle(server)
        before = resident(server)
        command = [LOAD, "hold", word(peer.addresses[0]), "--authority", str(laboratory.certificates / "ca.pem")]
        with subprocess.Popen(
            [*command, "--connections", str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as client:
            held = client.stdout.readline().strip()
            if held != str(connections):
                raise RuntimeError(f"{peer.name} holds {held or 'not'} {connections} connections:\n{server.last_words()}")
            settle(server)
            after = resident(server)
            client.stdin.close()
    return (after - before) / connections


def resident(server: Server) -> int:
    """Resident memory of all the relay's processes, in bytes."""
    return sum(resident_of(process) for process in server.group.processes())


def resident_of(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
