"""One measurement: mail through one relay, from the first connection until the sink has the last message."""

import socket
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .peers import Peer
from .places import SINK, Address
from .server import Server
from .traffic import Sink, Source, Traffic

# Sent before the clock starts: processes are forked, pools are filled.
WARM_UP_SHARE = 0.1
# Straight from source to sink.
DIRECT_MESSAGES = 20_000
SAMPLE_EVERY = 0.05


@dataclass(frozen=True)
class Measurement:
    """What one run gave. Without a relay only messages and seconds are known."""

    messages: int
    seconds: float
    # CPU of all the relay's processes, in seconds.
    cpu: float | None = None
    # That of the relay itself, where others work for it.
    own_cpu: float | None = None
    # Largest sum of their anonymous memory, in bytes.
    memory: int | None = None

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    def record(self) -> dict:
        return asdict(self) | {"rate": self.rate}


class Laboratory:
    """What all measurements share."""

    def __init__(self, certificates: Path, logs: Path, share: float) -> None:
        self.certificates = certificates
        self.logs = logs
        self.share = share
        logs.mkdir(parents=True, exist_ok=True)

    def server(self, peer: Peer) -> Server:
        return Server(peer, self.certificates, self.logs / f"{peer.key}.log")

    def sink(self, traffic: Traffic) -> Sink:
        return Sink(traffic, self.certificates, self.logs / "sink.out")

    def source(self, traffic: Traffic, targets: list[Address], messages: int) -> Source:
        return Source(traffic, targets, messages, self.certificates)

    def count(self, messages: int, traffic: Traffic) -> int:
        """A full run's count, less for slow traffic and for a quick bench."""
        return max(100, round(messages * traffic.share * self.share))

    def direct(self, traffic: Traffic) -> Measurement:
        """Measures without a relay: the ceiling."""
        messages = self.count(DIRECT_MESSAGES, traffic)
        with self.sink(traffic) as sink:
            settle_sink(sink)
            started = time.monotonic()
            source = self.source(traffic, [SINK], messages)
            sink.wait_for(messages, source.check)
            seconds = time.monotonic() - started
            source.finish()
        return Measurement(messages, seconds)

    def relayed(self, peer: Peer, traffic: Traffic) -> Measurement:
        """Measures through a relay that is started for it."""
        traffic = fitted(traffic, peer)
        messages = self.count(peer.messages, traffic)
        with ExitStack() as stack:
            sink = stack.enter_context(self.sink(traffic))
            server = stack.enter_context(self.server(peer))
            warm_up = self.warm_up(peer, traffic, sink, server)
            memory = Peak(server)
            used, own_used, started = server.group.cpu.seconds(), server.own_cpu(), time.monotonic()
            source = self.source(traffic, peer.addresses, messages)

            def watch() -> None:
                source.check()
                memory.sample()

            sink.wait_for(warm_up + messages, watch)
            seconds = time.monotonic() - started
            source.finish()
            settle(server)
            cpu, own_cpu = server.group.cpu.seconds() - used, server.own_cpu() - own_used
            account(sink, traffic, warm_up + messages)
        return Measurement(messages, seconds, cpu, own_cpu if peer.program else None, memory.most)

    def warm_up(self, peer: Peer, traffic: Traffic, sink: Sink, server: Server) -> int:
        """Sends some mail that is not measured; returns how much."""
        messages = max(2 * fitted(traffic, peer).sessions, round(self.count(peer.messages, traffic) * WARM_UP_SHARE))
        source = self.source(traffic, peer.addresses, messages)
        sink.wait_for(messages, source.check)
        source.finish()
        settle(server)
        return messages


def fitted(traffic: Traffic, peer: Peer) -> Traffic:
    """The traffic with as many sessions as the peer can take."""
    return replace(traffic, sessions=peer.sessions) if peer.sessions else traffic


class Peak:
    """The largest memory that was seen."""

    def __init__(self, server: Server) -> None:
        self.memory = server.group.memory
        self.most = None
        self.next = 0.0

    def sample(self) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + SAMPLE_EVERY
        used = self.memory.anonymous()
        if used is not None:
            self.most = max(used, self.most or 0)


def settle(server: Server) -> None:
    """Until the relay has nothing left to do: less than 2 % of a core for a quarter of a second."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        used = server.group.cpu.seconds()
        time.sleep(0.25)
        if server.group.cpu.seconds() - used < 0.005:
            return


def settle_sink(sink: Sink) -> None:
    """Until the sink listens; it has no other sign of it than a port that takes connections."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(SINK) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the sink does not listen")


def account(sink: Sink, traffic: Traffic, sent: int) -> None:
    """Fails unless the sink has every message once, over the link that was asked for."""
    arrived = sink.messages()
    if arrived != sent:
        raise RuntimeError(f"{sent} messages were sent, {arrived} arrived")
    if traffic.tls and (encrypted := sink.tally()["tls_messages"]) != sent:
        raise RuntimeError(f"{sent} messages were sent, {encrypted} arrived over TLS")
