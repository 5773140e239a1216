"""`sweep.json`: the raw record of the guideline sweeps as JSON, its format and version on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from effprof.errors import BadFileError
from effprof.store.decoding import decoded
from effprof.sweep_records import Sweep

FORMAT = "effprof.sweep/1"
MAX_SETTINGS = 100
"""Of one guideline; no sweep has more than five, and each is judged with resamples of its rounds."""


def dumps_sweep(sweep: Sweep) -> bytes:
    """The sweep as UTF-8 JSON, floats with full precision."""
    members = msgspec.to_builtins(sweep)
    ordered = {"format": FORMAT} | {name: value for name, value in members.items() if name != "format"}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n"


def loads_sweep(data: bytes) -> Sweep:
    """The sweep saved as `data`.

    Raises BadFileError when it is not whole JSON, is of another format or version, or cannot have been measured.
    """
    sweep = decoded(data, Sweep, _check_format, "sweep")
    problem = _problem(sweep)
    if problem is not None:
        raise BadFileError(f"the sweep contradicts itself: {problem}")
    return sweep


def read_sweep(path: Path | str) -> Sweep:
    """Raises BadFileError, with the path, on anything but a sound sweep."""
    try:
        return loads_sweep(Path(path).read_bytes())
    except OSError as error:
        raise BadFileError(f"Cannot read {path}: {error.strerror or error}. Give a sweep.json.") from error
    except BadFileError as error:
        raise BadFileError(f"Cannot read {path}: {error}. Give a sweep.json of `effprof guidelines`.") from error


def _check_format(found: str) -> None:
    if found != FORMAT:
        raise BadFileError(f"its format is {found!r}, not {FORMAT!r}")


def _problem(sweep: Sweep) -> str | None:
    names = [f"{entry.guideline} {entry.scale}" for entry in sweep.entries]
    if (twice := _first_twice(names)) is not None:
        return f"{twice} is there twice"
    for name, entry in zip(names, sweep.entries, strict=True):
        if len(entry.points) > MAX_SETTINGS:
            return f"{name} has {len(entry.points)} settings"
        if (twice := _first_twice([point.setting.label for point in entry.points])) is not None:
            return f"{name} has the setting {twice!r} twice"
        rounds = {len(point.rounds_s) for point in entry.points}
        if len(entry.points) < 2 or len(rounds) != 1 or not min(rounds):
            return f"{name} needs settings with equally many rounds"
        for point in entry.points:
            if point.mult_adds <= 0 or not all(0 < time_s < math.inf for time_s in point.rounds_s):
                return f"{name} has a time or mult_adds that are not positive"
    return None


def _first_twice(names: Sequence[str]) -> str | None:
    return next((name for place, name in enumerate(names) if name in names[:place]), None)
