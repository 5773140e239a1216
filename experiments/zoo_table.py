"""The whole zoo measured: how long each network takes, where the time goes, and whether the parts make the whole.

    python experiments/zoo_table.py [--threads 1 2] [--models NAME ...] [--resume] [--minutes 40]
    python experiments/zoo_table.py --runs 5 --resume           # for the residual: median of 5 processes
    python experiments/zoo_table.py --plot-only                 # tables and charts again from runs.csv

Every run is a fresh process (3 to 8 s, of which about 2 are counting and calibration). Each pass takes all networks in
a random order, so that a slow hour of the machine is spread over the zoo, and finished runs are on disk
at once: after an interruption, or after `--minutes`, `--resume` goes on where it stopped. `--max-time` bounds the
timed part of a run. Wants a quiet machine.

Writes into reports/zoo-<cpu>/ (`--output`): runs.csv (a row a run), zoo.csv (a row a network and thread count: medians
of the runs), zoo.md, and as .png and .svg: decomposition (a choice of networks), decomposition_all and
latency_vs_mult_adds. Prints how many networks slower than 2 ms have a residual within 2 %, and the worst.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from fresh import measure_in_fork
from results import (
    command_line,
    device_option,
    keep_row,
    measure_all,
    read_rows,
    refuse_to_overwrite,
    slug,
    write_rows,
)
from zoo_charts import draw_decomposition
from zoo_markdown import zoo_markdown
from zoo_rows import RunRow, residual_verdict, run_row, summarise
from zoo_scatter import draw_scatter

from effprof.devices.cpuinfo import cpu_name
from effprof.records import RunSpec
from effprof.store import write_atomically
from effprof.zoo import ZooEntry, table

REPORTS = Path(__file__).parents[1] / "reports"
Task = tuple[int, ZooEntry, int]
"""Number of the run, network, threads."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", help="of the zoo; default: all of it")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runs", type=int, default=1, help="processes a network and thread count (default: 1)")
    parser.add_argument("--min-time", type=float, default=0.5, help="seconds of plain runs at least (default: 0.5)")
    parser.add_argument("--max-time", type=float, default=4.0, help="seconds of timed runs at most (default: 4)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--device", type=device_option, default="cpu", help="cpu, or fake[:PLAN.json] to try it")
    parser.add_argument("--seed", type=int, default=0, help="of the order of networks and of their runs")
    parser.add_argument("--minutes", type=float, help="start no run that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep the rows of runs.csv and measure what is missing")
    parser.add_argument("--plot-only", action="store_true", help="measure nothing")
    parser.add_argument("--chart-threads", type=int, help="thread count of the charts; default: the smallest measured")
    parser.add_argument("--output", type=Path, help="default: reports/zoo-<cpu>, or reports/runs/zoo-fake")
    args = parser.parse_args()
    fake = args.device.startswith("fake")
    folder = args.output or REPORTS / ("runs/zoo-fake" if fake else f"zoo-{slug(cpu_name() or 'unknown')}")
    failed: list[str] = []
    if not args.plot_only:
        failed = measure_runs(args, chosen(args.models, parser), folder / "runs.csv")
    finish(folder, args.chart_threads)
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def chosen(names: Sequence[str] | None, parser: argparse.ArgumentParser) -> list[ZooEntry]:
    """The zoo, or those of its networks that were named."""
    known = {name: entry for entry in table() for name in (entry.name, *entry.aliases)}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        parser.error(f"not in the zoo: {', '.join(unknown)}; `effprof models` lists it")
    return [known[name] for name in names] if names else list(table())


def missing(args: argparse.Namespace, entries: Sequence[ZooEntry], path: Path) -> list[Task]:
    """What is to be measured: pass by pass, each in an order of its own."""
    there = read_rows(path, RunRow)
    refuse_to_overwrite(path, there, args.resume)
    done = {(row.run, *row.key) for row in there}
    tasks: list[Task] = []
    for run in range(1, args.runs + 1):
        one_pass = [(run, entry, threads) for entry in entries for threads in args.threads]
        random.Random(f"{args.seed} {run}").shuffle(one_pass)
        tasks += [task for task in one_pass if (run, task[1].name, task[2]) not in done]
    return tasks


def measure_runs(args: argparse.Namespace, entries: Sequence[ZooEntry], path: Path) -> list[str]:
    """A row for every run that has none yet; gives what could not be measured, and why."""
    tasks = missing(args, entries, path)
    rows = read_rows(path, RunRow)

    def kept(row: RunRow) -> str:
        keep_row(path, rows, row)
        return (
            f"{row.model:<24}{row.threads:>2} thr  run {row.run}{1e3 * row.latency_s:>10.2f} ms  "
            f"residual {100 * row.residual_fraction:+6.2f} %{row.wall_s:>7.1f} s"
        )

    return measure_all(
        tasks, partial(measured, args), kept, minutes=args.minutes,
        named=lambda task: f"{task[1].name}, {task[2]} threads",
    )  # fmt: skip


def measured(args: argparse.Namespace, task: Task) -> RunRow:
    """One fresh process. Raises InterruptedRunError for a run that was cut short."""
    run, entry, threads = task
    spec = RunSpec(
        entry.name,
        device=args.device,
        threads=threads,
        malloc=args.malloc,
        min_time_s=min(args.min_time, args.max_time),
        max_time_s=args.max_time,
        seed=args.seed + run,
        command=command_line(),
    )
    started = monotonic()
    profile = measure_in_fork(spec)
    return run_row(entry, profile, run, monotonic() - started)


def finish(folder: Path, chart_threads: int | None) -> None:
    """Summary, table and charts from runs.csv, and the verdict on the residual."""
    runs = read_rows(folder / "runs.csv", RunRow)
    if not runs:
        print(f"{folder / 'runs.csv'} has no runs.")
        return
    rows = summarise(runs, [entry.name for entry in table()])
    write_rows(folder / "zoo.csv", rows)
    threads = chart_threads or min(row.threads for row in rows)
    shown = [row for row in rows if row.threads == threads]
    draw_decomposition(shown, runs, folder)
    draw_scatter(shown, runs, folder)
    write_atomically(folder / "zoo.md", zoo_markdown(rows, runs, threads).encode())
    print("\n".join(residual_verdict(rows)))
    print(f"Written: {folder}")


if __name__ == "__main__":
    main()
