"""tests/node/lose: a power cut at the second node."""

from . import cgroups, machine, network
from .parts import Failure
from .places import Node
from .second_node import script


def main(words: list[str]) -> int:
    return script("lose", words, lose)


def lose(node: Node) -> None:
    if not machine.is_on(node):
        raise Failure(f"{node.name} is lost already.")
    # First, so that nobody hears how its processes end.
    network.cut(node)
    machine.power_off(node)
    cgroups.remove(node)
