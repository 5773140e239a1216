"""Tables 1 to 4 of the ShuffleNetV2 paper on this device: the guideline sweep's speeds beside the printed ones.

    python experiments/paper_tables.py [--threads 1] [--max-time 20] [--widths arm] [--resume] [--minutes 6]
    python experiments/paper_tables.py --only G1 --scales x1        # some of the twelve entries
    python experiments/paper_tables.py --plot-only                  # tables and chart again from tables.csv

Each guideline at each scale (channels times 1, 2, 4) is measured by effprof's own sweep in a fresh process: settings in
turn, round after round, until the slowdown is known or `--max-time` is up; 5 to 20 s each. The twelve entries come in a
random order (`--seed`) and are on disk at once: `--resume` goes on.

Writes into reports/paper-<cpu>/ (`--output`): tables.csv (a row a setting), tables.md, tables.png and .svg. Wants a
quiet machine.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fresh import told_in_fork
from paper_runs import folder_of, paper_parser
from paper_tables_report import draw_tables, tables_markdown
from results import Measured, command_line, measure_all, read_rows, refuse_to_mix, refuse_to_overwrite, write_rows

from effprof.errors import EffprofError, InterruptedRunError
from effprof.guidelines import judge
from effprof.report.guidelines_rows import headline
from effprof.store import write_atomically
from effprof.sweep_records import (
    GUIDELINES,
    SCALES,
    GuidelineId,
    Guidelines,
    JudgedPoint,
    PaperPoint,
    Platform,
    Scale,
    Sweep,
    SweepSpec,
    Verdict,
)

PRELOADED = ("__main__", "torch._dynamo", "effprof.bench.sweep")
Entry = tuple[GuidelineId, Scale]


@dataclass(frozen=True, kw_only=True)
class SettingRow(Measured):
    """One cell of our tables: a setting of a guideline at a scale. Intervals are of 95 %, over the rounds."""

    guideline: GuidelineId
    scale: Scale
    label: str
    widths: Platform
    threads: int
    channels: int
    inner_channels: int
    groups: int
    fragments: int
    mult_adds: int
    access_bytes: int
    kernel: str = ""
    rounds: int
    stopped_because: str
    time_s: float
    time_low_s: float
    time_high_s: float
    relative_speed: float
    relative_speed_low: float
    relative_speed_high: float
    slowdown: float
    """Time per mult_add over that of the recommended setting."""
    slowdown_low: float
    slowdown_high: float
    verdict: str
    """Of the entry."""
    paper_gpu_batches_per_s: float | None = None
    paper_gpu_relative_speed: float | None = None
    paper_arm_images_per_s: float | None = None
    paper_arm_relative_speed: float | None = None

    @property
    def entry(self) -> Entry:
        return self.guideline, self.scale


def main() -> None:
    parser = paper_parser(__doc__, max_time_s=20.0)
    parser.add_argument("--widths", default="arm", choices=("arm", "gpu"), help="of the paper's columns (default: arm)")
    parser.add_argument("--only", nargs="+", default=GUIDELINES, choices=GUIDELINES, help="some of the guidelines")
    parser.add_argument("--scales", nargs="+", default=SCALES, choices=SCALES, help="some of the scales")
    args = parser.parse_args()
    folder = folder_of(args)
    path = folder / "tables.csv"
    failed = [] if args.plot_only else measure_entries(args, path)
    rows = in_order(read_rows(path, SettingRow))
    if not rows:
        sys.exit("\n".join([f"{path} has no rows.", *failed]))
    write_atomically(folder / "tables.md", tables_markdown(rows).encode())
    draw_tables(rows, folder)
    print(f"Written: {folder}/tables.*")
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def in_order(rows: Sequence[SettingRow]) -> list[SettingRow]:
    """By guideline and scale; settings of an entry as they were measured, from the recommended to the severe one."""
    return sorted(rows, key=lambda row: (GUIDELINES.index(row.guideline), SCALES.index(row.scale)))


# -------------------------------------------------------------------------------------------------------- measuring


def measure_entries(args: argparse.Namespace, path: Path) -> list[str]:
    """The rows of every entry that has none yet; gives what could not be measured, and why."""
    rows = read_rows(path, SettingRow)
    refuse_to_overwrite(path, rows, args.resume)
    if any((row.widths, row.threads) != (args.widths, args.threads) for row in rows):
        sys.exit(f"{path} holds rows of other widths or threads. Use another --output.")
    tasks = missing(args, rows)

    def kept(result: Guidelines) -> str:
        rows.extend(setting_rows(result))
        refuse_to_mix(path, rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(path, in_order(rows))  # an entry is there whole or not at all
        verdict = result.verdicts[0]
        return f"{verdict.scale} {headline(verdict)}"

    return measure_all(
        tasks, lambda entry: judge(measured(args, entry)), kept, named=" ".join, minutes=args.minutes, what="entries"
    )


def missing(args: argparse.Namespace, rows: Sequence[SettingRow]) -> list[Entry]:
    done = {row.entry for row in rows}
    entries: list[Entry] = [(guideline, scale) for guideline in args.only for scale in args.scales]
    random.Random(args.seed).shuffle(entries)
    return [entry for entry in entries if entry not in done]


def measured(args: argparse.Namespace, entry: Entry) -> Sweep:
    """One fresh process. Raises InterruptedRunError for a sweep that was cut short, EffprofError for none."""
    guideline, scale = entry
    spec = SweepSpec(
        device=args.device,
        guidelines=(guideline,),
        platform=args.widths,
        scale=scale,
        threads=args.threads,
        malloc=args.malloc,
        seed=args.seed,
        max_time_s=args.max_time,
        command=command_line(),
    )
    return told_in_fork(sweep_or_error, spec, preloaded=PRELOADED)


def sweep_or_error(spec: SweepSpec) -> Sweep | EffprofError:
    from effprof.bench.sweep import measure_sweep

    try:
        return measure_sweep(spec, lambda _text, _share: None)
    except KeyboardInterrupt:
        return InterruptedRunError("Interrupted.")
    except EffprofError as error:
        return error


# ------------------------------------------------------------------------------------------------------------- rows


def setting_rows(result: Guidelines) -> list[SettingRow]:
    """A row for each setting of each entry, with the paper's cells for the same setting and scale."""
    return [
        setting_row(result, verdict, judged)
        for verdict in (*result.verdicts, *result.others)
        for judged in verdict.points
    ]


def setting_row(result: Guidelines, verdict: Verdict, judged: JudgedPoint) -> SettingRow:
    point, setting, sweep = judged.point, judged.point.setting, result.sweep
    stopped = {(entry.guideline, entry.scale): entry.stopped_because for entry in sweep.entries}
    gpu, arm = (printed_cell(result, verdict, judged, platform) for platform in ("gpu", "arm"))
    return SettingRow(
        guideline=verdict.guideline,
        scale=verdict.scale,
        label=setting.label,
        widths=sweep.spec.platform,
        threads=sweep.device.threads or 1,
        channels=setting.channels,
        inner_channels=setting.inner_channels,
        groups=setting.groups,
        fragments=setting.fragments,
        mult_adds=point.mult_adds,
        access_bytes=point.access_bytes,
        kernel=point.kernel or "",
        rounds=len(point.rounds_s),
        stopped_because=stopped[verdict.guideline, verdict.scale],
        time_s=point.time_s,
        time_low_s=judged.ci95_s[0],
        time_high_s=judged.ci95_s[1],
        relative_speed=judged.relative_speed.value,
        relative_speed_low=judged.relative_speed.ci95[0],
        relative_speed_high=judged.relative_speed.ci95[1],
        slowdown=judged.slowdown.value,
        slowdown_low=judged.slowdown.ci95[0],
        slowdown_high=judged.slowdown.ci95[1],
        verdict=verdict.verdict,
        paper_gpu_batches_per_s=None if gpu is None else gpu.speed,
        paper_gpu_relative_speed=None if gpu is None else gpu.relative_speed,
        paper_arm_images_per_s=None if arm is None else arm.speed,
        paper_arm_relative_speed=None if arm is None else arm.relative_speed,
        device=sweep.spec.device,
        cpu=sweep.environment.cpu or "unknown CPU",
        torch=sweep.environment.torch or "?",
        malloc=sweep.environment.allocator,
        git=sweep.environment.git or "",
        started_utc=sweep.environment.started_utc,
        command=sweep.spec.command,
        seed=sweep.spec.seed,
    )


def printed_cell(result: Guidelines, verdict: Verdict, judged: JudgedPoint, platform: str) -> PaperPoint | None:
    wanted = verdict.guideline, platform, verdict.scale, judged.point.setting.label
    found = (p for p in result.paper if (p.guideline, p.platform, p.scale, p.label) == wanted)
    return next(found, None)


if __name__ == "__main__":
    main()
