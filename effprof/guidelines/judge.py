"""All verdicts of a sweep, with the paper's cells to put beside them and the doubts that follow from the samples."""

from __future__ import annotations

from collections.abc import Iterator

from effprof.analyze.notes import MAX_PAGE_FAULTS, MAX_SPREAD
from effprof.guidelines.paper import paper_points
from effprof.guidelines.rules import judge_entry
from effprof.guidelines.why import reasons
from effprof.records import Note
from effprof.statistics import iqr, median
from effprof.sweep_records import Guidelines, Sweep, SweepEntry, Verdict


def judge(sweep: Sweep) -> Guidelines:
    spec = sweep.spec
    verdicts = tuple(
        judge_entry(entry, reasons(entry, spec.batch_size, spec.img_size), spec.margin) for entry in sweep.entries
    )
    asked_for = set(spec.guidelines)
    return Guidelines(
        sweep=sweep,
        verdicts=tuple(verdict for verdict in verdicts if verdict.scale == spec.scale),
        others=tuple(verdict for verdict in verdicts if verdict.scale != spec.scale),
        paper=tuple(point for point in paper_points() if point.guideline in asked_for),
        notes=(*sweep.notes, *_doubts(sweep.entries, verdicts)),
    )


def _doubts(entries: tuple[SweepEntry, ...], verdicts: tuple[Verdict, ...]) -> Iterator[Note]:
    faulting = [point for entry in entries for point in entry.points if _faults(point.page_faults)]
    if faulting:
        worst = max(faulting, key=lambda point: median(point.page_faults))
        yield Note(
            "page-faults",
            f"{len(faulting)} settings see more than {MAX_PAGE_FAULTS} minor page faults a run, "
            f"{worst.setting.guideline} {worst.setting.scale} {worst.setting.label} {median(worst.page_faults):.0f}: "
            "the allocator is part of their time.",
            "Measure with --malloc steady.",
        )
    unsteady = [name for entry in entries for name in _unsteady(entry)]
    if unsteady:
        yield Note(
            "wide-spread",
            f"The middle half of the rounds spreads over more than {MAX_SPREAD:.0%}: {', '.join(unsteady)}.",
            "Close other programs, or give more time with --max-time.",
        )
    short = [f"{entry.guideline} {entry.scale}" for entry in entries if entry.stopped_because == "max-time"]
    if short:
        yield Note(
            "interval-not-reached",
            f"The time was up before the slowdown was known well enough: {', '.join(short)}.",
            "Give more time with --max-time.",
        )
    unknown = [f"{v.guideline} {v.scale}" for v in verdicts if v.verdict == "inconclusive"]
    if unknown:
        yield Note(
            "inconclusive",
            f"The interval of the slowdown straddles the margin: {', '.join(unknown)}.",
            "More rounds would help: --max-time.",
        )


def _faults(page_faults: tuple[float, ...]) -> bool:
    return bool(page_faults) and median(page_faults) > MAX_PAGE_FAULTS


def _unsteady(entry: SweepEntry) -> Iterator[str]:
    for point in entry.points:
        if iqr(point.rounds_s) > MAX_SPREAD * point.time_s:
            yield f"{entry.guideline} {entry.scale} {point.setting.label}"
