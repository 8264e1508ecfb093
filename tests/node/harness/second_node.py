"""What is done to the second node of a cluster by a script of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

from .parts import Failure
from .places import Node, Run


def script(name: str, words: list[str], work: Callable[[Node], None]) -> int:
    """The script `tests/node/NAME RUN_FOLDER`, which does `work` to the node; its exit code."""
    if len(words) != 1:
        print(f"usage: tests/node/{name} RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        work(second(Run(Path(words[0]))))
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def second(run: Run) -> Node:
    """The first node is none of these scripts' business: it has the API."""
    if not run.mark.exists() or len(run.nodes) < 2:
        raise Failure(f"{run.folder} has no second node.")
    return run.nodes[1]
