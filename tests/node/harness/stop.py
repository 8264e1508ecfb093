"""tests/node/down: ends the keeper, and removes what outlives it."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from . import cgroups
from .places import Run
from .start import started


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
    end_keeper(run)
    cgroups.remove(run)
    shutil.rmtree(run.folder)
    return 0


def end_keeper(run: Run) -> None:
    """With the keeper every process in its namespaces ends; with these go the mounts and networks."""
    if not run.keeper.exists():
        return
    keeper = json.loads(run.keeper.read_text())
    if not alive(keeper):
        return
    first = int((run.folder / "node").readlink().name) if (run.folder / "node").is_symlink() else None
    os.kill(keeper["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while alive(keeper) or (first and state(first)):
        if time.monotonic() > deadline:
            raise SystemExit(f"process {keeper['pid']} does not end")
        time.sleep(0.05)


def alive(keeper: dict[str, object]) -> bool:
    """Not another process that got its number."""
    return bool(state(keeper["pid"])) and started(keeper["pid"]) == keeper["started"]


def state(pid: object) -> str | None:
    """Nothing for a process that has ended, whether or not somebody buried it."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if letter == "Z" else letter
