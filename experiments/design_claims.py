"""Do blocks that count less also take less time? What the survey's papers claim, predicted and measured.

    python experiments/design_claims.py [--threads 1 2] [--max-time 5] [--resume] [--minutes 12]
    python experiments/design_claims.py --only separable alpha      # claims whose name contains one of these words
    python experiments/design_claims.py --plot-only                 # table and chart again from claims.csv

5x5 as two 3x3; 3x3 as 1x3 and 3x1; 3x3 as depthwise-separable (each with and without batch-norm and ReLU, at five
sizes); MobileNetV1's alpha and rho; ShuffleNetV1's units against ShuffleNetV2's at equal mult_adds, by time per
mult_add. The predictions are the ratio of mult_adds, which must equal the paper's formula, and of access_bytes.

One process, glibc's allocator kept steady. For each setting both sides are warmed, then take turns in an order drawn
anew each round (`--seed`); a side's turn is one untimed run and then enough timed ones to fill 20 ms, of which the
median counts. At least 6 rounds, until `--max-time`. 84 settings take about 8 minutes. Wants a quiet machine.

Writes into reports/design-claims-<cpu>/ (`--output`): claims.csv (a row as soon as it is measured; `--resume` goes on),
claims.md, claims.png and .svg. There is no verdict: the reader compares.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from time import monotonic, perf_counter

import torch
from design_formulas import ESTIMATOR, ClaimRow, measured_ratio
from design_pairs import Pair, Side, pairs
from design_report import claims_markdown, draw_claims
from results import command_line, keep_row, measure_all, read_rows, refuse_to_overwrite, slug
from torch import nn

from effprof.devices.cpuinfo import cpu_name
from effprof.measure.allocator import set_malloc
from effprof.measure.environment import environment
from effprof.statistics import MIN_ROUNDS
from effprof.store import write_atomically

REPORTS = Path(__file__).parents[1] / "reports"
TURN_S = 0.02
RUNS_A_TURN = (3, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="claims whose name contains one of these")
    parser.add_argument("--max-time", type=float, default=5.0, help="seconds a setting, warm-up apart (default: 5)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of the order of turns")
    parser.add_argument("--minutes", type=float, help="start no setting that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep the rows of claims.csv and measure what is missing")
    parser.add_argument("--plot-only", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, help="default: reports/design-claims-<cpu>")
    args = parser.parse_args()
    folder = args.output or REPORTS / f"design-claims-{slug(cpu_name() or 'unknown')}"
    failed: list[str] = []
    if not args.plot_only:
        set_malloc(args.malloc)
        failed = measure_pairs(args, folder / "claims.csv")
    rows = read_rows(folder / "claims.csv", ClaimRow)
    if not rows:
        sys.exit(f"{folder / 'claims.csv'} has no rows.")
    draw_claims(rows, folder)
    write_atomically(folder / "claims.md", claims_markdown(rows).encode())
    print(f"Written: {folder}")
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def measure_pairs(args: argparse.Namespace, path: Path) -> list[str]:
    """A row for every pair and thread count that is not there yet; gives what could not be measured, and why."""
    there = read_rows(path, ClaimRow)
    refuse_to_overwrite(path, there, args.resume)
    about = environment(args.malloc)
    setting = ("cpu", about.cpu or "unknown CPU", about.torch or "?", about.allocator)
    if any(row.setting != setting for row in there):
        sys.exit(f"{path} holds rows of another setting than {setting}. Use another --output.")
    wanted = [pair for pair in pairs() if not args.only or any(word in pair.name for word in args.only)]
    done = {(*row.key, row.threads) for row in there}
    tasks = [
        (pair, threads)
        for threads in args.threads
        for pair in wanted
        if (pair.name, pair.settings, threads) not in done
    ]

    def kept(row: ClaimRow) -> str:
        keep_row(path, there, row)
        return (
            f"{row.name:<36}{row.settings:<38}{row.threads} thr  predicted {row.predicted_ratio_mult_adds:5.2f} and "
            f"{row.predicted_ratio_access:5.2f}, measured {row.measured_ratio:5.2f} ({row.low:.2f} to {row.high:.2f})"
        )

    return measure_all(
        tasks, lambda task: measured(args, *task), kept, minutes=args.minutes, what="settings",
        named=lambda task: f"{task[0].name}, {task[0].settings}, {task[1]} threads",
    )  # fmt: skip


def measured(args: argparse.Namespace, pair: Pair, threads: int) -> ClaimRow:
    """Both sides of a pair, turn by turn."""
    claim = pair.claim()
    torch.set_num_threads(threads)
    torch.manual_seed(args.seed)
    about = environment(args.malloc)
    order = random.Random(f"{args.seed} {claim.key} {threads}")
    with torch.inference_mode():
        sides = [Runner(pair.baseline), Runner(pair.alternative)]
        times_s: tuple[list[float], list[float]] = ([], [])
        give_up = monotonic() + args.max_time
        while len(times_s[0]) < MIN_ROUNDS or monotonic() < give_up:
            for side in order.sample((0, 1), 2):
                times_s[side].append(sides[side].turn())
    ratio, low, high = measured_ratio(*times_s, claim.divisor, args.seed)
    return ClaimRow(
        **asdict(claim),
        device="cpu",
        cpu=about.cpu or "unknown CPU",
        torch=about.torch or "?",
        malloc=about.allocator,
        git=about.git or "",
        started_utc=about.started_utc,
        command=command_line(),
        threads=threads,
        rounds=len(times_s[0]),
        runs_a_round="/".join(str(side.runs) for side in sides),
        seed=args.seed,
        baseline_s=statistics.median(times_s[0]),
        alternative_s=statistics.median(times_s[1]),
        measured_ratio=ratio,
        low=low,
        high=high,
        estimator=ESTIMATOR,
    )


class Runner:
    """One side, warm, with its input."""

    def __init__(self, side: Side) -> None:
        self.network: nn.Module = side.build().eval()
        self.image = torch.randn(1, *side.input_shape)
        warm_s = [self.time_s() for _ in range(5)]
        fewest, most = RUNS_A_TURN
        self.runs = min(max(math.ceil(TURN_S / min(warm_s)), fewest), most)

    def turn(self) -> float:
        """Median of the timed runs; the untimed one before them brings weights and input back into the caches."""
        self.network(self.image)
        return statistics.median(self.time_s() for _ in range(self.runs))

    def time_s(self) -> float:
        started = perf_counter()
        self.network(self.image)
        return perf_counter() - started


if __name__ == "__main__":
    main()
