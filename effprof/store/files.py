"""Files that are whole or absent: written beside their place under another name, then renamed."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from effprof.errors import EffprofError

TEMPORARY_NAME = re.compile(r"\.effprof-[0-9a-f]{16}\.tmp")
"""What a killed run may leave behind. Not derived from the target's name, which may already be as long as allowed."""


def write_atomically(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` so that a reader, at any moment, sees the old file or the new one, whole.

    A pipe or a terminal cannot be replaced and is written to directly. Raises EffprofError when the folder is
    missing or not writable, or the disk is full; the old file is then untouched.
    """
    # A symbolic link stays one: its target is replaced.
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise EffprofError(
            f"Could not write {path}: {error.strerror or error}. Choose a place that exists, is writable and has room."
        ) from error


def read_at_most(path: Path, most: int) -> bytes | None:
    """The whole content of a file; None where it is more than `most` bytes. Raises OSError.

    A named pipe is refused, because without a writer even opening it would wait for ever; what a shell makes of
    `<(command)` has one.
    """
    _refuse_pipe(path)
    with path.open("rb") as file:
        data = file.read(most + 1)
    return data if len(data) <= most else None


def read_whole(path: Path) -> bytes:
    """The content of a file. Raises OSError, for a pipe as `read_at_most`, and for a device, which may have no end."""
    _refuse_pipe(path)
    if path.is_char_device() or path.is_block_device():
        raise OSError(errno.EINVAL, "it is a device")
    return path.read_bytes()


def temporary_path(folder: Path) -> Path:
    return folder / f".effprof-{os.urandom(8).hex()}.tmp"


def create_new(path: Path) -> int:
    """File descriptor of a new file, with the permissions that the umask leaves (`tempfile` would give 0600)."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)


def _refuse_pipe(path: Path) -> None:
    if path.is_fifo() and not path.is_relative_to("/dev/fd") and not path.is_relative_to("/proc"):
        raise OSError(errno.EINVAL, "it is a named pipe")


def _replace(target: Path, data: bytes) -> None:
    temporary = temporary_path(target.parent)
    try:
        with open(create_new(temporary), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too must not leave the temporary file
        temporary.unlink(missing_ok=True)
        raise
