"""The whole zoo measured at two input sizes: a table of latencies of this device, and how counted work explains it.

    python experiments/latency_zoo.py [--threads 1] [--models NAME ...] [--minutes 20] [--resume]
    python experiments/latency_zoo.py --report-only               # fits and charts again from runs.csv

Every network runs at its own size and at 160 px (24 for those of 32), each in a fresh process and all in random order,
so that a slow minute of the machine is spread over the zoo. Finished runs are on disk at once; after an interruption,
or after --minutes, --resume goes on. 137 runs of 3 to 5 s take about ten minutes. Wants a quiet machine.

Writes into reports/flops-are-not-latency/ (--output-dir): zoo-<cpu>/runs.csv (a row a run), zoo-<cpu>/latencies.csv
(device, model, batch, img_size, median_ms: what `effprof guidelines --latencies` and `flops_are_not_latency.py` read),
and the fit as zoo-<cpu>.md, .csv, -predictions.csv, .png, .svg and devices/zoo-<cpu>/*.json.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from fresh import measure_in_fork
from latency_report import Study, write
from results import (
    Measured,
    command_line,
    device_option,
    keep_row,
    machine_text,
    measure_all,
    measured_of,
    read_rows,
    refuse_to_overwrite,
    slug,
    write_rows,
)

from effprof.analyze import analyze
from effprof.devices.cpuinfo import cpu_name
from effprof.errors import EffprofError
from effprof.latencies import count_table, read_latencies, regression_of
from effprof.latencies.networks import count_networks
from effprof.records import Profile, RunSpec
from effprof.zoo import ZooEntry, table

REPORT = Path(__file__).parents[1] / "reports" / "flops-are-not-latency"
RUNS, LATENCIES = "runs.csv", "latencies.csv"
SECOND_SIDE = {224: 160, 299: 160, 32: 24}
ONE_SIZE = {"lenet5": "its linear layers take 32 px and nothing else"}
Task = tuple[ZooEntry, int, int]
"""Network, side of its input, threads."""


@dataclass(frozen=True, kw_only=True)
class ZooLatency(Measured):
    """One process: a network of the zoo at one size, batch 1."""

    model: str
    img_size: int
    threads: int
    latency_s: float
    ci95_low_s: float
    ci95_high_s: float
    samples: int
    stopped_because: str
    page_faults: float | None = None
    notes: str = ""
    wall_s: float

    @property
    def key(self) -> tuple[str, int, int]:
        return self.model, self.img_size, self.threads


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """As `effprof guidelines --latencies` takes it."""

    device: str
    model: str
    batch: int
    img_size: int
    median_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", help="of the zoo; default: all of it")
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--min-time", type=float, default=0.3, help="seconds of plain runs at least (default: 0.3)")
    parser.add_argument("--max-time", type=float, default=1.5, help="seconds of timed runs at most (default: 1.5)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--device", type=device_option, default="cpu", help="cpu, or fake[:PLAN.json] to try it")
    parser.add_argument("--seed", type=int, default=0, help="of weights, inputs and order")
    parser.add_argument("--minutes", type=float, help="begin no run that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep what is measured and measure what is missing")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--output-dir", type=Path, help="default: reports/flops-are-not-latency, or runs/ for fake")
    args = parser.parse_args()
    fake = args.device.startswith("fake")
    parent = args.output_dir or (REPORT.parent / "runs" / "flops-are-not-latency" if fake else REPORT)
    folder = parent / f"zoo-{'fake' if fake else slug(cpu_name() or 'unknown')}"
    failed: list[str] = []
    if not args.report_only:
        failed = measure_runs(args, chosen(args.models, parser), folder / RUNS)
    try:
        study = zoo_study(folder)
        print("\n".join(study.lines()))
        write(parent, [study])
    except EffprofError as error:
        failed.append(str(error))
    sys.exit("\n".join(["", "Fell short:", *failed]) if failed else 0)


# ---------------------------------------------------------------------------------------------------------- measuring


def sides(entry: ZooEntry) -> tuple[int, ...]:
    """Its own size first."""
    own = entry.input_shape[-1]
    return (own,) if entry.name in ONE_SIZE else (own, SECOND_SIDE[own])


def chosen(names: Sequence[str] | None, parser: argparse.ArgumentParser) -> list[ZooEntry]:
    known = {name: entry for entry in table() for name in (entry.name, *entry.aliases)}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        parser.error(f"not in the zoo: {', '.join(unknown)}; `effprof models` lists it")
    return [known[name] for name in names] if names else list(table())


def missing(args: argparse.Namespace, entries: Sequence[ZooEntry], path: Path) -> list[Task]:
    there = read_rows(path, ZooLatency)
    refuse_to_overwrite(path, there, args.resume, "--output-dir")
    done = {row.key for row in there}
    tasks = [(entry, side, threads) for entry in entries for side in sides(entry) for threads in args.threads]
    random.Random(args.seed).shuffle(tasks)
    return [task for task in tasks if (task[0].name, *task[1:]) not in done]


def measure_runs(args: argparse.Namespace, entries: Sequence[ZooEntry], path: Path) -> list[str]:
    """A row for every run that has none yet; gives what could not be measured, and why."""
    tasks = missing(args, entries, path)
    rows = read_rows(path, ZooLatency)

    def kept(row: ZooLatency) -> str:
        keep_row(path, rows, row, "--output-dir")
        return (
            f"{row.model:<24}{row.img_size:>4} px{row.threads:>3} thr{1e3 * row.latency_s:>10.2f} ms"
            f"{row.wall_s:>7.1f} s"
        )

    return measure_all(
        tasks, partial(measured, args), kept, minutes=args.minutes,
        named=lambda task: f"{task[0].name} at {task[1]}, {task[2]} threads",
    )  # fmt: skip


def measured(args: argparse.Namespace, task: Task) -> ZooLatency:
    """One fresh process. Raises InterruptedRunError for a run that was cut short."""
    entry, side, threads = task
    spec = RunSpec(
        entry.name,
        device=args.device,
        img_size=side,
        threads=threads,
        malloc=args.malloc,
        min_time_s=min(args.min_time, args.max_time),
        max_time_s=args.max_time,
        seed=args.seed,
        command=command_line(),
    )
    started = monotonic()
    profile = measure_in_fork(spec)
    return latency_row(profile, side, threads, monotonic() - started)


def latency_row(profile: Profile, side: int, threads: int, wall_s: float) -> ZooLatency:
    analysis = analyze(profile)
    latency = analysis.latency
    assert latency is not None
    return ZooLatency(
        model=profile.spec.model,
        img_size=side,
        threads=threads,
        latency_s=latency.median_s,
        ci95_low_s=latency.ci95_s[0],
        ci95_high_s=latency.ci95_s[1],
        samples=latency.runs,
        stopped_because=latency.stopped_because,
        page_faults=latency.page_faults_per_run,
        notes=" ".join(note.code for note in analysis.notes),
        wall_s=wall_s,
        **measured_of(profile),
    )


# ------------------------------------------------------------------------------------------------------------ judging


def measured_folders(report: Path) -> list[Path]:
    return sorted(path.parent for path in report.glob(f"zoo-*/{RUNS}"))


def zoo_study(folder: Path) -> Study:
    """The table of what was measured, written beside it, and its fit.

    Raises UsageError for too few networks.
    """
    runs = read_rows(folder / RUNS, ZooLatency)
    rows = list(table_rows(runs))
    if rows:
        write_rows(folder / LATENCIES, rows)
    counted = count_table(read_latencies(folder / LATENCIES), "cpu", count_networks)
    regression = regression_of(counted, "cpu", notes=(machine_text(runs).rstrip(), *notes_on(runs)))
    first = runs[0]
    dates = sorted(run.started_utc for run in runs)
    source = {
        **{name: getattr(first, name) for name in ("cpu", "torch", "malloc", "git")},
        "measured_utc": [dates[0], dates[-1]],
        "commands": list(dict.fromkeys(run.command for run in runs)),
    }
    return Study(folder.name, regression, source)


def table_rows(runs: Sequence[ZooLatency]) -> Iterator[TableRow]:
    """In the zoo's order."""
    places = {entry.name: place for place, entry in enumerate(table())}
    for run in sorted(runs, key=lambda run: (run.threads, places.get(run.model, len(places)), -run.img_size)):
        where = run.cpu if run.device == "cpu" else "make-believe clock"
        yield TableRow(
            device=f"{where}, {run.threads} thread{'' if run.threads == 1 else 's'}",
            model=run.model,
            batch=1,
            img_size=run.img_size,
            median_ms=1e3 * run.latency_s,
        )


def notes_on(runs: Sequence[ZooLatency]) -> Iterator[str]:
    """What is in the table and what is not."""
    models = {run.model for run in runs}
    absent = [entry.name for entry in table() if entry.name not in models]
    yield (
        f"{len(runs)} latencies of {len(models)} of the zoo's {len(table())} networks, fp32, batch 1, at their own "
        "size and at a smaller one (160 px, or 24 for those of 32). A network is left out of the fit at all its sizes; "
        "variants of other widths and groups stay in, and go with the whole family in the last column."
    )
    for name, reason in ONE_SIZE.items():
        if name in models:
            yield f"{name} is there at one size only: {reason}."
    if absent:
        yield f"Not measured: {', '.join(absent)}."
    wide = [run for run in runs if run.ci95_high_s - run.ci95_low_s > 0.1 * run.latency_s]
    yield f"In {len(wide)} of {len(runs)} rows the 95 % interval of the process's own median is wider than 10 %."


if __name__ == "__main__":
    main()
