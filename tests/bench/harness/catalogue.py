"""The tables with rates: what is sent for each."""

from dataclasses import dataclass

from .traffic import Traffic


@dataclass(frozen=True)
class Table:
    """One table."""

    caption: str
    traffic: Traffic


CATALOGUE = {
    "clear": Table("10 KB messages, 50 sessions, one connection for each message, in clear text", Traffic()),
    "tls": Table("The same over TLS on both sides, one connection and one full handshake for each message", Traffic(tls=True, share=0.3)),
    "tls-reuse": Table("The same over TLS on both sides, 100 messages for each connection", Traffic(tls=True, per_connection=100)),
    "durable": Table("Relays with a queue: 10 KB messages, 50 sessions, one connection for each message, in clear text", Traffic()),
    "durable-1k": Table("The same with messages of 1 KB", Traffic(size=1_024)),
    "durable-1m": Table("The same with messages of 1 MB", Traffic(size=1_048_576, share=0.05)),
}
