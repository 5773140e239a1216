"""The rows of `zoo_table.py` and their arithmetic: one a run, summarised to one a network and thread count."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from results import Measured, measured_of

from effprof.analyze import analyze
from effprof.records import Category, Profile
from effprof.report.palette import RESIDUAL
from effprof.statistics import median_ci95
from effprof.units import format_shape
from effprof.zoo import ZooEntry, own

WANTED_RESIDUAL = 0.02
SLOW_S = 2e-3
"""The residual is judged for networks slower than this."""
FAMILIES: tuple[str, ...] = own.package().FAMILIES
PARTS = (*(category.value for category in Category), RESIDUAL)


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """A network at one number of threads; times are seconds of one forward pass."""

    model: str
    family: str
    year: int
    input_shape: str
    parameters: int
    mult_adds: int
    access_bytes: int
    threads: int
    latency_s: float
    ci95_low_s: float
    ci95_high_s: float
    conv_s: float
    matmul_s: float
    elemwise_s: float
    data_io_s: float
    shuffle_s: float
    pool_s: float
    comm_s: float
    other_s: float
    overhead_s: float
    residual_s: float
    residual_fraction: float
    page_faults: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.model, self.threads

    @property
    def parts(self) -> dict[str, float]:
        """Seconds of the nine categories and the residual, in their fixed order."""
        return {part: getattr(self, f"{part}_s") for part in PARTS}

    @property
    def shares(self) -> dict[str, float]:
        """Of the sum of all parts, so that they add up to 1 where medians of several runs do not quite."""
        whole_s = sum(self.parts.values())
        return {part: time_s / whole_s for part, time_s in self.parts.items()}


@dataclass(frozen=True, kw_only=True)
class RunRow(Measured, NetworkRow):
    """One process."""

    run: int
    samples: int
    stopped_because: str
    timer: str
    notes: str = ""
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class ZooRow(NetworkRow):
    """All runs of a network at one number of threads."""

    runs: int
    fastest_s: float
    slowest_s: float


def run_row(entry: ZooEntry, profile: Profile, run: int, wall_s: float) -> RunRow:
    """What one process measured, with nothing rounded."""
    analysis, spec = analyze(profile), profile.spec
    latency, accounting = analysis.latency, analysis.accounting
    assert latency is not None
    assert accounting is not None
    low_s, high_s = latency.ci95_s
    return RunRow(
        model=entry.name,
        family=entry.family,
        year=entry.year,
        input_shape=format_shape(entry.input_shape),
        parameters=profile.model.parameters,
        mult_adds=analysis.totals.mult_adds,
        access_bytes=analysis.totals.access_bytes,
        threads=spec.threads or 1,
        latency_s=latency.median_s,
        ci95_low_s=low_s,
        ci95_high_s=high_s,
        **{f"{share.category.value}_s": share.time_s or 0.0 for share in analysis.categories},
        residual_s=accounting.residual_s,
        residual_fraction=accounting.residual_fraction,
        page_faults=latency.page_faults_per_run,
        **measured_of(profile),
        run=run,
        samples=latency.runs,
        stopped_because=latency.stopped_because,
        timer=profile.rounds[0].timer,
        notes=" ".join(note.code for note in analysis.notes),
        wall_s=wall_s,
    )


def summarise(runs: Sequence[RunRow], order: Sequence[str]) -> list[ZooRow]:
    """A row for each network and thread count, in the order of the names given; others come last in their family.

    Every time and the residual's share is the median of the runs' own. The interval is that of the process where
    there is one, else it is over processes, which differ by more than the samples of one.
    """
    places = {name: place for place, name in enumerate(order)}
    summaries = [_summary([row for row in runs if row.key == key]) for key in {row.key for row in runs}]
    return sorted(
        summaries,
        key=lambda row: (FAMILIES.index(row.family), places.get(row.model, len(places)), row.model, row.threads),
    )


def _summary(runs: Sequence[RunRow]) -> ZooRow:
    first = asdict(runs[0])
    common = {field.name: first[field.name] for field in fields(NetworkRow)}
    medians = {
        name: statistics.median(getattr(row, name) for row in runs)
        for name in common
        if name.endswith("_s") or name == "residual_fraction"
    }
    latencies_s = [row.latency_s for row in runs]
    low_s, high_s = median_ci95(latencies_s) if len(runs) > 1 else (runs[0].ci95_low_s, runs[0].ci95_high_s)
    faults = [row.page_faults for row in runs if row.page_faults is not None]
    overridden = {
        "ci95_low_s": low_s,
        "ci95_high_s": high_s,
        "page_faults": statistics.median(faults) if faults else None,
    }
    return ZooRow(
        **{**common, **medians, **overridden},
        runs=len(runs),
        fastest_s=min(latencies_s),
        slowest_s=max(latencies_s),
    )


def widest_pair(rows: Sequence[ZooRow], within: float = 0.05) -> tuple[ZooRow, ZooRow] | None:
    """The two networks whose mult_adds are nearly equal and whose latencies differ most: (faster, slower)."""
    pairs = [
        (fast, slow)
        for fast in rows
        for slow in rows
        if fast.latency_s < slow.latency_s
        and abs(slow.mult_adds - fast.mult_adds) <= within * min(slow.mult_adds, fast.mult_adds)
    ]
    return max(pairs, key=lambda pair: pair[1].latency_s / pair[0].latency_s, default=None)


def residual_verdict(rows: Sequence[ZooRow], worst: int = 5) -> list[str]:
    """Is |residual| within 2 % for every network slower than 2 ms? How many are, and the worst, as lines."""
    judged = sorted((row for row in rows if row.latency_s > SLOW_S), key=lambda row: -abs(row.residual_fraction))
    within = sum(abs(row.residual_fraction) <= WANTED_RESIDUAL for row in judged)
    counts = sorted({row.runs for row in judged})
    of_runs = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "no"
    lines = [
        f"|residual| <= {100 * WANTED_RESIDUAL:.0f} % (median of {of_runs} runs) in {within} of {len(judged)} rows "
        f"slower than {1e3 * SLOW_S:.0f} ms"
    ]
    for row in judged[:worst]:
        lines.append(
            f"  {100 * row.residual_fraction:+6.2f} %  {1e3 * row.residual_s:+9.3f} ms of {1e3 * row.latency_s:9.2f}  "
            f"{row.model}, {row.threads} thread{'s' if row.threads > 1 else ''}"
        )
    return lines
