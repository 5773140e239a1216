"""Are the ceilings ceilings? The best of an exhaustive sweep of torch.mm and a STREAM copy compiled here, beside ours.

    python experiments/ceilings.py [--threads 1] [--quick] [--minutes 6] [--repeats 3]

Calibrates anew (nothing is saved), then sweeps torch.mm over squares and over all (m, k, n) of a grid, then compiles
`stream_copy.c` with -O3 -march=native (and -fopenmp) and runs it at our working sets, `--repeats` times in turn with
the calibration's own copies in fresh processes, so that what the machine does meanwhile is done to both.

Rates: the fastest tenth of the runs, ours and the sweep's; STREAM's own figure is its best run, its median stands
beside it. The best of a sweep is too good on average (the best of many noisy figures): the best five are timed again
and the best of those counts; what the sweep itself saw is printed too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from effprof.ceiling_records import Ceilings, CeilingSpec
from effprof.ceilings.cpu_rig import CpuRig
from effprof.ceilings.search import rate_of, times_of
from effprof.ceilings.session import Stand, measure_ceilings, stand_for
from effprof.ceilings.tasks import Task
from effprof.ceilings.trials import Trial, traffic_cells
from effprof.measure.guard import threads_set
from effprof.units import format_bytes, format_count

SQUARES = range(128, 2049, 64)
GRID = (128, 256, 512, 1024, 2048)
AGAIN, AGAIN_S = 5, 2.0
ALLOWED = 0.05
SOURCE = Path(__file__).with_name("stream_copy.c")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="the quick calibration")
    parser.add_argument("--minutes", type=float, default=6.0, help="for the sweep of torch.mm, at most")
    parser.add_argument("--repeats", type=int, default=3, help="processes of STREAM")
    args = parser.parse_args()
    spec = CeilingSpec(threads=args.threads, quick=args.quick)
    stand = stand_for(spec)
    print(f"{stand.device.name}, {args.threads} thread(s); load at the start {os.getloadavg()[0]:.2f}", flush=True)
    ceilings = measure_ceilings(spec, stand, lambda text, share: None)
    print(f"calibrated in {ceilings.took_s:.0f} s; notes: {', '.join(n.code for n in ceilings.notes) or 'none'}")
    compare_products(ceilings, args.threads, args.minutes)
    compare_copies(ceilings, stand, args.threads, args.repeats)


# ---------------------------------------------------------------------------------------------------- matrix products


def sweep_shapes() -> list[tuple[int, int, int]]:
    """Squares, and every (m, k, n) of the grid; the small ones first."""
    shapes = {(n, n, n) for n in SQUARES} | set(itertools.product(GRID, repeat=3))
    return sorted(shapes, key=lambda shape: shape[0] * shape[1] * shape[2])


def compare_products(ceilings: Ceilings, threads: int, minutes: float) -> None:
    ours = ceilings.compute_of("matmul")
    shapes = sweep_shapes()
    with threads_set(threads):
        rates = dict(swept(shapes, 60 * minutes))
        best = sorted(rates, key=lambda shape: -rates[shape])[:AGAIN]
        again = {shape: rate(shape, AGAIN_S) for shape in best}
    winner = max(again, key=lambda shape: again[shape])
    gap = ours.mult_adds_per_s.value / again[winner] - 1
    low, high = ours.mult_adds_per_s.ci95
    print(f"\ntorch.mm, mult_adds per second ({len(rates)} of {len(shapes)} shapes swept)")
    print(f"  ceiling            {format_count(ours.mult_adds_per_s.value):>9}  {ours.best}")
    print(f"    95 % interval    {format_count(low)} to {format_count(high)}")
    print(f"  best of the sweep  {format_count(again[winner]):>9}  {'x'.join(map(str, winner))}, timed again")
    print(f"    as first seen    {format_count(max(rates.values())):>9}")
    print(f"  ceiling against it {gap:+.1%}: {verdict(gap)}", flush=True)


def swept(shapes: Sequence[tuple[int, int, int]], seconds: float) -> Iterator[tuple[tuple[int, int, int], float]]:
    """Each shape for its part of the time that is left."""
    end = monotonic() + seconds
    for number, shape in enumerate(shapes):
        left = end - monotonic()
        if left <= 0:
            return
        yield shape, rate(shape, min(0.5, left / (len(shapes) - number)))


def rate(shape: tuple[int, int, int], seconds: float) -> float:
    m, k, n = shape
    trial = Trial("matmul", "plain", shape, m * k * n)
    return rate_of(trial, times_of(trial, CpuRig("fp32", 0), seconds))


# -------------------------------------------------------------------------------------------------------------- copies


def compare_copies(ceilings: Ceilings, stand: Stand, threads: int, repeats: int) -> None:
    """STREAM against the ceiling as calibrated, and against the same trials timed again in turn with it."""
    copies = ceilings.traffic_of("copy")
    sizes = [one.working_set_bytes for one in copies]
    chosen = tuple(trial_named(one.best, one.working_set_bytes, threads) for one in copies)
    search = Task(ceilings.spec, stand.mallocs[-1], threads=threads, chosen=chosen)
    best: list[list[float]] = []
    medians: list[list[float]] = []
    again: list[list[float]] = []
    with compiled(threads) as program:
        for number in range(repeats):
            rows = stream(program, sizes, threads)
            best.append([row[0] for row in rows])
            medians.append([row[1] for row in rows])
            seen = stand.conduct(replace(search, number=100 + number), lambda text, share: None)
            again.append([trial.work / fast_s for trial, fast_s in zip(chosen, seen.fast_s, strict=True)])
    print("\ncopy, bytes per second (read + written), median of processes")
    heads = (("working set", 14), ("ceiling", 11), ("timed again", 13), ("STREAM best", 13), ("median", 11))
    print("".join(f"{head:>{width}}" for head, width in heads) + f"{'against best':>14}  by")
    for place, one in enumerate(copies):
        theirs, own = (statistics.median(rates[place] for rates in table) for table in (best, again))
        typical = statistics.median(rates[place] for rates in medians)
        cells = (one.bytes_per_s.value, own, theirs, typical)
        texts = "".join(f"{format_bytes(cell):>{width}}" for cell, width in zip(cells, (11, 13, 13, 11), strict=True))
        gap = one.bytes_per_s.value / theirs - 1
        print(f"  {format_bytes(one.working_set_bytes):>12}{texts}{gap:>+14.1%}  {one.best}")
    last, theirs = copies[-1], statistics.median(rates[-1] for rates in best)
    gap, own = last.bytes_per_s.value / theirs - 1, statistics.median(rates[-1] for rates in again) / theirs - 1
    print(f"  beyond the caches ({format_bytes(last.working_set_bytes)}): ceiling {gap:+.1%}, timed again {own:+.1%}: "
          f"{verdict(gap)}")  # fmt: skip


def trial_named(best: str, size: int, threads: int) -> Trial:
    """The trial of a copy that a ceiling says was fastest; of torch's copy the one over windows where there is one."""
    cell = next(cell for cell in traffic_cells((size,), threads) if cell[0].kind == "copy")
    form = "libc" if best == "memmove" else "windows" if cell[0].form == "windows" else "tensor"
    return next(trial for trial in cell if trial.form == form)


class compiled:
    """A context manager: the program's path, gone afterwards."""

    def __init__(self, threads: int) -> None:
        self.flags = ["-O3", "-march=native", *(["-fopenmp"] if threads > 1 else [])]

    def __enter__(self) -> Path:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise SystemExit("There is no C compiler here (gcc or cc).")
        self.folder = tempfile.TemporaryDirectory(prefix="stream-")
        program = Path(self.folder.name) / "stream_copy"
        subprocess.run([compiler, *self.flags, str(SOURCE), "-o", str(program)], check=True)
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
        print(f"\n{version.splitlines()[0]}: {' '.join(self.flags)}")
        return program

    def __exit__(self, *args: object) -> None:
        self.folder.cleanup()


def stream(program: Path, sizes: Sequence[int], threads: int, runs: int = 20) -> list[tuple[float, float]]:
    """(best, median) in bytes per second for each working set, from one process."""
    command = [str(program), str(runs), *map(str, sizes)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(float(best), float(median)) for _, best, median in rows]


def verdict(gap: float) -> str:
    return f"within {ALLOWED:.0%}" if abs(gap) <= ALLOWED else f"NOT within {ALLOWED:.0%}"


if __name__ == "__main__":
    main()
