"""How well is the cost of a timed span known, and by which estimate? The figures behind effprof's calibration.

    python experiments/calibration.py [--models mobilenetv2 shufflenetv2] [--threads 1 2] [--pairs 100]

For each network and thread count, at the two smaller inputs that calibration runs and at the full one (which it must
not look at): microseconds a span by the estimate in use (median difference within a pair) and by two others, each with
its standard deviation over windows of as many pairs as calibration takes. Wants a quiet machine; a minute a network.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable

import torch

from effprof import zoo
from effprof.capture import Inputs
from effprof.measure import calibrate
from effprof.measure.allocator import set_malloc
from effprof.measure.setup import on_cpu
from effprof.records import CalibrationPoint, RunSpec

Times = tuple[float, ...]
US = 1e6


def of_pairs(plain_s: Times, instrumented_s: Times) -> float:
    return statistics.median(i - p for i, p in zip(instrumented_s, plain_s, strict=True))


def of_medians(plain_s: Times, instrumented_s: Times) -> float:
    return statistics.median(instrumented_s) - statistics.median(plain_s)


def of_lower_quartiles(plain_s: Times, instrumented_s: Times) -> float:
    return statistics.quantiles(instrumented_s, n=4)[0] - statistics.quantiles(plain_s, n=4)[0]


ESTIMATES: dict[str, Callable[[Times, Times], float]] = {
    "pairs": of_pairs,
    "medians": of_medians,
    "lower quartiles": of_lower_quartiles,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mobilenetv2", "shufflenetv2"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--pairs", type=int, default=100)
    args = parser.parse_args()
    window, calibrate.PAIRS = calibrate.PAIRS, args.pairs
    set_malloc("steady")
    print(f"{'network':<14}{'thr':>4}{'px':>5}{'plain ms':>10}  µs a span (its deviation in windows of {window} pairs)")
    with torch.inference_mode():
        for name in args.models:
            for threads in args.threads:
                torch.set_num_threads(threads)
                for point in points(name, threads):
                    print(row(name, threads, point, window), flush=True)


def points(name: str, threads: int) -> list[CalibrationPoint]:
    model, image = zoo.load(name).module.eval(), torch.randn(1, 3, 224, 224)
    setup = on_cpu(model, Inputs((image,)), RunSpec(name, threads=threads), True)
    inside_s, outside_s = setup.subject.span_cost().inside_s, setup.subject.span_cost().outside_s
    print(f"{name:<14}{threads:>4}  tight loop {US * (inside_s + outside_s):.2f} µs a span")
    return [calibrate.measure_point(one, 120.0, random.Random(0)) for one in (*setup.smaller, setup.subject)]


def row(name: str, threads: int, point: CalibrationPoint, window: int) -> str:
    plain_s, instrumented_s = point.plain_s, point.instrumented_s
    cells = []
    for title, estimate in ESTIMATES.items():
        windows = [
            estimate(plain_s[i : i + window], instrumented_s[i : i + window]) for i in range(len(plain_s) - window)
        ]
        cost_us, deviation_us = US * estimate(plain_s, instrumented_s), US * statistics.pstdev(windows)
        cells.append(f"{title} {cost_us / point.spans:.2f} ({deviation_us / point.spans:.2f})")
    size = point.input_shape[0][-1]
    return f"{name:<14}{threads:>4}{size:>5}{1e3 * statistics.median(plain_s):>10.2f}  " + "   ".join(cells)


if __name__ == "__main__":
    main()
