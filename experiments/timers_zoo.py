"""Do two timers tell the same of a network? The zoo by swapped entry points and by torch.profiler, in one process.

    python experiments/timers_zoo.py [--models NAME ...] [--threads 1] [--blocks 4] [--resume] [--minutes 30]
    python experiments/timers_zoo.py --report-only        # the table again from timers.csv

Each network gets a fresh process: both timers are set up and calibrated there, then blocks of paired runs by the one
and by the other take turns in random order, so that both see the same allocator, weights and machine. A network takes
about 10 s, those of a second a run about 30; finished ones are on disk at once, `--resume` measures what is missing.
Wants a quiet machine: a network during which it was not (quiet.py; notes `other-load`, `rounds-differ`) is measured
again whatever came out, `--repeats` times at most (column `repeats`).

Prints for each network the share of the latency in each category by entry points, and by how many percentage points
torch.profiler differs. Writes timers.csv and timers.md into reports/timers-<cpu>/ (`--output`). Wanted: every category
within 3 points for every network slower than 2 ms. Exits with 1 where one is not.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from fresh import MEASURING, DiedError, in_fork
from quiet import Canary, quietly
from results import command_line, keep_row, measure_all, read_rows, refuse_to_overwrite, slug
from timers_rows import CATEGORIES, PARTS, TIMERS, TimerRow, markdown, timer_row, verdict
from zoo_table import chosen

from effprof.devices.cpuinfo import cpu_name
from effprof.errors import EffprofError, InterruptedRunError
from effprof.records import Profile, Round, RunSpec
from effprof.store import write_atomically
from effprof.zoo import table

REPORTS = Path(__file__).parents[1] / "reports"
DISTURBED = {"other-load", "rounds-differ"}
"""Notes of a network that is measured again: its blocks, or they and the calibration, saw different machines."""
CALIBRATION_MAX_TIME_S = 5.0
"""As `effprof run` calibrates by default."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", help="of the zoo; default: all of it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=4, help="of each timer (default: 4)")
    parser.add_argument("--min-time", type=float, default=0.2, help="seconds of a block's plain runs at least")
    parser.add_argument("--max-time", type=float, default=1.5, help="seconds of a block at most (default: 1.5)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--seed", type=int, default=0, help="of the order of networks, blocks and runs")
    parser.add_argument("--repeats", type=int, default=3, help="of a network during which the machine was not quiet")
    parser.add_argument("--minutes", type=float, help="start no network that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep the rows of timers.csv and measure what is missing")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, help="default: reports/timers-<cpu>")
    args = parser.parse_args()
    folder = args.output or REPORTS / f"timers-{slug(cpu_name() or 'unknown')}"
    failed: list[str] = []
    if not args.report_only:
        failed = measure_networks(args, missing(args, parser, folder / "timers.csv"), folder / "timers.csv")
    agrees = finish(folder)
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0 if agrees else 1)


def missing(args: argparse.Namespace, parser: argparse.ArgumentParser, path: Path) -> list[RunSpec]:
    """What is to be measured, in random order."""
    there = read_rows(path, TimerRow)
    refuse_to_overwrite(path, there, args.resume)
    done = {row.key for row in there}
    specs = [
        RunSpec(
            entry.name,
            threads=args.threads,
            malloc=args.malloc,
            min_time_s=min(args.min_time, args.max_time),
            max_time_s=args.max_time,
            seed=args.seed,
            command=command_line(),
        )
        for entry in chosen(args.models, parser)
        if (entry.name, args.threads) not in done
    ]
    random.Random(args.seed).shuffle(specs)
    return specs


def measure_networks(args: argparse.Namespace, specs: Sequence[RunSpec], path: Path) -> list[str]:
    """A row for each network, at once on disk; gives what could not be measured, and why."""
    rows = read_rows(path, TimerRow)

    def kept(row: TimerRow) -> str:
        keep_row(path, rows, row)
        return f"{said(row)}  {row.wall_s:.0f} s"

    canary = Canary()

    def was_disturbed(row: TimerRow) -> bool:
        return not DISTURBED.isdisjoint(row.notes.split()) or not canary.is_quiet()

    def measured(spec: RunSpec) -> TimerRow:
        row, repeats = quietly(
            canary, lambda: timed_both_ways(spec, args.blocks), was_disturbed, args.repeats, spec.model
        )
        return replace(row, repeats=repeats)

    return measure_all(specs, measured, kept, named=lambda s: s.model, minutes=args.minutes, what="networks")


def timed_both_ways(spec: RunSpec, blocks: int) -> TimerRow:
    """One network in a fresh process. Raises EffprofError for what cannot be measured."""
    started = monotonic()
    try:
        told = in_fork(both_timers, spec, blocks, preloaded=MEASURING)
    except DiedError as error:
        raise EffprofError(f"The measurement gave no result: {error}.") from None
    if isinstance(told, EffprofError):
        raise told
    return timer_row(told, monotonic() - started)


def said(row: TimerRow) -> str:
    """One network on a line: shares by entry points, differences in points, the worst of them."""
    shares, points = row.shares("entry"), row.points()
    cells = "  ".join(f"{p} {100 * shares[p]:.1f} {points[p]:+.2f}" for p in PARTS if shares[p] or points[p])
    part, worst = row.worst()
    return f"{row.model:<24}{1e3 * row.latency_s:9.2f} ms  {cells}  worst {worst:+.2f} {part} ± {row.noise()[part]:.2f}"


def finish(folder: Path) -> bool:
    """The table from timers.csv; whether every judged network agrees."""
    rows = read_rows(folder / "timers.csv", TimerRow)
    if not rows:
        print(f"{folder / 'timers.csv'} has no networks.")
        return True
    places = {entry.name: place for place, entry in enumerate(table())}
    rows.sort(key=lambda row: (places.get(row.model, len(places)), row.threads))
    write_atomically(folder / "timers.md", markdown(rows).encode())
    print("\n".join(verdict(rows)))
    for part in CATEGORIES:
        largest = max(rows, key=lambda row: abs(row.points()[part]))
        print(f"  {part:<9} at most {largest.points()[part]:+.2f} points ({largest.model})")
    print(f"Written: {folder}")
    return all(row.agrees for row in rows if row.is_judged)


# ------------------------------------------------------------------------------------------- in a process of its own


def both_timers(spec: RunSpec, blocks: int) -> dict[str, Profile] | EffprofError:
    """A profile for each timer, with a round a block."""
    try:
        return _both_timers(spec, blocks)
    except EffprofError as error:
        return error
    except KeyboardInterrupt:
        return InterruptedRunError("Interrupted.")


def _both_timers(spec: RunSpec, blocks: int) -> dict[str, Profile]:
    import torch

    from effprof import zoo
    from effprof.measure.allocator import set_malloc
    from effprof.measure.calibrate import calibrate
    from effprof.measure.environment import LoadWatch, environment
    from effprof.measure.guard import left_as_found
    from effprof.measure.named import input_shapes
    from effprof.measure.prepare import model_info, random_inputs
    from effprof.measure.rounds import Limits, measure_round
    from effprof.measure.setup import on_cpu

    set_malloc(spec.malloc)
    torch.manual_seed(spec.seed)
    loaded, rng = zoo.load(spec.model), random.Random(spec.seed)
    inputs = random_inputs(input_shapes(spec, loaded.input_shapes), spec.batch_size, spec.seed)
    taken: dict[str, list[Round]] = {timer: [] for timer in TIMERS}
    with left_as_found(loaded.module, spec.threads):
        about, watch = environment(spec.malloc), LoadWatch()
        # All passes that record come before the first that is timed, so that both timers find one allocator.
        setups = {t: on_cpu(loaded.module, inputs, replace(spec, timer=t), was_counted=True) for t in TIMERS}
        calibrations = {
            timer: calibrate(setup.subject, setup.smaller, setup.method, CALIBRATION_MAX_TIME_S, rng)
            for timer, setup in setups.items()
        }
        for block in range(blocks):
            limits = Limits(spec.min_time_s, spec.max_time_s, warmup=None if block == 0 else 1)
            for timer in rng.sample(TIMERS, len(TIMERS)):
                one = measure_round(setups[timer].subject, calibrations[timer], limits, rng, lambda text, share: None)
                if one is None or one.stopped_because == "interrupted":
                    raise KeyboardInterrupt
                taken[timer].append(one)
        setup = setups[TIMERS[0]]
        info = model_info(setup.model, inputs, loaded.name, loaded.source, spec)
        notes = tuple(watch.notes(setup.device, about.emulated))
    return {
        timer: Profile(
            spec=replace(spec, timer=timer, threads=setup.device.threads),
            model=info,
            environment=about,
            device=setup.device,
            calls=setups[timer].calls,
            rounds=tuple(rounds),
            notes=notes,
        )
        for timer, rounds in taken.items()
    }


if __name__ == "__main__":
    main()
