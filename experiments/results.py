"""What the scripts that fill `reports/` share: rows in CSV files, the machine they are of, figures as files."""

from __future__ import annotations

import argparse
import csv
import io
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from effprof.errors import BadFileError, EffprofError, InterruptedRunError
from effprof.settings import usable_device
from effprof.store import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from effprof.records import Profile

DPI = 150
Row = TypeVar("Row")
Task = TypeVar("Task")
Result = TypeVar("Result")
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
    seed: int | None = None
    """Of weights, inputs and order; None in rows older than this column."""

    @property
    def setting(self) -> tuple[str, ...]:
        """What all rows of one table must have in common."""
        return (self.device, self.cpu, self.torch, self.malloc)


def measured_of(profile: Profile) -> dict[str, Any]:
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
        "seed": profile.spec.seed,
    }


def slug(text: str) -> str:
    """For a folder's name: `AMD EPYC 7B13` gives `amd-epyc-7b13`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def device_option(text: str) -> str:
    """For `--device`: one that is here, so that nothing is measured on another under its name."""
    try:
        return usable_device(text)
    except EffprofError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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


# ------------------------------------------------------------------------------------------------------ measuring


def measure_all(
    tasks: Sequence[Task],
    measured: Callable[[Task], Result],
    kept: Callable[[Result], str],
    *,
    named: Callable[[Task], str],
    minutes: float | None = None,
    what: str = "runs",
) -> list[str]:
    """Measures the tasks one after another; gives what could not be measured, and why.

    Args:
        measured: raises EffprofError for what cannot be measured, InterruptedRunError for what was cut short.
        kept: puts a result on disk at once, and gives the line about it that is printed.
        named: how a task that could not be measured is called.
    """
    started, failed = monotonic(), []
    for number, task in enumerate(in_time(tasks, minutes, what)):
        try:
            result = measured(task)
        except (InterruptedRunError, KeyboardInterrupt):
            print(f"Interrupted; {len(tasks) - number} {what} are left for --resume.")
            break
        except EffprofError as error:
            failed.append(f"{named(task)}: {error}")
            print(failed[-1], flush=True)
            continue
        line, done = kept(result), number + 1
        left = time_left(done, len(tasks), monotonic() - started)
        print(f"[{done:>{len(str(len(tasks)))}}/{len(tasks)}] {line}, {left} left", flush=True)
    return failed


def refuse_to_mix(path: Path, rows: Sequence[Measured], option: str = "--output") -> None:
    """Exits when the rows are not all of one device, CPU, torch and allocator; `option` chooses another folder."""
    settings = sorted({row.setting for row in rows})
    if len(settings) > 1:
        sys.exit(f"{path} would mix settings: {' and '.join(map(str, settings))}. Use another {option}.")


def refuse_to_overwrite(path: Path, rows: Sequence[Measured], resume: bool, option: str = "--output") -> None:
    if rows and not resume:
        sys.exit(f"{path} has {len(rows)} rows: --resume goes on, {option} chooses another folder.")


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
    """At once on disk, so that an interruption loses nothing; a file from before there were more columns gets them."""
    is_new = not path.exists()
    if not is_new and _columns(path) != [field.name for field in fields(row)]:
        write_rows(path, [*read_rows(path, type(row)), row])
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(_as_csv([row], with_header=is_new))


def _columns(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def keep_row(path: Path, rows: list[Any], row: Measured, option: str = "--output") -> None:
    """Adds the row to those of the file, here and on disk. Exits where it is of another setting than they are."""
    rows.append(row)
    refuse_to_mix(path, rows, option)
    append_row(path, row)


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
