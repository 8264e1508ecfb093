"""tests/node/up: makes what a cluster needs, starts its nodes, and waits for them."""

import argparse
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import addons, checks, images, machine, network, pki, tools
from .parts import Failure
from .places import CHECKOUT, NODE, Run


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/node/up", allow_abbrev=False)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("postern", type=Path, nargs="?", default=CHECKOUT / "target" / "debug", metavar="FOLDER_OF_POSTERNS_PROGRAMS")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1)
    options = parser.parse_args(words)
    run = Run(options.run)
    try:
        refuse(run, options.postern)
        up(run, options.postern.resolve(), options.nodes)
        greet(run)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def refuse(run: Run, postern: Path) -> None:
    if run.mark.exists():
        raise Failure(f"{run.folder} holds a node already. End it first: tests/node/down {run.folder}")
    if run.folder.exists() and any(run.folder.iterdir()):
        raise Failure(f"{run.folder} is not empty, and is no node's.")
    obstacles = checks.obstacles()
    if obstacles:
        raise Failure("\n".join(obstacles))
    missing = [str(postern / name) for name in ("postern-operator", "postern-relay") if not (postern / name).exists()]
    if missing:
        raise Failure(f"Missing: {', '.join(missing)}. `cargo build --bins` makes them.")


def up(run: Run, postern: Path, nodes: int) -> None:
    tell = narrator()
    run.lay_out(nodes)
    programs = tools.paths()
    for name, path in programs.items():
        (run.programs / name).symlink_to(path)
    tell("images")
    images.provide(run, programs, postern)
    addons.prepare(run)
    try:
        boot(run, tell)
    except Failure as failure:
        raise Failure(f"{failure}\nWhat was started ends with: tests/node/down {run.folder}") from failure


def boot(run: Run, tell: Callable[[str], None]) -> None:
    first, *others = run.nodes
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pki.make(run, listener.getsockname()[1])
        process = machine.power_on(first, "first", listener.fileno())
    run.internet.symlink_to(first.process / "root" / network.INTERNET.relative_to("/"))
    machine.wait(first, process, tell)
    for node in others:
        tell(node.name)
        machine.boot_second(node, tell)


def greet(run: Run) -> None:
    script = NODE / "in"
    print(f"""
Kubernetes is ready, with Postern's image as {images.POSTERN}. In a shell:

  export KUBECONFIG={run.kubeconfig} PATH={run.programs}:$PATH
  kubectl get pods --all-namespaces

Services of type LoadBalancer get addresses that the Internet reaches. To send mail from there:

  {script} {run.folder} internet swaks --server ADDRESS --tls --to alice@example.com

To end it and remove every trace:

  {NODE / "down"} {run.folder}""")


def narrator() -> Callable[[str], None]:
    """Says things, with the seconds since now."""
    began = time.monotonic()
    return lambda line: print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
