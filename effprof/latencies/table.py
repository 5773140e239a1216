"""A table of whole-network latencies in a CSV file, read without torch; what is wrong with it is one line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effprof.errors import UsageError
from effprof.foreign import one_line
from effprof.latencies.names import full_name
from effprof.settings import MAX_SECONDS, MAX_WHOLE
from effprof.store import read_at_most

COLUMNS = ("device", "model", "batch", "median_ms")
SIZE_COLUMN = "img_size"
MAX_BYTES = 4_000_000
MAX_ROWS = 10_000
LONGEST_NAME = 200
MAX_SIDE = 100_000
MIN_MS, MAX_MS = 1e-6, 1e3 * MAX_SECONDS
"""No network takes less than a nanosecond, and what is far smaller is zero in seconds."""


@dataclass(frozen=True)
class Asked:
    """A network as a table has it: what has to be counted."""

    model: str
    batch: int
    img_size: int | None = None
    """None: the network's default."""

    @property
    def label(self) -> str:
        size = f" at {self.img_size}" if self.img_size else ""
        return f"{self.model}{size}{f' x{self.batch}' if self.batch > 1 else ''}"


@dataclass(frozen=True)
class LatencyTable:
    name: str
    """Of the file."""
    latencies: dict[str, dict[str, float]]
    """Seconds by device and label."""
    networks: dict[str, Asked]
    """By label."""


def read_latencies(path: Path) -> LatencyTable:
    """The columns device, model, batch, median_ms and, if wanted, img_size; others are ignored.

    Raises UsageError, which names the line and says what would be right.
    """
    latencies: dict[str, dict[str, float]] = {}
    networks: dict[str, Asked] = {}
    seen: set[tuple[object, ...]] = set()
    for line, row in _rows(path):
        where = f"{path}, line {line}"
        device, model = (_name(row[column], f"{where}, {column}") for column in ("device", "model"))
        size = row.get(SIZE_COLUMN)
        side = _whole(size, MAX_SIDE, f"{where}, {SIZE_COLUMN}") if size else None
        network = Asked(model, _whole(row["batch"], MAX_WHOLE, f"{where}, batch"), side)
        name = full_name(model)
        identity = device, name, network.batch, side
        of_device = latencies.setdefault(device, {})
        if identity in seen or network.label in of_device:
            known_as = "" if name == model else f" ({one_line(name)})"
            raise UsageError(
                f"{where}: {one_line(model)}{known_as} at this batch and size is there twice for {one_line(device)}. "
                "Give each one row, with the median."
            )
        seen.add(identity)
        of_device[network.label] = _milliseconds(row["median_ms"], f"{where}, median_ms") / 1e3
        networks[network.label] = network
    if not latencies:
        raise UsageError(f"{path} has no rows. Give one a network: {','.join(COLUMNS)}.")
    return LatencyTable(path.name, latencies, networks)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Lines and their cells, nothing checked but the columns' names and how much there is."""
    try:
        data = read_at_most(path, MAX_BYTES)
        if data is None:
            raise UsageError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB. Give whole networks, one row each.")
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UsageError(f"{path} has no column {missing[0]!r}. Needed are {', '.join(COLUMNS)}.")
        for number, row in enumerate(reader):
            if number == MAX_ROWS:
                raise UsageError(f"{path} has more than {MAX_ROWS} rows. Give whole networks, one row each.")
            yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8.") from None
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or one_line(str(error))
        raise UsageError(f"Cannot read {path}: {reason}. Give a CSV file with {', '.join(COLUMNS)}.") from None


def _name(text: str | None, where: str) -> str:
    name = (text or "").strip()
    if not 0 < len(name) <= LONGEST_NAME:
        found = f"{len(name)} characters" if name else "nothing"
        raise UsageError(f"{where}: found {found}. Give a name of up to {LONGEST_NAME} characters.")
    return name


def _whole(text: str | None, high: int, where: str) -> int:
    value = _number(text)
    if not (1 <= value <= high and value == int(value)):  # also for nan
        raise UsageError(f"{where}: found {_shown(text)}. Give a whole number from 1 to {high}.")
    return int(value)


def _milliseconds(text: str | None, where: str) -> float:
    value = _number(text)
    if not MIN_MS <= value <= MAX_MS:  # also for nan
        raise UsageError(f"{where}: found {_shown(text)}. Give milliseconds from {MIN_MS:g} to {MAX_MS:.0f}.")
    return value


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _shown(text: str | None) -> str:
    return "nothing" if text is None else repr(one_line(text))
