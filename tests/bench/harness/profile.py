"""Where a relay's time goes: one run under perf, one under strace. Neither is a measurement."""

import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

from .measure import Laboratory
from .peers import Peer
from .traffic import Traffic


def run(laboratory: Laboratory, peer: Peer, traffic: Traffic, output: Path) -> None:
    """Writes PEER.perf.txt and PEER.strace.txt to the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    data = output / f"{peer.key}.perf.data"
    # Hardware counters are not to be had in every virtual machine; the clock is.
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "997", "--call-graph", "dwarf,16384", "-o", str(data)]
    under(laboratory, peer, traffic, record, "-p", ",")
    report = ["perf", "report", "-i", str(data), "--stdio", "--no-inline", "--no-children", "--percent-limit", "0.5"]
    with (output / f"{peer.key}.perf.txt").open("w") as text:
        for form in (["-g", "none"], ["-g", "caller,0.5,callee,function,percent"]):
            subprocess.run([*report, *form], stdout=text, stderr=subprocess.DEVNULL, check=True)
    trace = ["strace", "-c", "-f", "-U", "calls,errors,time-total,name", "-o", str(output / f"{peer.key}.strace.txt")]
    under(laboratory, peer, traffic, trace, "-p", " ")


def under(laboratory: Laboratory, peer: Peer, traffic: Traffic, tool: list[str], option: str, separator: str) -> None:
    """Sends mail through a relay to whose processes a tool is attached."""
    with ExitStack() as stack:
        sink = stack.enter_context(laboratory.sink(traffic))
        server = stack.enter_context(laboratory.server(peer))
        warm_up = laboratory.warm_up(peer, traffic, sink, server)
        processes = separator.join(map(str, server.group.processes()))
        observer = subprocess.Popen([*tool, option, processes])
        messages = laboratory.count(peer.messages, traffic)
        source = laboratory.source(traffic, peer.addresses, messages)
        sink.wait_for(warm_up + messages, source.check)
        source.finish()
        observer.send_signal(signal.SIGINT)
        observer.wait()
