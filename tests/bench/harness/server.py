"""One relay that runs: its root filled, its processes in a control group, its port open."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .cgroup import Group
from .peers import Peer
from .ready import takes_mail

READY_WITHIN = 60
# After SIGTERM; then what is left is killed.
END_WITHIN = 3


class Server:
    """A relay. Use it in a `with`: it is ready inside, and gone after it."""

    def __init__(self, peer: Peer, certificates: Path, log: Path) -> None:
        self.peer = peer
        self.certificates = certificates
        self.log = log

    def __enter__(self) -> "Server":
        fill(self.peer, self.certificates)
        self.group = Group(self.peer.key)
        try:
            self.process = self.start()
            self.wait()
        except BaseException:
            self.group.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            pass
        self.group.end()
        self.process.wait()

    def start(self) -> subprocess.Popen:
        peer, group = self.peer, self.group

        def become() -> None:
            group.join()
            if peer.is_chrooted:
                os.chroot(peer.root)
                os.chdir("/")

        with self.log.open("wb") as log:
            return subprocess.Popen(
                peer.command(peer.start), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=become, start_new_session=True
            )

    def wait(self) -> None:
        """Until it takes mail."""
        deadline = time.monotonic() + READY_WITHIN
        while not takes_mail(self.peer):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.peer.name} takes no mail:\n{self.last_words()}")
            time.sleep(0.05)

    def own_cpu(self) -> float:
        """CPU time of the processes that run the relay's own program, where the manifest names it, in seconds."""
        if self.peer.program is None:
            return 0.0
        return sum(cpu_of(process) for process in self.group.processes() if command_of(process) == self.peer.program)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]


def command_of(process: int) -> str | None:
    try:
        return Path(f"/proc/{process}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        # It ended meanwhile.
        return None


def cpu_of(process: int) -> float:
    """Of all its threads, those that have ended too."""
    # The command's name, in parentheses, may hold anything; the fields behind it are numbers.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def fill(peer: Peer, certificates: Path) -> None:
    """Gives the root the peer's files and certificates."""
    if not peer.is_chrooted:
        shutil.rmtree(peer.root, ignore_errors=True)
    elif not os.path.ismount(peer.root / "proc"):
        subprocess.run(["mount", "-t", "proc", "proc", str(peer.root / "proc")], check=True)
    for layer in peer.layers:
        shutil.copytree(layer, peer.root, dirs_exist_ok=True, copy_function=copy)
    folder = peer.root / peer.certificates
    shutil.copytree(certificates, folder, dirs_exist_ok=True)
    (folder / "tls.key").chmod(peer.key_mode)


def copy(source: str, target: str) -> None:
    """Copies a file. Some relays refuse a configuration that others may write, which a checkout's may."""
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if os.access(source, os.X_OK) else 0o644)
