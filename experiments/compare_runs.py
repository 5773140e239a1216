"""Rows and figures of compare_rates.py: what was measured, the comparisons made from it, and how often each verdict."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from results import Measured

from effprof.compare import Comparison, Result, Rule, compare_results
from effprof.compare.from_run import result_of_profile
from effprof.compare.words import LATENCY, Quantity, Unit
from effprof.records import DeviceInfo, Environment, Note, Profile

FIRST, SECOND, MORE, BUSY = "first", "second", "more work", "busy"
WHICH = (FIRST, SECOND, MORE, BUSY)
JUDGED = ("better", "worse")


@dataclass(frozen=True, kw_only=True)
class RunRow(Measured):
    """One run of several processes."""

    number: int
    """Of the comparison that it belongs to."""
    which: str
    """`first` and `second` are of the same network, `more work` of one with 10 % more, `busy` has a busy neighbour."""
    quantities: str
    """JSON: every quantity's values, one a process."""
    notes: str = ""
    """Codes, apart by spaces."""
    wall_s: float
    fixed_work_s: float | None = None
    """What the fixed work took meanwhile."""
    repeats: int = 0
    """How often rounds were measured again because the machine was disturbed."""

    @property
    def values(self) -> dict[str, list[float]]:
        loaded: dict[str, list[float]] = json.loads(self.quantities)
        return loaded


def run_row(profile: Profile, number: int, which: str, wall_s: float, command: str) -> RunRow:
    result = result_of_profile(profile)
    about = profile.environment
    return RunRow(
        number=number,
        which=which,
        quantities=json.dumps({q.name: [float(f"{value:.7g}") for value in q.processes] for q in result.quantities}),
        notes=" ".join(dict.fromkeys(note.code for note in result.notes)),
        fixed_work_s=result.fixed_work_s,
        wall_s=wall_s,
        device=result.device.kind,
        cpu=about.cpu or "unknown CPU",
        torch=about.torch or "?",
        malloc=about.allocator,
        git=about.git or "",
        started_utc=about.started_utc,
        command=command,
        seed=profile.spec.seed,
    )


def result_of(row: RunRow) -> Result:
    """What `effprof compare` would read from the run's profile, as far as it bears on verdicts."""
    return Result(
        kind="run",
        name=row.which,
        path=f"{row.number} {row.which}",
        device=DeviceInfo(row.device, row.cpu, "", None),
        environment=Environment("", "", row.torch, "", row.cpu, row.malloc, row.git, row.started_utc),
        command=row.command,
        setting=(),
        circumstances=(),
        quantities=tuple(
            Quantity(name, _unit(name), tuple(values), is_part=name != LATENCY) for name, values in row.values.items()
        ),
        headline=(LATENCY,),
        notes=tuple(Note(code, "") for code in row.notes.split()),
        fixed_work_s=row.fixed_work_s,
    )


def _unit(name: str) -> Unit:
    return "share" if name.startswith("share.") else "s"


def comparisons(rows: Sequence[RunRow], old: str, new: str, rule: Rule | None = None) -> list[Comparison]:
    """Of every number that has both runs."""
    runs = {(row.number, row.which): result_of(row) for row in rows}
    numbers = sorted({row.number for row in rows})
    return [
        compare_results(runs[number, old], runs[number, new], rule)
        for number in numbers
        if (number, old) in runs and (number, new) in runs
    ]


def report(rows: Sequence[RunRow]) -> Iterator[str]:
    """The three rates of the acceptance, with what was wanted, and the run spread that the A/A pairs show."""
    alike = comparisons(rows, FIRST, SECOND)
    judged = sum(c.verdict in JUDGED for c in alike)
    parts = sum(any(change.verdict in JUDGED for change in c.changes) for c in alike)
    yield _line("the same network", alike)
    yield f"  better or worse: {judged} of {len(alike)} (wanted: at most 5 of 100); any quantity: {parts}"
    more = comparisons(rows, FIRST, MORE)
    yield _line("10 % more work", more)
    yield f"  worse: {sum(c.verdict == 'worse' for c in more)} of {len(more)} (wanted: at least 95 of 100)"
    for old, new in ((FIRST, BUSY), (BUSY, FIRST)):
        pairs = comparisons(rows, old, new)
        silent = sum(c.verdict in JUDGED and not _has_note(c) for c in pairs)
        yield _line(f"{old} against {new}", pairs)
        yield f"  better or worse: {sum(c.verdict in JUDGED for c in pairs)}, without a note: {silent} (wanted: 0)"
    repeats = sum(row.repeats for row in rows)
    rounds = sum(len(row.values["latency"]) for row in rows) + repeats
    yield f"repeated because the machine was disturbed: {repeats} of {rounds} rounds"
    yield from _spreads(alike)


def _has_note(comparison: Comparison) -> bool:
    return any(note.code == "disturbed" for note in comparison.notes)


def _line(name: str, pairs: Sequence[Comparison]) -> str:
    verdicts = [c.verdict for c in pairs]
    found = ", ".join(f"{verdicts.count(v)} {v}" for v in ("better", "worse", "same", "inconclusive"))
    disturbed = sum(_has_note(c) for c in pairs)
    ratios = [change.value for c in pairs for change in c.changes if change.name == LATENCY and change.value]
    middle = f", median ratio {statistics.median(ratios):.3f}" if ratios else ""
    return f"{name}: {found}; {disturbed} noted as disturbed{middle}"


def _spreads(alike: Sequence[Comparison]) -> Iterator[str]:
    """Between the processes of a run, and between runs beyond that: var(log ratio) = 2 s^2 / n + 2 r^2."""
    sides = [_latencies(side) for c in alike for side in (c.old, c.new)]
    if len(alike) < 3 or min(map(len, sides)) < 2:
        return
    own = statistics.fmean(statistics.variance(map(math.log, side)) for side in sides)
    means = [[statistics.fmean(map(math.log, _latencies(side))) for side in (c.old, c.new)] for c in alike]
    expected = 2 * own / statistics.fmean(map(len, sides))
    found = statistics.fmean((new - old) ** 2 for old, new in means)
    beyond = math.sqrt(max(found - expected, 0) / 2)
    yield (
        f"standard deviation between the processes of a run {math.sqrt(own):.2%}, between runs beyond that "
        f"{beyond:.2%} (of log ratios {math.sqrt(found):.2%}, expected from processes alone {math.sqrt(expected):.2%})"
    )


def _latencies(result: Result) -> tuple[float, ...]:
    return next(quantity.processes for quantity in result.quantities if quantity.name == LATENCY)
