"""The command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from . import peers
from .catalogue import CATALOGUE
from .places import RESULTS

TABLES = [*CATALOGUE, "idle"]
# A quick bench sends a tenth, once, and holds a tenth of the idle connections: to try things, not to publish.
QUICK_SHARE = 0.1


@dataclass(frozen=True)
class Arguments:
    """What was asked for."""

    peers: list[str]
    tables: list[str]
    runs: int
    share: float
    idle: int
    profile: bool
    output: Path
    json: Path


def parse(words: list[str]) -> Arguments:
    """Reads the command line; ends the program when it is wrong."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="Compares Postern with other relays.")
    parser.add_argument("--only", metavar="PEER,…", help=f"these relays only: {', '.join(peers.names())}")
    parser.add_argument("--tables", metavar="TABLE,…", help=f"these tables only: {', '.join(TABLES)}")
    parser.add_argument("--runs", type=int, help="interleaved runs (5)")
    parser.add_argument("--idle", type=int, help="idle TLS connections to hold (10000)")
    parser.add_argument("--quick", action="store_true", help="one run with a tenth of the messages and connections: to try things")
    parser.add_argument("--profile", action="store_true", help="one run for each relay under perf and one under strace, no tables")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="folder of results.md, results.json, logs and profiles")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where every run's figures go (results.json in that folder)")
    given = parser.parse_args(words)
    keys, tables = chosen(parser, given.only, peers.names()), chosen(parser, given.tables, TABLES)
    return Arguments(
        # Who stands in none of the tables is left out, and so is a table in which nobody stands.
        peers=[key for key in keys if not peers.load(key).tables.isdisjoint(tables)],
        tables=[name for name in tables if any(name in peers.load(key).tables for key in keys)],
        runs=given.runs or (1 if given.quick else 5),
        share=QUICK_SHARE if given.quick else 1.0,
        idle=given.idle or (1_000 if given.quick else 10_000),
        profile=given.profile,
        output=given.output.resolve(),
        json=(given.json or given.output / "results.json").resolve(),
    )


def chosen(parser: argparse.ArgumentParser, given: str | None, known: list[str]) -> list[str]:
    """The words of a list, in the order of those that are known."""
    if given is None:
        return known
    words = given.split(",")
    for word in words:
        if word not in known:
            parser.error(f"`{word}` is not one of {', '.join(known)}")
    return [word for word in known if word in words]
