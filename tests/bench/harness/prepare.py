"""What needs the network or is long: packages, the peers' roots, Haraka, our own release build."""

import os
import shutil
import subprocess
from pathlib import Path

from . import peers
from .places import CACHE, CHECKOUT, PEERS

# Holds smtp-source and smtp-sink, whoever is measured.
TOOLS = "postfix"


def everything(keys: list[str], profile: bool) -> None:
    """Makes what is missing for these peers."""
    chosen = [peers.load(key) for key in keys]
    tools = peers.load(TOOLS)
    commands = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "strace": "strace"}
    if profile:
        commands |= {"perf": "linux-perf"}
    if "haraka" in keys:
        commands |= {"node": "nodejs", "npm": "npm"}
    install(commands)
    for peer in [tools, *chosen]:
        if peer.packages:
            system(peer)
    if "haraka" in keys:
        haraka()
    build(any("postern" in peer.lineage for peer in chosen))


def install(commands: dict[str, str]) -> None:
    """Installs the Debian packages of commands that are missing."""
    missing = [package for command, package in commands.items() if not shutil.which(command)]
    if missing:
        say(f"installing {' '.join(missing)}")
        run(["apt-get", "update"])
        run(["apt-get", "install", "-y", "--no-install-recommends", *missing], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def system(peer: peers.Peer) -> None:
    """Makes a Debian system with the peer's packages. Its name appears when it is whole."""
    if peer.system.exists():
        return
    say(f"making a root with {' '.join(peer.packages)}")
    peer.system.parent.mkdir(parents=True, exist_ok=True)
    unfinished = peer.system.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    run(["mmdebstrap", "--variant=minbase", f"--include={','.join(peer.packages)}", "bookworm", str(unfinished)])
    unfinished.rename(peer.system)


def haraka() -> None:
    """Installs the version that the lock file names."""
    home = CACHE / "haraka"
    wanted = (PEERS / "haraka" / "package-lock.json").read_text()
    lock = home / "package-lock.json"
    if (home / "node_modules").exists() and lock.exists() and lock.read_text() == wanted:
        return
    say("installing Haraka")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shutil.copy(PEERS / "haraka" / "package.json", home)
    lock.write_text(wanted)
    run(["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home)


def build(with_relay: bool) -> None:
    """Builds what is measured as it ships, and the load."""
    say("building for release")
    bins = ["--bin", "load"]
    if with_relay:
        bins += ["--bin", "postern-relay"]
    packages = ["--package", "postern-tests", *(["--package", "postern-relay"] if with_relay else [])]
    subprocess.run(["cargo", "build", "--release", "--locked", *packages, *bins], cwd=CHECKOUT, check=True)


def run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Runs a command, and shows what it said only when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")


def say(text: str) -> None:
    print(f"bench: {text} …", flush=True)
