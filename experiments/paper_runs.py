"""What the scripts that redo the ShuffleNetV2 paper share: options, folder, and networks in fresh processes."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from fresh import measure_in_fork
from results import (
    Measured,
    command_line,
    device_option,
    keep_row,
    measure_all,
    measured_of,
    read_rows,
    refuse_to_overwrite,
    slug,
)

from effprof.analyze import analyze
from effprof.analyze.categories import paper_categories
from effprof.devices.cpuinfo import cpu_name
from effprof.records import Category, Profile, RunSpec
from effprof.statistics import paired_ratio, paired_ratio_ci95

REPORTS = Path(__file__).parents[1] / "reports"
MIN_FOR_INTERVAL = 3
Form = Literal["as built", "batch-norms folded"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Subject:
    """A network of the zoo, as it is measured."""

    model: str
    form: Form = "as built"


@dataclass(frozen=True, kw_only=True)
class PaperRun(Measured):
    """One process: seconds of one forward pass of one image, in the paper's five categories."""

    model: str
    form: Form
    threads: int
    run: int
    mult_adds: int
    latency_s: float
    conv_s: float
    depthwise_s: float
    """Part of `conv_s`."""
    elemwise_s: float
    data_s: float
    shuffle_s: float
    other_s: float
    overhead_s: float
    pool_s: float
    """Both part of `other_s`."""
    residual_s: float
    samples: int
    stopped_because: str
    notes: str = ""
    wall_s: float

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.model, self.form, self.threads, self.run


# ---------------------------------------------------------------------------------------------------------- options


def paper_parser(doc: str | None, max_time_s: float) -> argparse.ArgumentParser:
    """Options that all three scripts have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-time", type=float, default=max_time_s, help="seconds, at most (default: %(default)g)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--device", type=device_option, default="cpu", help="cpu, or fake[:PLAN.json] to try it")
    parser.add_argument("--seed", type=int, default=0, help="of weights, inputs and order")
    parser.add_argument("--minutes", type=float, help="begin nothing that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep what is measured and measure what is missing")
    parser.add_argument("--plot-only", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, help="default: reports/paper-<cpu>, or reports/runs/paper-fake")
    return parser


def add_runs(parser: argparse.ArgumentParser, runs: int) -> None:
    parser.add_argument("--runs", type=int, default=runs, help="processes a network (default: %(default)s)")
    parser.add_argument("--min-time", type=float, default=0.5, help="seconds of plain runs at least (default: 0.5)")


def folder_of(args: argparse.Namespace) -> Path:
    fake = args.device.startswith("fake")
    own: Path | None = args.output
    return own or REPORTS / ("runs/paper-fake" if fake else f"paper-{slug(cpu_name() or 'unknown')}")


# -------------------------------------------------------------------------------------------------------- measuring


def measure_networks(args: argparse.Namespace, subjects: Sequence[Subject], path: Path) -> list[str]:
    """A row for every subject and run that has none yet; gives what could not be measured, and why."""
    rows = read_rows(path, PaperRun)
    refuse_to_overwrite(path, rows, args.resume)
    tasks = missing(args, subjects, rows)

    def kept(row: PaperRun) -> str:
        keep_row(path, rows, row)
        return (
            f"{row.model:<22}{row.form:<20}run {row.run}{1e3 * row.latency_s:>9.2f} ms  "
            f"residual {100 * row.residual_s / row.latency_s:+6.2f} %{row.wall_s:>6.1f} s"
        )

    return measure_all(
        tasks, lambda task: measured(args, task[1], task[0]), kept, minutes=args.minutes,
        named=lambda task: f"{task[1].model}, {task[1].form}",
    )  # fmt: skip


def missing(
    args: argparse.Namespace, subjects: Sequence[Subject], rows: Sequence[PaperRun]
) -> list[tuple[int, Subject]]:
    """Pass by pass, each in an order of its own, so that a slow minute of the machine is spread over the networks."""
    done = {row.key for row in rows}
    tasks: list[tuple[int, Subject]] = []
    for run in range(1, args.runs + 1):
        one_pass = [(run, subject) for subject in subjects]
        random.Random(f"{args.seed} {run}").shuffle(one_pass)
        tasks += [(n, one) for n, one in one_pass if (one.model, one.form, args.threads, n) not in done]
    return tasks


def measured(args: argparse.Namespace, subject: Subject, run: int) -> PaperRun:
    """One fresh process. Raises InterruptedRunError for a run that was cut short."""
    spec = RunSpec(
        subject.model,
        device=args.device,
        threads=args.threads,
        fold_bn=subject.form == "batch-norms folded",
        malloc=args.malloc,
        min_time_s=min(args.min_time, args.max_time),
        max_time_s=args.max_time,
        seed=args.seed + run,
        command=command_line(),
    )
    started = monotonic()
    profile = measure_in_fork(spec)
    return run_row(profile, subject, run, monotonic() - started)


def run_row(profile: Profile, subject: Subject, run: int, wall_s: float) -> PaperRun:
    """What one process measured, with nothing rounded."""
    analysis = analyze(profile)
    latency, accounting = analysis.latency, analysis.accounting
    assert latency is not None
    assert accounting is not None
    fractions = paper_categories(analysis.categories)
    pool_s = next(share.time_s for share in analysis.categories if share.category is Category.POOL)
    depthwise = (op for op in analysis.ops if op.category is Category.CONV and op.kind == "depthwise")
    return PaperRun(
        model=subject.model,
        form=subject.form,
        threads=profile.spec.threads or 1,
        run=run,
        mult_adds=analysis.totals.mult_adds,
        latency_s=latency.median_s,
        **{f"{part.lower()}_s": (fraction or 0.0) * latency.median_s for part, fraction in fractions.items()},
        depthwise_s=sum(op.time_s or 0.0 for op in depthwise),
        overhead_s=accounting.overhead_s,
        pool_s=pool_s or 0.0,
        residual_s=accounting.residual_s,
        samples=latency.runs,
        stopped_because=latency.stopped_because,
        notes=" ".join(note.code for note in analysis.notes),
        wall_s=wall_s,
        **measured_of(profile),
    )


# ------------------------------------------------------------------------------------------------------- summarising


def ratio_over_processes(parts: Sequence[float], wholes: Sequence[float]) -> tuple[float, Interval | None]:
    """Median over processes of the ratio within one, and its 95 % interval; None for fewer than 3 processes."""
    interval = paired_ratio_ci95(parts, wholes) if len(parts) >= MIN_FOR_INTERVAL else None
    return paired_ratio(parts, wholes), interval


def by_subject(rows: Sequence[PaperRun], subject: Subject) -> list[PaperRun]:
    return [row for row in rows if (row.model, row.form) == (subject.model, subject.form)]


def processes_text(rows: Sequence[PaperRun]) -> str:
    """`5 processes a network`, `3 to 5 processes a network`."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        counts[row.model, row.form] = counts.get((row.model, row.form), 0) + 1
    few, many = min(counts.values()), max(counts.values())
    number = str(few) if few == many else f"{few} to {many}"
    return f"{number} process{'' if many == 1 else 'es'} a network"
