"""The rows of timers_zoo.py and their arithmetic: where the time goes by each timer, and how far the two differ."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from results import Measured, machine_text, measured_of

from effprof.analyze import analyze
from effprof.records import Category, Profile
from effprof.report.palette import RESIDUAL

TIMERS = ("entry", "kineto")
CATEGORIES = tuple(category.value for category in Category)
PARTS = (*CATEGORIES, RESIDUAL)
WANTED_POINTS = 3.0
SLOW_S = 2e-3
"""Networks slower than this are judged."""
Shares = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class TimerRow(Measured):
    """One network, timed both ways in one process."""

    model: str
    threads: int
    latency_s: float
    """Median over the blocks of both timers of their plain runs' medians."""
    blocks: str
    """JSON: for each timer, for each block, every part's share of the block's latency (those of 0 left out)."""
    distortion_entry: float
    """How much longer than a plain run an instrumented one is, median over blocks."""
    distortion_kineto: float
    cost_entry_s: float
    """What calibration takes a span to cost."""
    cost_kineto_s: float
    runs: int
    """Plain ones, of both timers together."""
    notes: str = ""
    repeats: int = 0
    """How often it was measured again because the machine was not quiet."""
    wall_s: float

    @property
    def key(self) -> tuple[str, int]:
        return self.model, self.threads

    @property
    def is_judged(self) -> bool:
        return self.latency_s > SLOW_S

    def shares(self, timer: str) -> Shares:
        """Every part's share of the latency, median over blocks."""
        blocks = self._blocks(timer)
        return {part: statistics.median(block.get(part, 0.0) for block in blocks) for part in PARTS}

    def points(self) -> Shares:
        """Every part's share by the profiler less that by entry points, in percentage points."""
        entry, kineto = (self.shares(timer) for timer in TIMERS)
        return {part: 100 * (kineto[part] - entry[part]) for part in PARTS}

    def noise(self) -> Shares:
        """Standard error of `points`, from the differences of blocks that followed one another."""
        pairs = list(zip(*(self._blocks(timer) for timer in TIMERS), strict=True))
        return {
            part: 100 * _standard_error([kineto.get(part, 0.0) - entry.get(part, 0.0) for entry, kineto in pairs])
            for part in PARTS
        }

    def worst(self) -> tuple[str, float]:
        """The category that differs most, and its points."""
        points = self.points()
        return max(((part, points[part]) for part in CATEGORIES), key=lambda one: abs(one[1]))

    @property
    def agrees(self) -> bool:
        return abs(self.worst()[1]) <= WANTED_POINTS

    def _blocks(self, timer: str) -> list[Shares]:
        loaded: list[Shares] = json.loads(self.blocks)[timer]
        return loaded


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def timer_row(profiles: dict[str, Profile], wall_s: float) -> TimerRow:
    """Of the profile of each timer, whose rounds are its blocks in order."""
    medians = [one.plain.median_s for profile in profiles.values() for one in profile.rounds]
    whole = {timer: analyze(profile) for timer, profile in profiles.items()}
    distortion = {timer: a.accounting.distortion_fraction for timer, a in whole.items() if a.accounting is not None}
    costs_s = {timer: profile.rounds[0].calibration for timer, profile in profiles.items()}
    first = next(iter(profiles.values()))
    notes = (note.code for profile in profiles.values() for note in (*profile.notes, *analyze(profile).notes))
    return TimerRow(
        **measured_of(first),
        model=first.model.name,
        threads=first.spec.threads or 1,
        latency_s=statistics.median(medians),
        blocks=json.dumps({timer: block_shares(profile) for timer, profile in profiles.items()}),
        distortion_entry=distortion["entry"] or 0.0,
        distortion_kineto=distortion["kineto"] or 0.0,
        cost_entry_s=costs_s["entry"].inside_s + costs_s["entry"].outside_s,
        cost_kineto_s=costs_s["kineto"].inside_s + costs_s["kineto"].outside_s,
        runs=sum(len(one.plain.times_s) for profile in profiles.values() for one in profile.rounds),
        notes=" ".join(dict.fromkeys(notes)),
        wall_s=wall_s,
    )


def block_shares(profile: Profile) -> list[Shares]:
    """For each round on its own, every part's share of the latency; those of 0 left out."""
    blocks = []
    for one in profile.rounds:
        analysis = analyze(replace(profile, rounds=(one,)))
        assert analysis.accounting is not None
        shares = {share.category.value: share.fraction or 0.0 for share in analysis.categories}
        shares[RESIDUAL] = analysis.accounting.residual_fraction
        blocks.append({part: float(f"{share:.5g}") for part, share in shares.items() if share})
    return blocks


def verdict(rows: Sequence[TimerRow], worst: int = 5) -> list[str]:
    """Do the timers agree within 3 points in every category of every slow network? How many do, and the worst."""
    judged = sorted((row for row in rows if row.is_judged), key=lambda row: -abs(row.worst()[1]))
    within = sum(row.agrees for row in judged)
    lines = [
        f"every category within {WANTED_POINTS:g} points in {within} of {len(judged)} networks slower than "
        f"{1e3 * SLOW_S:g} ms"
    ]
    for row in judged[:worst]:
        part, points = row.worst()
        lines.append(
            f"  {points:+6.2f} points of {part:<9}(standard error {row.noise()[part]:.2f})  "
            f"{1e3 * row.latency_s:9.2f} ms  {row.model}"
        )
    return lines


def markdown(rows: Sequence[TimerRow]) -> str:
    """timers.md: a row a network, with the share by entry points and the difference in points for each part."""
    shown = [
        part for part in PARTS if any(max(abs(row.shares(timer)[part]) for timer in TIMERS) >= 5e-4 for row in rows)
    ]
    header = ["network", "latency, ms", *shown, "distortion, entry / kineto"]
    table = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for row in rows:
        entry, points = row.shares("entry"), row.points()
        cells = [f"{100 * entry[part]:.1f} % ({points[part]:+.1f})" for part in shown]
        distortion = f"{100 * row.distortion_entry:.1f} % / {100 * row.distortion_kineto:.1f} %"
        table.append("| " + " | ".join([row.model, f"{1e3 * row.latency_s:.2f}", *cells, distortion]) + " |")
    threads = " and ".join(sorted({str(row.threads) for row in rows}))
    return (
        f"# Two timers\n\n{machine_text(rows)}\nEach network in one process, in turns by swapped entry points and by "
        f"torch.profiler (`--timer kineto`), threads: {threads}. Cells: share of the latency by entry points, in "
        "brackets how many percentage points more torch.profiler says. Distortion: how much longer an instrumented run "
        "is.\n\n```\n"
        + "\n".join(verdict(rows)) + "\n```\n\n" + "\n".join(table) + "\n"
    )  # fmt: skip
