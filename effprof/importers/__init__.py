"""Recorded traces of torch.profiler -> Profile; torch-free.

`stream` and `decoding` read a file chunk by chunk, `events` keeps columns of what is needed, `attribution` finds whose
work each kernel is, `profile` makes the record. Attribution knows no files, so that live traces can take its way.
"""

from __future__ import annotations

from pathlib import Path

from effprof.importers.profile import to_profile
from effprof.importers.reading import ENDINGS, read_trace, trace_files
from effprof.records import Profile

__all__ = ["import_trace", "trace_name"]


def import_trace(path: str | Path, command: str = "") -> Profile:
    """The profile of a torch.profiler trace: a .json or .json.gz file, or a folder with one file a rank.

    Args:
        command: how it was asked for, kept in the record.

    Raises BadFileError, with the file and the reason, on anything but whole traces with work of a GPU.
    """
    given = Path(path)
    return to_profile(map(read_trace, trace_files(given)), trace_name(given), command)


def trace_name(path: Path) -> str:
    """The file's name without what says that it is a trace: `w0.pt.trace.json.gz` becomes `w0`."""
    name = path.resolve().name
    for ending in (*reversed(ENDINGS), ".trace", ".pt"):
        name = name.removesuffix(ending)
    return name or path.name
