"""Which way of timing single operators disturbs a network least? The figures behind effprof's choice of timer.

    python experiments/timers.py [--models mobilenetv2 shufflenetv2] [--threads 1] [--pairs 60]

For each network: runs under each timer in random order, each right after two plain ones, of which the first only clears
away what the timer before has left in the caches; how much longer a run gets than the second (median difference within
these pairs), per timed call and as a share. Wants a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch.profiler otherwise writes two lines to stderr for every run

import torch

from effprof import zoo
from effprof.capture import Inputs, capture
from effprof.devices.cpu import EntrySubject, FreshInputs
from effprof.devices.dispatch import DispatchSubject
from effprof.measure.allocator import set_malloc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mobilenetv2", "shufflenetv2"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=60)
    args = parser.parse_args()
    set_malloc("steady")  # page faults come and go, and would be blamed on a timer
    torch.set_num_threads(args.threads)
    print(f"{'network':<16}{'px':>5}{'plain ms':>10}   timer: µs a call, share of the run")
    with torch.inference_mode():
        for name in args.models:
            for size in (32, 96, 160, 224):
                print(row(name, size, args.pairs), flush=True)


def row(name: str, size: int, pairs: int) -> str:
    model, inputs = zoo.load(name).module.eval(), Inputs((torch.randn(1, 3, size, size),))
    captured = capture(model, inputs, find_spans=True)
    assert captured.spans is not None
    fresh = FreshInputs.of(inputs, captured.calls)
    entry, dispatch = EntrySubject(model, fresh, captured.spans), DispatchSubject(model, fresh, captured.calls)
    timers: dict[str, Callable[[], float]] = {
        "entry": lambda: entry.timed().time_s,
        "dispatch": lambda: dispatch.timed().time_s,
        "profiler": lambda: profiled_s(model, inputs),
    }
    plain_times_s, extra_times_s = measure(lambda: entry.plain().time_s, timers, pairs)
    plain_s = statistics.median(plain_times_s)
    cells = []
    for timer, extra_times in extra_times_s.items():
        extra_s = statistics.median(extra_times)
        cells.append(f"{timer} {1e6 * extra_s / len(captured.calls):6.2f} {100 * extra_s / plain_s:5.1f} %")
    return f"{name:<16}{size:>5}{1e3 * plain_s:>10.2f}   " + "   ".join(cells)


def measure(
    plain: Callable[[], float], timers: dict[str, Callable[[], float]], pairs: int
) -> tuple[list[float], dict[str, list[float]]]:
    """Plain runs, and for each timer how much longer than the plain run before it each of its runs took."""
    order = list(timers)
    plain_s: list[float] = []
    extra_s: dict[str, list[float]] = {timer: [] for timer in timers}
    for _ in range(pairs):
        random.shuffle(order)
        for timer in order:
            plain()
            plain_s.append(plain())
            extra_s[timer].append(timers[timer]() - plain_s[-1])
    return plain_s, extra_s


def profiled_s(model: torch.nn.Module, inputs: Inputs) -> float:
    with torch.autograd.profiler.profile(use_kineto=True):
        started = time.perf_counter()
        inputs.run(model)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
