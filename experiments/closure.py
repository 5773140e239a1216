"""Do the parts make the whole? The residual of several networks, at 1 and 2 threads, in fresh processes.

    python experiments/closure.py [--runs 5] [--threads 1 2] [--models NAME ...] [--output reports/closure.csv]

Prints one row a network and thread count: latency, ops, overhead, residual (median of the runs) and the share that
must stay within 2 %. Wants a quiet machine; about 12 s a run.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from pathlib import Path

from fresh import measure_in_fork

from effprof.analyze import analyze
from effprof.records import Accounting, Latency, Profile, RunSpec

MODELS = (
    "mobilenetv2",
    "shufflenetv1_g3",
    "shufflenetv2",
    "resnet50",
    "torchvision:mnasnet1_0",
    "torchvision:densenet121",
    "torchvision:regnet_y_400mf",
)
WANTED = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--max-time", type=float, default=10.0)
    parser.add_argument("--malloc", default="default", choices=("default", "steady"))
    parser.add_argument("--output", type=Path, help="also as CSV")
    args = parser.parse_args()

    header = ("model", "threads", "latency_ms", "ops_ms", "overhead_ms", "residual_ms", "residual_percent",
              "each_percent", "distortion_percent", "span_cost_us", "timer")  # fmt: skip
    print("{:<28}{:>3}{:>10}{:>10}{:>10}{:>10}{:>8}  {}".format(*header[:7], "each run, %"))
    rows = [header]
    for model in args.models:
        for threads in args.threads:
            spec = RunSpec(model, threads=threads, max_time_s=args.max_time, malloc=args.malloc)
            profiles = [measure_in_fork(spec) for _ in range(args.runs)]
            row = summary(model, threads, profiles)
            rows.append(row)
            print("{:<28}{:>3}{:>10}{:>10}{:>10}{:>10}{:>8}  {}".format(*row[:8]), flush=True)
    worst = max(abs(float(row[6])) for row in rows[1:])
    print(f"largest median residual: {worst:.2f} % (wanted: at most {100 * WANTED:.0f} %)")
    if args.output:
        with args.output.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    sys.exit(0 if worst <= 100 * WANTED else 1)


def summary(model: str, threads: int, profiles: list[Profile]) -> tuple[str, ...]:
    analyses = [analyze(profile) for profile in profiles]
    latency = [known(a.latency) for a in analyses]
    parts = [known_parts(a.accounting) for a in analyses]
    calibrations = [profile.rounds[0].calibration for profile in profiles]

    def ms(values: list[float]) -> str:
        return f"{1e3 * statistics.median(values):.3f}"

    return (
        model,
        str(threads),
        ms([one.median_s for one in latency]),
        ms([one.ops_s for one in parts]),
        ms([one.overhead_s for one in parts]),
        ms([one.residual_s for one in parts]),
        f"{100 * statistics.median(one.residual_fraction for one in parts):.2f}",
        " ".join(f"{100 * one.residual_fraction:+.1f}" for one in parts),
        f"{100 * statistics.median(one.distortion_fraction for one in parts):.2f}",
        f"{1e6 * statistics.median(c.inside_s + c.outside_s for c in calibrations):.2f}",
        profiles[0].rounds[0].timer,
    )


def known(latency: Latency | None) -> Latency:
    assert latency is not None
    return latency


def known_parts(accounting: Accounting | None) -> Accounting:
    assert accounting is not None
    return accounting


if __name__ == "__main__":
    main()
