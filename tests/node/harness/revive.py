"""tests/node/revive: the second node, which was lost, boots again from its disk."""

import sys
from pathlib import Path

from . import machine
from .lose import second
from .parts import Failure
from .places import Run
from .start import narrator


def main(words: list[str]) -> int:
    if len(words) != 1:
        print("usage: tests/node/revive RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        node = second(Run(Path(words[0])))
        if machine.is_on(node):
            raise Failure(f"{node.name} is not lost.")
        machine.boot_second(node, narrator())
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0
