"""tests/node/up: makes what a node needs, starts its keeper in namespaces of their own, and waits for it."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import addons, checks, images, keeper, pki, tools
from .parts import DEADLINE, Failure, tail
from .places import CHECKOUT, NODE, Run

USAGE = "usage: tests/node/up RUN_FOLDER [FOLDER_OF_POSTERNS_PROGRAMS]"


def main(words: list[str]) -> int:
    if not 1 <= len(words) <= 2:
        print(USAGE, file=sys.stderr)
        return 2
    run = Run(Path(words[0]))
    postern = Path(words[1]) if len(words) == 2 else CHECKOUT / "target" / "debug"
    try:
        refuse(run, postern)
        up(run, postern.resolve())
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


def up(run: Run, postern: Path) -> None:
    began = time.monotonic()
    run.lay_out()
    programs = tools.paths()
    for name, path in programs.items():
        (run.programs / name).symlink_to(path)
    tell(began, "images")
    images.provide(run, programs, postern)
    addons.prepare(run)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pki.make(run, listener.getsockname()[1])
        process = start_keeper(run, listener.fileno())
    shown = 0
    deadline = time.monotonic() + 4 * DEADLINE
    while True:
        lines = run.progress.read_text().splitlines()
        for line in lines[shown:]:
            tell(began, line)
        shown = len(lines)
        if lines[-1:] == [keeper.READY]:
            return
        if lines[-1:] == [keeper.FAILED]:
            raise Failure((run.folder / "failure").read_text() + f"\nWhat was started ends with: tests/node/down {run.folder}")
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"The node did not come up:\n{tail(run.log('keeper'))}")
        time.sleep(0.1)


def greet(run: Run) -> None:
    script = NODE / "in"
    print(f"""
The node is ready, with Postern's image as {images.POSTERN}. In a shell:

  export KUBECONFIG={run.kubeconfig} PATH={run.programs}:$PATH
  kubectl get pods --all-namespaces

Services of type LoadBalancer get addresses that the Internet reaches. To send mail from there:

  {script} {run.folder} internet swaks --server ADDRESS --tls --to alice@example.com

To end it and remove every trace:

  {NODE / "down"} {run.folder}""")


def start_keeper(run: Run, listener: int) -> subprocess.Popen[bytes]:
    """In the namespaces it is process 1. When `unshare` ends, it ends, and with it all that it started."""
    run.progress.touch()
    command = [*checks.NAMESPACES, sys.executable, "-m", "harness.keeper", str(run.folder), str(listener)]
    environment = {"PATH": checks.PATH, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    with run.log("keeper").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=NODE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener],
            start_new_session=True,
        )
    run.keeper.write_text(json.dumps({"pid": process.pid, "started": started(process.pid)}))
    first = first_process(process)
    # Paths that lead into the namespaces as long as they live.
    (run.folder / "node").symlink_to(f"/proc/{first}")
    (run.folder / "internet").symlink_to(f"/proc/{first}/root/run/netns/internet")
    return process


def first_process(unshare: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    deadline = time.monotonic() + DEADLINE
    while unshare.poll() is None and time.monotonic() < deadline:
        words = children.read_text().split()
        if words:
            return int(words[0])
        time.sleep(0.01)
    raise Failure("The node's first process did not start: see log/keeper.log in its folder.")


def started(pid: int) -> str:
    """When a process began, in the kernel's ticks: with its number it names one process for good."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def tell(began: float, line: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
