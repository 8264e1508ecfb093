"""Mail that flows: who sends it, who takes it, and how many have arrived."""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from . import peers
from .places import RELEASE, SINK, Address
from .prepare import TOOLS

# Without a message that arrives.
STALLED_AFTER = 60
LOAD = str(RELEASE / "load")


@dataclass(frozen=True)
class Traffic:
    """One way to send."""

    tls: bool = False
    sessions: int = 50
    per_connection: int = 1
    # Bytes of a body.
    size: int = 10_240
    # Every message its own body, whose digest the sink checks.
    proven: bool = False
    # Of a full run's count: a message with a handshake of its own, or a large one, takes so much longer.
    share: float = 1.0

    @property
    def is_classic(self) -> bool:
        """Whether Postfix's tools can do it."""
        return not self.tls and not self.proven and self.per_connection == 1

    def source(self, target: Address, numbers: range, certificates: Path) -> list[str]:
        """The command that sends."""
        if self.is_classic:
            return [
                *tool("smtp-source"), "-s", str(self.sessions), "-m", str(len(numbers)), "-l", str(self.size), "-M", "client.example.net",
                "-f", "sender@client.example.net", "-t", "user@bench.example.com", word(target),
            ]  # fmt: skip
        options = ["--sessions", str(self.sessions), "--messages", str(len(numbers)), "--first", str(numbers.start)]
        options += ["--size", str(self.size), "--per-connection", str(self.per_connection)]
        options += ["--authority", str(certificates / "ca.pem")] if self.tls else []
        options += ["--distinct"] if self.proven else []
        return [LOAD, "send", word(target), *options]

    def commands(self, targets: list[Address], messages: int, certificates: Path) -> list[list[str]]:
        """The commands that send to several targets, over which sessions and messages are spread evenly."""
        parts = zip(targets, dealt(self.sessions, len(targets)), dealt(messages, len(targets)), strict=True)
        return [replace(self, sessions=len(sessions)).source(target, numbers, certificates) for target, sessions, numbers in parts]

    def sink(self, certificates: Path) -> list[str]:
        """The command that takes."""
        if self.is_classic:
            # Four relays keep more connections open than the 256 that it serves at once by default.
            return [*tool("smtp-sink"), "-u", "postfix", "-c", "-m", "1000", word(SINK), "1000"]
        options = ["--tls", str(certificates)] if self.tls else []
        options += ["--verify"] if self.proven else []
        return [LOAD, "sink", word(SINK), *options]


def dealt(whole: int, parts: int) -> list[range]:
    """The numbers below `whole` in parts that differ by one at most."""
    return [range(whole * part // parts, whole * (part + 1) // parts) for part in range(parts)]


def word(address: Address) -> str:
    host, port = address
    return f"{host}:{port}"


def tool(name: str) -> list[str]:
    return ["chroot", str(peers.load(TOOLS).root), name]


class Sink:
    """A sink that runs. What it prints goes to a file, whose last words say how many messages it has."""

    def __init__(self, traffic: Traffic, certificates: Path, output: Path) -> None:
        self.traffic = traffic
        self.command = traffic.sink(certificates)
        self.path = output

    def __enter__(self) -> "Sink":
        self.output = self.path.open("w+b")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.output.close()

    def tail(self) -> str:
        descriptor = self.output.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, 512, max(0, size - 512)).decode(errors="replace")

    def messages(self) -> int:
        """How many have been answered 250."""
        if self.traffic.is_classic:
            counts = re.findall(r"mesg=(\d+)\r", self.tail())
            return int(counts[-1]) if counts else 0
        return self.tally().get("messages", 0)

    def tally(self) -> dict[str, int]:
        """Everything that our own sink counts."""
        lines = self.tail().splitlines(keepends=True)
        whole = [line for line in lines if line.startswith("{") and line.endswith("}\n")]
        return json.loads(whole[-1]) if whole else {}

    def wait_for(self, count: int, watch=lambda: None) -> None:
        """Until `count` messages are there; calls `watch` all the while."""
        last, since = -1, time.monotonic()
        while (arrived := self.messages()) < count:
            if arrived != last:
                last, since = arrived, time.monotonic()
            elif time.monotonic() - since > STALLED_AFTER:
                raise RuntimeError(f"the sink has {arrived} of {count} messages, and no more come")
            if self.process.poll() is not None:
                raise RuntimeError(f"the sink ended: {self.tail()}")
            watch()
            time.sleep(0.002)


class Source:
    """Clients that send, from now on: one for each target."""

    def __init__(self, traffic: Traffic, targets: list[Address], messages: int, certificates: Path) -> None:
        self.processes = [
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=os.environ | {"RUST_BACKTRACE": "0"},
                text=True,
            )
            for command in traffic.commands(targets, messages, certificates)
        ]

    def finish(self) -> None:
        """Fails unless all was taken."""
        for process in self.processes:
            said, _ = process.communicate(timeout=STALLED_AFTER)
            if process.returncode != 0:
                raise RuntimeError(f"the client failed: {said[-500:]}")

    def check(self) -> None:
        """Fails as soon as a client has failed."""
        if any(process.poll() not in (None, 0) for process in self.processes):
            self.finish()
