"""Whether a relay takes mail yet."""

import socket
from typing import BinaryIO

from .peers import Peer
from .places import Address

GREETED = [b"QUIT"]
# A queue may open later than the port. The message is given up before its content; a relay that queues asks no next hop until then.
QUEUED = [b"EHLO client.example.net", b"MAIL FROM:<sender@client.example.net>", b"RCPT TO:<user@bench.example.com>", b"DATA"]


def takes_mail(peer: Peer) -> bool:
    """Whether each of its relays has greeted; and would queue a message, where that is what it does."""
    words = QUEUED if peer.answers == "queue" else GREETED
    return all(answers(address, words) for address in peer.addresses)


def answers(address: Address, words: list[bytes]) -> bool:
    """Whether the relay greets, and none of these words is refused."""
    try:
        with socket.create_connection(address, timeout=2) as connection, connection.makefile("rwb") as stream:
            if not is_positive(stream):
                return False
            for word in words:
                stream.write(word + b"\r\n")
                stream.flush()
                if not is_positive(stream):
                    return False
            return True
    except OSError:
        return False


def is_positive(stream: BinaryIO) -> bool:
    """Reads one reply."""
    line = stream.readline()
    while line[3:4] == b"-":
        line = stream.readline()
    return line[:1] in (b"2", b"3")
