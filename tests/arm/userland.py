"""An arm64 Debian in a folder: built whole or not at all, and entered in namespaces of its own.

Everything is mounted in a mount namespace that ends with its last process, so that the host sees no mount, whatever
happens; a process that is killed takes along all that it started in there (the first of a process namespace).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from arm.recipe import MARKERS

SOURCE = "/opt/effprof"
"""Where the copy of the working tree is seen in there."""
PYTHON = "/opt/venv/bin/python"
"""The Python in there that has effprof."""
PROCESSOR = "cortex-a76"
"""What qemu emulates: a big core of boards. Its default, a processor of every extension, runs convolutions of torch
2.9.1 at half the speed, and some into illegal instructions (qemu 7.2)."""
_SITE = f"/usr/local/lib/python{MARKERS['python_version']}/dist-packages"
_STAMP = "recipe"

_NAMESPACES = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")
_ENTER = f"""
set -e
root=$1 site=$2 source=$3
shift 3
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mkdir -p "$root/dev/shm" "$root{_SITE}" "$root{SOURCE}"
mount -t tmpfs tmpfs "$root/dev/shm"
mount --bind "$site" "$root{_SITE}"
mount --bind "$source" "$root{SOURCE}"
chroot "$root" "$@" || exit $?
"""
"""The shell stays: as first process it waits for whatever its descendants leave behind."""

_NOT_COPIED = shutil.ignore_patterns(".git", ".cache", ".venv", "__pycache__", ".*_cache", ".hypothesis", "runs")


class ArmError(Exception):
    """One line: what could not be done."""


@dataclass(frozen=True)
class Userland:
    """`folder` holds its parts: `root` (Debian), `site` (Python packages), `source` (effprof), `log`."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def inside(self, *words: str) -> list[str]:
        """The command on the host that runs `words` in there as root."""
        folders = map(str, (self.root, self.site, self.source))
        return [*_NAMESPACES, "sh", "-c", _ENTER, "sh", *folders, *words]

    def run(self, *words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        """Raises subprocess.TimeoutExpired after `limit_s`."""
        return subprocess.run(
            self.inside(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s,
            env=environment(),
        )  # fmt: skip

    def copy_source(self, tree: Path) -> None:
        """The working tree as it is now, without what was made from it: nothing in there writes to the original."""
        remove(self.source)
        shutil.copytree(tree, self.source, ignore=_NOT_COPIED, symlinks=True)


def environment() -> dict[str, str]:
    """For programs in there: nothing of the host's settings, which are about another processor."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "COLUMNS": "80", "CI": "1", "QEMU_CPU": PROCESSOR}


def in_own_mounts(words: Sequence[str]) -> list[str]:
    """The command that runs `words` on the host; what they mount vanishes with them."""
    return [*_NAMESPACES, "sh", "-c", '"$@" || exit $?', "sh", *words]


def is_built(folder: Path, digest: str) -> bool:
    """Whether `folder` was finished by the recipe of that digest."""
    try:
        return (folder / _STAMP).read_text() == digest
    except OSError:
        return False


def build(folder: Path, digest: str, make: Callable[[Path], None]) -> None:
    """`make` fills an empty folder, which becomes `folder` only when it is whole."""
    remove(folder)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    remove(unfinished)
    unfinished.mkdir(parents=True)
    make(unfinished)
    (unfinished / _STAMP).write_text(digest)
    os.sync()
    unfinished.rename(folder)


def remove(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """The folder with all in it, unless something is mounted there, which would be emptied as well."""
    inside = f"{folder.resolve()}/"
    for line in mounts.read_text().splitlines():
        point = line.split()[1].replace("\\040", " ")
        if f"{point}/".startswith(inside):
            raise ArmError(f"something is mounted at {point}: unmount it, and remove {folder} by hand")
    if folder.exists():
        shutil.rmtree(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else builds or uses it meanwhile."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArmError(f"another `make test-arm` is using {folder}") from None
        yield
