"""The outline: prepare, step inside, prove, measure, print."""

import fcntl
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from . import arguments, cgroup, idle, machine, namespace, peers, prepare, profile, synced, tables, verify
from .arguments import Arguments
from .catalogue import CATALOGUE
from .measure import Laboratory
from .places import BENCH, CACHE, RELAY_NAME, SINK_NAME
from .traffic import LOAD, Traffic


def main(words: list[str]) -> int:
    """Runs the bench; returns the program's exit code."""
    asked = arguments.parse(words)
    if os.geteuid() != 0:
        sys.exit("bench: it makes roots and namespaces; run it as root")
    if namespace.is_inside():
        namespace.furnish()
        return namespace.reap(lambda: bench(asked, words))
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare.everything(asked.peers, asked.profile)
        try:
            return namespace.enter(BENCH / "run", words)
        finally:
            cgroup.remove_all()


def bench(asked: Arguments, words: list[str]) -> None:
    """Everything that happens inside the namespaces."""
    asked.output.mkdir(parents=True, exist_ok=True)
    laboratory = Laboratory(certificates(), asked.output / "logs", asked.share)
    if asked.profile:
        for peer in map(peers.load, asked.peers):
            prepare.say(f"profiling {peer.name}")
            profile.run(laboratory, peer, Traffic(), asked.output / "profile")
        return
    results = {
        "command": shlex.join(["tests/bench/run", *words]),
        "runs": asked.runs,
        "machine": machine.describe(),
        "versions": {key: machine.version(peers.load(key)) for key in asked.peers},
        "proven": proven(laboratory, asked),
        "synced": syncs(laboratory, asked),
        "tables": {},
    }
    for name in asked.tables:
        results["tables"][name] = fill(laboratory, asked, name)
        # What is measured stays, whatever befalls the tables after it.
        text = record(results, asked)
    print(f"\n{text}\n\nAlso in {asked.output}/results.md; every run is in {asked.json}.")


def certificates() -> Path:
    """A new authority and one certificate for relay and sink."""
    folder = CACHE / "certificates"
    subprocess.run([LOAD, "certificates", str(folder), RELAY_NAME, SINK_NAME], check=True)
    return folder


def proven(laboratory: Laboratory, asked: Arguments) -> dict[str, int]:
    """Has every peer prove that bodies arrive whole, of each size that it is measured with."""
    counts = {}
    for peer in map(peers.load, asked.peers):
        prepare.say(f"{peer.name}: comparing bodies")
        kinds = [table.traffic for name, table in CATALOGUE.items() if name in peer.tables and name in asked.tables]
        counts[peer.key] = sum(verify.bodies(laboratory, peer, size) for size in {Traffic().size, *(traffic.size for traffic in kinds)})
    return counts


def syncs(laboratory: Laboratory, asked: Arguments) -> dict[str, int]:
    """Counts the messages of each queue that were synced before their 250."""
    counts = {}
    for peer in map(peers.load, asked.peers):
        if peer.answers == "queue":
            prepare.say(f"{peer.name}: watching for syncs")
            counts[peer.key] = synced.messages(laboratory, peer)
    return counts


def fill(laboratory: Laboratory, asked: Arguments, name: str) -> dict:
    """The runs of one table."""
    if name == "idle":
        return idle_connections(laboratory, asked)
    traffic = CATALOGUE[name].traffic
    chosen = [peer for peer in map(peers.load, asked.peers) if name in peer.tables]
    results = {"direct": [], "peers": {peer.key: [] for peer in chosen}}
    for run in range(asked.runs):
        prepare.say(f"{name}, run {run + 1} of {asked.runs}")
        results["direct"].append(laboratory.direct(traffic).record())
        for peer in chosen:
            measurement = laboratory.relayed(peer, traffic)
            print(f"  {peer.name}: {measurement.rate:,.0f}/s, {measurement.cpu / measurement.messages * 1000:.2f} ms each", flush=True)
            results["peers"][peer.key].append(measurement.record())
    return results


def idle_connections(laboratory: Laboratory, asked: Arguments) -> dict:
    """Memory of idle connections, of the peers that hold thousands."""
    results = {"connections": asked.idle, "peers": {}}
    for peer in map(peers.load, asked.peers):
        if "idle" in peer.tables:
            prepare.say(f"{peer.name}: {asked.idle} idle connections")
            results["peers"][peer.key] = idle.bytes_each(laboratory, peer, asked.idle)
    return results


def record(results: dict, asked: Arguments) -> str:
    """Leaves every run in a file and the tables in another; returns those."""
    asked.json.write_text(json.dumps(results, indent=2) + "\n")
    parts = [tables.idle(table) if name == "idle" else tables.rates(name, table) for name, table in results["tables"].items()]
    text = "\n\n".join([*parts, tables.footer(results)])
    (asked.output / "results.md").write_text(text + "\n")
    return text
