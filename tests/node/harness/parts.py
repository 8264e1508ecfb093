"""Parts of the node that are processes, and waiting for them."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# How long anything may take to come up; only a hang misses it.
DEADLINE = 300


class Failure(Exception):
    """What a person should read when the node does not come up."""


class Part:
    """A process that runs as long as its node."""

    def __init__(self, name: str, log_file: Path, command: list[str | Path], inherited: tuple[int, ...] = ()) -> None:
        self.name = name
        self.log = log_file
        # A node that was lost and is back goes on in its logs.
        with self.log.open("ab") as log:
            words = list(map(str, command))
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=inherited, start_new_session=True
            )

    def check(self) -> None:
        status = self.process.poll()
        if status is not None:
            raise Failure(f"{self.name} ended with {status}:\n{tail(self.log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def wait(what: str, ready: Callable[[], bool], *parts: Part) -> None:
    """Waits for something that `parts` bring about."""
    deadline = time.monotonic() + DEADLINE
    while not ready():
        for part in parts:
            part.check()
        if time.monotonic() > deadline:
            logs = "".join(f"\n{part.name}:\n{tail(part.log)}" for part in parts)
            raise Failure(f"{what}: not so after {DEADLINE} s{logs}")
        time.sleep(0.1)


def succeeds(*words: str | Path) -> bool:
    return subprocess.run(list(map(str, words)), capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def do(*words: str | Path, text: str | None = None, cwd: Path | None = None) -> str:
    """Runs a command that must succeed, and returns its output."""
    run = subprocess.run(list(map(str, words)), input=text, cwd=cwd, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
    return run.stdout
