"""What the scripts that fill `reports/` share: rows in CSV files, the machine they are of, figures as files."""

from __future__ import annotations

import csv
import io
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from effprof.errors import BadFileError
from effprof.store import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from effprof.records import Profile

DPI = 150
Row = TypeVar("Row")
Task = TypeVar("Task")
_STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "effprof",  # the same rows give the same bytes
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Where, when and how a row was measured; part of every row, so that rows of two settings are never mixed."""

    device: str
    cpu: str
    torch: str
    malloc: str
    git: str = ""
    started_utc: str
    command: str

    @property
    def setting(self) -> tuple[str, ...]:
        """What all rows of one table must have in common."""
        return (self.device, self.cpu, self.torch, self.malloc)


def measured_of(profile: Profile) -> dict[str, str]:
    """The fields of `Measured`, of a row that comes from this profile."""
    environment = profile.environment
    return {
        "device": profile.spec.device,
        "cpu": environment.cpu or "unknown CPU",
        "torch": environment.torch or "?",
        "malloc": environment.allocator,
        "git": environment.git or "",
        "started_utc": environment.started_utc,
        "command": profile.spec.command,
    }


def slug(text: str) -> str:
    """For a folder's name: `AMD EPYC 7B13` gives `amd-epyc-7b13`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def command_line() -> str:
    return shlex.join(["python", f"experiments/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def time_left(done: int, total: int, elapsed_s: float) -> str:
    """`12 min`, from the mean so far; the order is random, so the mean is fair."""
    return f"{elapsed_s / done * (total - done) / 60:.0f} min"


def in_time(tasks: Sequence[Task], minutes: float | None, what: str) -> Iterator[Task]:
    """The tasks, none begun that would end, if it takes as long as those before it, after that many minutes."""
    started = monotonic()
    for number, task in enumerate(tasks):
        if minutes and number and (monotonic() - started) * (number + 1) / number > 60 * minutes:
            print(f"{minutes:g} minutes are up; {len(tasks) - number} {what} are left for --resume.")
            return
        yield task


# ---------------------------------------------------------------------------------------------------------- rows


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Every row of the file, none where it is missing; an empty cell is the field's default.

    Raises BadFileError for a file of other columns.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        cells = [{name: cell for name, cell in row.items() if cell != ""} for row in csv.DictReader(file)]
    try:
        return [msgspec.convert(row, kind, strict=False) for row in cells]
    except msgspec.ValidationError as error:
        raise BadFileError(f"{path} was written by another version of this script ({error}): move it away.") from None


def append_row(path: Path, row: Any) -> None:
    """At once on disk, so that an interruption loses nothing."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(_as_csv([row], with_header=is_new))


def write_rows(path: Path, rows: Sequence[Any]) -> None:
    write_atomically(path, _as_csv(rows, with_header=True).encode())


def _as_csv(rows: Sequence[Any], with_header: bool) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if with_header:
        writer.writerow(field.name for field in fields(rows[0]))
    for row in rows:
        writer.writerow(f"{cell:.7g}" if isinstance(cell, float) else cell for cell in astuple(row))
    return out.getvalue()


def machine_text(rows: Sequence[Measured]) -> str:
    """What every report says first: CPU, torch, allocator, dates, command lines."""
    first = rows[0]
    dates = sorted(row.started_utc[:10] for row in rows)
    period = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    where = first.cpu if first.device == "cpu" else "make-believe clock: no measurement"
    commands = "\n".join(dict.fromkeys(row.command for row in rows))
    commits = ", ".join(dict.fromkeys(row.git for row in rows if row.git))
    return (
        f"{where} · torch {first.torch} · allocator {first.malloc} · {period}"
        f"{f' · commit {commits}' if commits else ''}\n\n```\n{commands}\n```\n"
    )


# -------------------------------------------------------------------------------------------------------- figures


@contextmanager
def figure_style() -> Iterator[None]:
    """matplotlib's settings for one figure, whatever style sheet the reader uses; drawing and saving belong inside."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """A figure without a window and without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """As NAME.png and NAME.svg, without dates."""
    metadata: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "svg": {"Date": None}}
    for kind, about in metadata.items():
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=DPI, metadata=about)
        write_atomically(folder / f"{name}.{kind}", out.getvalue())
