"""How often `effprof compare` is right: the same network twice, 10 % more work, a busy neighbour.

    python experiments/compare_rates.py [--pairs 100] [--busy 20] [--resume] [--minutes 35]
    python experiments/compare_rates.py --report-only        # the figures again from runs.csv
    python experiments/compare_rates.py --device fake --pairs 3 --busy 1 --output reports/runs/try

Every run is five rounds (`--rounds`) of `--min-time` 0.2 s, each in a fresh process, merged as `effprof run --rounds 5`
merges them. The network is one of 20 equal blocks, the other has 22: exactly 10 % more multiply-adds. Numbers 1 to
`--pairs` have three runs each, in random order: `first` and `second` of the 20 blocks, `more work` of the 22; the first
`--busy` of them also have `busy`: the 20 blocks while another process streams through memory on a core of its own. So
no run is in two comparisons of one kind. 320 runs take about 50 minutes on two cores, which must be quiet: a round
begins when a fixed piece of work (quiet.py) is as fast as ever on every core, and one in which it was slower than in
the fastest quarter of all rounds, or other processes were seen, is measured again whatever its figures (column
`repeats`, `--repeats` times at most).

A run is on disk at once, in reports/compare-<cpu>/runs.csv (`--output`), and `--resume` measures what is missing. The
figures are printed and written beside it as rates.md; they follow from runs.csv by the rule as it is now.
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep

from compare_networks import INPUT_SHAPE
from compare_runs import BUSY, FIRST, MORE, SECOND, RunRow, report, run_row
from fresh import measure_in_fork
from quiet import Canary, quietly
from results import (
    command_line,
    device_option,
    keep_row,
    machine_text,
    measure_all,
    read_rows,
    refuse_to_overwrite,
    slug,
)  # fmt: skip

from effprof.analyze.machine_speed import SLOWED, usual_work_s
from effprof.devices.cpuinfo import cpu_name
from effprof.measure.processes import all_rounds
from effprof.records import Profile, RunSpec
from effprof.store import write_atomically

REPORTS = Path(__file__).parents[1] / "reports"
NETWORKS = Path(__file__).with_name("compare_networks.py")
STARTUP_S = 1.0
"""Until the neighbour is busy."""
NEIGHBOUR = "import numpy\na, b = numpy.ones((2, 2**24))\nwhile True: numpy.copyto(a, b); a *= 1.5; a /= 1.5"
CANARY = Canary()
Task = tuple[int, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--busy", type=int, default=20, help="comparisons with a busy neighbour (default: 20)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--min-time", type=float, default=0.2)
    parser.add_argument("--max-time", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--malloc", default="default", choices=("default", "steady"))
    parser.add_argument("--device", type=device_option, default="cpu", help="cpu, or fake[:PLAN.json] to try it")
    parser.add_argument("--seed", type=int, default=0, help="of the order of runs")
    parser.add_argument("--repeats", type=int, default=9, help="of a round during which the machine was not quiet")
    parser.add_argument("--minutes", type=float, help="start no run that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep the rows of runs.csv and measure what is missing")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, help="default: reports/compare-<cpu>, or reports/runs/compare-fake")
    args = parser.parse_args()
    fake = args.device.startswith("fake")
    folder = args.output or REPORTS / ("runs/compare-fake" if fake else f"compare-{slug(cpu_name() or 'unknown')}")
    failed = [] if args.report_only else measure_runs(args, folder / "runs.csv")
    finish(folder)
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def missing(args: argparse.Namespace, path: Path) -> list[Task]:
    """What is to be measured: number by number, each in an order of its own."""
    there = read_rows(path, RunRow)
    refuse_to_overwrite(path, there, args.resume)
    done = {(row.number, row.which) for row in there}
    tasks: list[Task] = []
    for number in range(1, args.pairs + 1):
        runs = [FIRST, SECOND, MORE, *([BUSY] if number <= args.busy else [])]
        random.Random(f"{args.seed} {number}").shuffle(runs)
        tasks += [(number, which) for which in runs if (number, which) not in done]
    return tasks


def measure_runs(args: argparse.Namespace, path: Path) -> list[str]:
    """A row for every run that has none yet; gives what could not be measured, and why."""
    tasks = missing(args, path)
    rows = read_rows(path, RunRow)

    def kept(row: RunRow) -> str:
        keep_row(path, rows, row)
        values_ms = " ".join(f"{1e3 * value:.2f}" for value in row.values["latency"])
        return " ".join([f"{row.number:>3} {row.which:<10}{values_ms} ms ", *row.notes.split(), f"{row.wall_s:.1f} s"])

    return measure_all(
        tasks, lambda task: measured(args, *task), kept, minutes=args.minutes,
        named=lambda task: f"{task[0]} {task[1]}",
    )  # fmt: skip


def measured(args: argparse.Namespace, number: int, which: str) -> RunRow:
    """One run: its rounds in fresh processes, one after another."""
    network = "twenty_two" if which == MORE else "twenty"
    spec = RunSpec(
        f"{NETWORKS}:{network}",
        device=args.device,
        input_shape=(INPUT_SHAPE,),
        threads=args.threads,
        malloc=args.malloc,
        rounds=args.rounds,
        min_time_s=args.min_time,
        max_time_s=args.max_time,
        command=command_line(),
    )
    specs = list(round_specs(spec, number, which))
    if which == BUSY:
        with neighbour():
            return one_run(specs, number, which, lambda one: (measure_in_fork(one), 0))
    return one_run(specs, number, which, lambda one: quiet_round(one, args.repeats, f"{number} {which}"))


def one_run(
    specs: Sequence[RunSpec], number: int, which: str, one_round: Callable[[RunSpec], tuple[Profile, int]]
) -> RunRow:
    """As `effprof run --rounds` measures; `one_round` gives a round, and how often it was measured again."""
    started, repeats = monotonic(), 0

    def measure(place: int, again: bool) -> Profile:
        nonlocal repeats
        profile, more = one_round(specs[place])
        repeats += more + again
        return profile

    profile = all_rounds(len(specs), measure)
    return replace(run_row(profile, number, which, monotonic() - started, command_line()), repeats=repeats)


def quiet_round(spec: RunSpec, most: int, name: str) -> tuple[Profile, int]:
    if spec.device.startswith("fake"):
        return measure_in_fork(spec), 0
    return quietly(CANARY, lambda: measure_in_fork(spec), FAST.was_disturbed, most, name)


@dataclass
class FastRounds:
    """How fast the machine is in the fastest quarter of the rounds so far. (Of the fastest one, by luck 5 % faster than
    others on a quiet machine, most would fall short.)"""

    works_s: list[float] = field(default_factory=list)

    def was_disturbed(self, profile: Profile) -> bool:
        work_s = usual_work_s(profile.rounds) or math.inf
        self.works_s.append(work_s)
        fast_s = sorted(self.works_s)[len(self.works_s) // 4]
        return work_s > SLOWED * fast_s or any(note.code == "other-load" for note in profile.notes)


FAST = FastRounds()


def round_specs(spec: RunSpec, number: int, which: str) -> Iterator[RunSpec]:
    """The same for every round, as in `effprof run`; only the make-believe clock needs another seed for other times."""
    for place in range(spec.rounds):
        own = random.Random(f"{number} {which} {place}").randrange(2**31)
        yield replace(spec, seed=own) if spec.device.startswith("fake") else spec


@contextmanager
def neighbour() -> Iterator[None]:
    """Another process, busy on one core and in memory, while this lasts."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        sleep(STARTUP_S)
        yield
        if process.poll() is not None:
            raise RuntimeError("the busy neighbour ended by itself")
    finally:
        process.kill()
        process.wait()


def finish(folder: Path) -> None:
    rows = read_rows(folder / "runs.csv", RunRow)
    if not rows:
        print(f"{folder / 'runs.csv'} has no runs.")
        return
    lines = list(report(rows))
    text = f"# How often `effprof compare` is right\n\n{machine_text(rows)}\n```\n" + "\n".join(lines) + "\n```\n"
    write_atomically(folder / "rates.md", text.encode())
    print("\n".join(lines))
    print(f"Written: {folder}")


if __name__ == "__main__":
    main()
