"""Proof that a relay changes no body, loses no message and makes no second one."""

from contextlib import ExitStack

from .measure import Laboratory, fitted, settle
from .peers import Peer
from .places import RELAY_PORT
from .traffic import Traffic

MESSAGES = 500


def bodies(laboratory: Laboratory, peer: Peer) -> int:
    """Sends messages with bodies of their own and has each checked at the sink; returns how many. Fails when one is not whole."""
    traffic = fitted(Traffic(proven=True), peer)
    messages = laboratory.count(MESSAGES, traffic)
    with ExitStack() as stack:
        sink = stack.enter_context(laboratory.sink(traffic))
        server = stack.enter_context(laboratory.server(peer))
        source = laboratory.source(traffic, RELAY_PORT, messages)
        sink.wait_for(messages, source.check)
        source.finish()
        settle(server)
        tally = sink.tally()
    if (tally["messages"], tally["distinct"], tally["corrupt"]) != (messages, messages, 0):
        raise RuntimeError(f"{peer.name}: {messages} messages were sent, the sink says {tally}")
    return messages
