"""Is a network that was fast in the ShuffleNetV2 paper fast here? Table 8, as far as it can be rebuilt.

    python experiments/paper_table8.py [--runs 5] [--threads 1] [--max-time 2] [--resume] [--minutes 6]
    python experiments/paper_table8.py --plot-only                 # tables and chart again from table8-runs.csv

The 14 networks whose width rule is published: ShuffleNetV2 (0.5, 1, 1.5, 2), MobileNetV1 (1, 0.75, 0.5, 0.25),
MobileNetV2 (1.0, 1.4), ShuffleNetV1 g=3 (0.5, 1, 1.5, 2), at 224 px and batch 1. The paper's other rows are left out by
name. Every run is a fresh process of 3 to 6 s, 70 of them by default; each pass takes all networks in a random order.
Finished runs are on disk at once: `--resume` goes on. Prints and writes Spearman's rank correlation of the speed here,
and of mult_adds alone, with the paper's GPU and ARM columns.

Writes into reports/paper-<cpu>/ (`--output`): table8-runs.csv (a row a process), table8.csv (a row a network),
table8-agreement.csv, table8.md, table8.png and .svg. Wants a quiet machine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paper_agreement import Agreement, agreement
from paper_published import NETWORKS, table8
from paper_runs import (
    PaperRun,
    Subject,
    add_runs,
    by_subject,
    folder_of,
    measure_networks,
    paper_parser,
    ratio_over_processes,
)
from paper_table8_report import agreement_line, draw_table8, table8_markdown
from results import read_rows, write_rows

from effprof.store import write_atomically

SUBJECTS = [Subject(model) for model in NETWORKS.values()]
HERE, WORK = "images/s here", "1 / mult_adds"
GPU_COLUMN, ARM_COLUMN = "paper GPU, batches/s", "paper ARM, images/s"
MIN_NETWORKS = 3


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """A network of table 8, here and in the paper."""

    level: str
    """The paper's complexity level, in millions of mult_adds."""
    family: str
    printed_name: str
    model: str
    mult_adds: int
    printed_mult_adds_millions: float
    images_per_s: float
    low: float | None = None
    high: float | None = None
    """95 % interval over processes."""
    processes: int
    gpu_batches_per_s: float
    """Batches of 8 images."""
    arm_images_per_s: float


def main() -> None:
    parser = paper_parser(__doc__, max_time_s=2.0)
    add_runs(parser, runs=5)
    args = parser.parse_args()
    folder = folder_of(args)
    failed = [] if args.plot_only else measure_networks(args, SUBJECTS, folder / "table8-runs.csv")
    runs = read_rows(folder / "table8-runs.csv", PaperRun)
    rows = network_rows(runs)
    if len(rows) < MIN_NETWORKS:
        sys.exit("\n".join([f"{folder / 'table8-runs.csv'} has {len(rows)} networks; 3 can be ranked.", *failed]))
    finish(folder, rows, runs)
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def finish(folder: Path, rows: Sequence[NetworkRow], runs: Sequence[PaperRun]) -> None:
    """Tables, chart and agreement."""
    found = agreements(rows)
    write_rows(folder / "table8.csv", rows)
    write_rows(folder / "table8-agreement.csv", found)
    write_atomically(folder / "table8.md", table8_markdown(rows, found, runs).encode())
    draw_table8(rows, found, runs, folder)
    print("\n".join(map(agreement_line, found)))
    print(f"Written: {folder}/table8*")


def network_rows(runs: Sequence[PaperRun]) -> list[NetworkRow]:
    """In the paper's order; networks that were not measured yet are missing."""
    rows = []
    for printed in table8():
        model = NETWORKS.get(printed.model)
        own = by_subject(runs, Subject(model)) if model else []
        if not model or not own:
            continue
        assert printed.gpu_speed_batches_per_s is not None
        assert printed.arm_speed_images_per_s is not None
        speed, interval = ratio_over_processes([1.0] * len(own), [run.latency_s for run in own])
        low, high = interval or (None, None)
        rows.append(
            NetworkRow(
                level=printed.complexity_level_mflops,
                family=printed.family,
                printed_name=printed.model,
                model=model,
                mult_adds=own[0].mult_adds,
                printed_mult_adds_millions=printed.complexity_mflops_multiply_adds,
                images_per_s=speed,
                low=low,
                high=high,
                processes=len(own),
                gpu_batches_per_s=printed.gpu_speed_batches_per_s,
                arm_images_per_s=printed.arm_speed_images_per_s,
            )
        )
    return rows


def agreements(rows: Sequence[NetworkRow]) -> list[Agreement]:
    """Our speed and mult_adds alone, each with both of the paper's columns; last those columns with each other."""
    levels = [row.level for row in rows]
    here, work = [row.images_per_s for row in rows], [1 / row.mult_adds for row in rows]
    gpu, arm = [row.gpu_batches_per_s for row in rows], [row.arm_images_per_s for row in rows]
    return [
        agreement(HERE, here, GPU_COLUMN, gpu, levels),
        agreement(WORK, work, GPU_COLUMN, gpu, levels),
        agreement(HERE, here, ARM_COLUMN, arm, levels),
        agreement(WORK, work, ARM_COLUMN, arm, levels),
        agreement(HERE, here, WORK, work, levels),
        agreement(ARM_COLUMN, arm, GPU_COLUMN, gpu, levels),
    ]


if __name__ == "__main__":
    main()
