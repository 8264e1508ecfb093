"""tests/node/revive: the second node, which was lost, boots again from its disk."""

from . import machine
from .parts import Failure
from .places import Node
from .second_node import script
from .start import narrator


def main(words: list[str]) -> int:
    return script("revive", words, revive)


def revive(node: Node) -> None:
    if machine.is_on(node):
        raise Failure(f"{node.name} is not lost.")
    machine.boot_second(node, narrator())
