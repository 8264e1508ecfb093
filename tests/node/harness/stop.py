"""tests/node/down: ends the nodes, and removes what outlives them."""

import shutil
import sys
from pathlib import Path

from . import cgroups, machine
from .places import Run


def main(words: list[str]) -> int:
    if len(words) != 1:
        print("usage: tests/node/down RUN_FOLDER", file=sys.stderr)
        return 2
    run = Run(Path(words[0]))
    if not run.folder.exists():
        return 0
    if not run.mark.exists():
        print(f"{run.folder} is no node's: nothing is removed.", file=sys.stderr)
        return 1
    for node in run.nodes:
        machine.power_off(node)
        cgroups.remove(node)
    shutil.rmtree(run.folder)
    return 0
