"""Proof that a relay changes no body, loses no message and makes no second one."""

from .measure import Laboratory, fitted, settle
from .peers import Peer
from .traffic import Traffic

MESSAGES = 500
# Of large messages fewer are enough.
BYTES = 100 << 20


def bodies(laboratory: Laboratory, peer: Peer, size: int) -> int:
    """Sends messages with bodies of their own and has each checked at the sink; returns how many. Fails when one is not whole."""
    traffic = fitted(Traffic(proven=True, size=size), peer)
    messages = laboratory.count(min(MESSAGES, BYTES // size), traffic)
    with laboratory.sink(traffic) as sink, laboratory.server(peer) as server:
        source = laboratory.source(traffic, peer.addresses, messages)
        sink.wait_for(messages, source.check)
        source.finish()
        settle(server)
        tally = sink.tally()
    if (tally["messages"], tally["distinct"], tally["corrupt"]) != (messages, messages, 0):
        raise RuntimeError(f"{peer.name}: {messages} messages were sent, the sink says {tally}")
    return messages
