"""The images that the node runs, built with buildah from scratch; those that never change are kept in the cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import tools
from .parts import Failure
from .places import CACHE, CHECKOUT, NODE, Run

RECIPES = NODE / "images"
IMAGE = CHECKOUT / "deploy" / "image"
POSTERN = "localhost/postern:test"
KUBERNETES = "k8s.io/kubernetes"
# What Postfix's programs link to beside glibc, and a shell to look around with.
MAIL_PACKAGES = (
    "busybox-static",
    "libcom-err2",
    "libdb5.3",
    "libgssapi-krb5-2",
    "libicu72",
    "libk5crypto3",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libnsl2",
    "libsasl2-2",
    "libssl3",
    "libstdc++6",
    "libtirpc3",
    "netbase",
    "postfix",
)


def provide(run: Run, programs: dict[str, Path], postern: Path) -> None:
    """Puts an archive of each image into the run folder. `postern` is the folder of Postern's own programs."""

    def copy(*names: str) -> Callable[[Path], None]:
        def fill(context: Path) -> None:
            for name in names:
                shutil.copy(programs[name], context / name.removeprefix("metallb-"))

        return fill

    versions = {name: path.parent.parent.name for name, path in programs.items()}
    kept(run, "pause", versions["kubelet"], pause)
    kept(run, "coredns", versions["coredns"], copy("coredns"))
    kept(run, "metallb", versions["metallb-speaker"], copy("metallb-controller", "metallb-speaker"))
    kept(run, "mailserver", digest(IMAGE / "root") + " ".join(MAIL_PACKAGES), mailserver)
    build_postern(postern, POSTERN, run.images / "postern.tar")


def kept(run: Run, name: str, version: str, fill: Callable[[Path], None]) -> None:
    """An image of tests/node/images, from the cache or built into it. Its version is that of its contents and of its recipe."""
    recipe = RECIPES / name
    key = hashlib.sha256((version + "".join(digest(file) for file in sorted(recipe.iterdir()))).encode()).hexdigest()[:16]
    archive = CACHE / "images" / f"{name}-{key}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder) / "context"
            shutil.copytree(recipe, context)
            fill(context)
            built = archive.with_suffix(f".{os.getpid()}")
            build(Path(folder), context, f"localhost/{name}:test", built)
            built.rename(archive)
    (run.images / f"{name}.tar").symlink_to(archive)


def build(work: Path, context: Path, name: str, archive: Path) -> None:
    buildah = ["buildah", "--root", work / "store", "--runroot", work / "run", "--storage-driver", "vfs"]
    execute(*buildah, "build", "--quiet", "--isolation", "chroot", "--tag", name, context)
    execute(*buildah, "push", "--quiet", name, f"docker-archive:{archive}:{name}")


def build_postern(programs: Path, name: str, archive: Path) -> None:
    """The image as users build it, on a base that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root_file_system(root)
        execute(IMAGE / "build", "--programs", programs, "--root", root, "--name", name, archive)


def root_file_system(root: Path) -> None:
    """Debian's packages are fetched once for a recipe."""
    kept_root = CACHE / "images" / f"root-{digest(IMAGE / 'root')[:16]}"
    if not kept_root.exists():
        kept_root.parent.mkdir(parents=True, exist_ok=True)
        made = kept_root.with_suffix(f".{os.getpid()}")
        execute(IMAGE / "root", made)
        made.rename(kept_root)
    shutil.copytree(kept_root, root, symlinks=True)


def pause(context: Path) -> None:
    """What holds a pod's namespaces, from Kubernetes' own source."""
    source = tools.sources("kubernetes", KUBERNETES) / "build" / "pause" / "linux" / "pause.c"
    execute("cc", "-Os", "-static", "-DVERSION=test", "-o", context / "pause", source)


def mailserver(context: Path) -> None:
    root = context / "root"
    execute(IMAGE / "root", root, *MAIL_PACKAGES)
    for file, line in (("passwd", "postfix:x:101:101:postfix:/:/sbin/nologin"), ("group", "postfix:x:101:"), ("group", "postdrop:x:102:")):
        with (root / "etc" / file).open("a") as users:
            users.write(f"{line}\n")
    for command in ("sh", "cat", "ls", "find", "grep", "sed", "wc", "head", "tail", "sleep", "mkdir", "chown", "chmod", "rm", "ps"):
        (root / "bin" / command).symlink_to("busybox")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def execute(*words: str | Path) -> None:
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
