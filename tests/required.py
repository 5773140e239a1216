"""What must be there for tests that are otherwise skipped, where an EFFPROF_REQUIRE_* variable says so (.ci/run)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

DATA, REQUIRE_DATA, REQUIRE_CC = "EFFPROF_DATA", "EFFPROF_REQUIRE_DATA", "EFFPROF_REQUIRE_CC"
FOLDERS = ("kineto", "paper", "latency")
"""Of the public data set, those that tests read."""


def compiler() -> str | None:
    """A C compiler, for the stand-in for NVIDIA's library."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def missing(environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each thing that is required and not there."""
    if environ.get(REQUIRE_DATA):
        named = environ.get(DATA)
        absent = [name for name in FOLDERS if named is None or not (Path(named) / name).is_dir()]
        if absent:
            where = f"{DATA} is {named!r}" if named is not None else f"{DATA} is not set"
            yield f"{REQUIRE_DATA} is set, and there is no {', '.join(absent)} of the public data set: {where}"
    if environ.get(REQUIRE_CC) and compiler() is None:
        yield f"{REQUIRE_CC} is set, and there is no cc, gcc or clang on PATH"
