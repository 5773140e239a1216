"""Where results go: run folders, and what in them is ours."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from effprof.errors import BadFileError, UsageError
from effprof.store.files import TEMPORARY_NAME, create_new, temporary_path

PROFILE_JSON = "profile.json"
OUR_FILES = frozenset(
    {PROFILE_JSON, "report.json", "layers.csv", "ops.csv", "decomposition.png", "decomposition.svg"}
    | {"sweep.json", *(f"guidelines.{ending}" for ending in ("json", "csv", "txt", "png", "svg"))}
    | {"ceilings.json", "roofline.png", "roofline.svg"}
    | {f"advice.{ending}" for ending in ("json", "txt", "md")}
    | {f"regression.{ending}" for ending in ("csv", "png", "svg")}
    | {f"cliffs.{ending}" for ending in ("json", "csv", "txt", "png", "svg")}
)
"""Every file name that effprof writes into a run folder, but for those of fitted devices."""
DEVICE_FILE_START = "device-"
_DEVICE_FILE = re.compile(rf"{DEVICE_FILE_START}[a-z0-9-]+\.json")


def claim_folder(path: Path | str) -> Path:
    """The folder, created with its parents and known to be writable; asked before anything slow.

    Raises UsageError when it is a file, cannot be created or written to, or holds anything effprof did not write.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"The output folder {folder} is a file. Choose a new or an empty folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = _first_foreign(folder)
        _try_to_write(folder)
    except OSError as error:
        raise UsageError(
            f"The output folder {folder} cannot be used: {error.strerror or error}. Choose a writable folder."
        ) from error
    if foreign is not None:
        raise UsageError(
            f"The output folder {folder} holds {foreign}, which effprof did not write. Choose a new or an empty folder."
        )
    return folder


def claim_file(path: Path | str) -> Path:
    """The path, known to be a place where a file can be written. Raises UsageError when it is not."""
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"The output file {file} is a folder. Give the path of a file.")
    try:
        if file.exists() and not file.is_file():
            # A pipe or a terminal: opening it to try would already be seen by the reader.
            return file
        _try_to_write(Path(os.path.realpath(file)).parent)
    except OSError as error:
        raise UsageError(
            f"The output file {file} cannot be written: {error.strerror or error}. Choose a writable place."
        ) from error
    return file


def find_profile(path: Path | str) -> Path:
    """The saved profile meant by a run folder or by the path of the file. Raises BadFileError when there is none."""
    given = Path(path)
    try:
        if not given.is_dir():
            if given.exists():
                return given
            raise BadFileError(f"There is no {given}. Give a run folder or its {PROFILE_JSON}.")
        found = given / PROFILE_JSON
        if found.exists():
            return found
        inside = sorted(child.parent for child in given.glob(f"*/{PROFILE_JSON}"))
    except OSError as error:
        raise BadFileError(f"Cannot look for {given}: {error.strerror or error}. Give a run folder.") from error
    if inside:
        raise BadFileError(f"{given} holds {len(inside)} runs. Give one of them, for instance {inside[0]}.")
    raise BadFileError(f"There is no {PROFILE_JSON} in {given}. Give a folder that `effprof run` wrote.")


def model_folders(folder: Path, models: Iterable[str]) -> tuple[Path, ...]:
    """One folder a network: `folder` itself for a single one, else a sub-folder each, named after the network."""
    names = [folder_name(model) for model in models]
    if len(names) == 1:
        return (folder,)
    taken: list[str] = []
    for name in names:
        candidates = (name if count == 1 else f"{name}-{count}" for count in itertools.count(1))
        taken.append(next(candidate for candidate in candidates if candidate not in taken))
    return tuple(folder / name for name in taken)


def folder_name(model: str) -> str:
    """A model's name as one plain folder name: `path/net.py:build` becomes `path-net.py-build`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.")[-80:] or "model"


def _first_foreign(folder: Path) -> str | None:
    """Something in the folder that effprof did not write; model folders may hold our files and nothing deeper."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            for inner in sorted(os.scandir(entry.path), key=lambda inner: inner.name):
                if not _is_ours(inner):
                    return f"{entry.name}/{inner.name}"
        elif not _is_ours(entry):
            return entry.name
    return None


def _is_ours(entry: os.DirEntry[str]) -> bool:
    known = entry.name in OUR_FILES or any(one.fullmatch(entry.name) for one in (TEMPORARY_NAME, _DEVICE_FILE))
    return known and entry.is_file(follow_symlinks=False)


def _try_to_write(folder: Path) -> None:
    """Permission bits do not tell (root, read-only file systems), an attempt does."""
    probe = temporary_path(folder)
    os.close(create_new(probe))
    probe.unlink()
