"""tests/node/lose: a power cut at the second node."""

import sys
from pathlib import Path

from . import cgroups, machine, network
from .parts import Failure
from .places import Node, Run


def main(words: list[str]) -> int:
    if len(words) != 1:
        print("usage: tests/node/lose RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        lose(second(Run(Path(words[0]))))
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def lose(node: Node) -> None:
    if not machine.is_on(node):
        raise Failure(f"{node.name} is lost already.")
    # First, so that nobody hears how its processes end.
    network.cut(node)
    machine.power_off(node)
    cgroups.remove(node)


def second(run: Run) -> Node:
    """The first node can't be lost: it has the API."""
    if not run.mark.exists() or len(run.nodes) < 2:
        raise Failure(f"{run.folder} has no second node.")
    return run.nodes[1]
