"""All verdicts of a sweep, with the paper's cells to put beside them and the doubts that follow from the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effprof.analyze.notes import MAX_DRIFT, MAX_PAGE_FAULTS, MAX_SPREAD
from effprof.guidelines.paper import paper_points
from effprof.guidelines.rules import is_known, judge_entry
from effprof.guidelines.why import reasons
from effprof.records import Note
from effprof.statistics import MIN_ROUNDS, drift, iqr, median, two_modes
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
        notes=(
            *sweep.notes,
            *_doubts_of_samples(sweep.entries, spec.margin),
            *_doubts_of_verdicts(sweep.entries, verdicts, spec.margin),
        ),
    )


def _doubts_of_samples(entries: Sequence[SweepEntry], margin: float) -> Iterator[Note]:
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
    drifting = [name for entry in entries for name in _drifting(entry, min(MAX_DRIFT, margin))]
    if drifting:
        yield Note(
            "drift",
            f"The slowdown changed from the first round to the last: {', '.join(drifting)}.",
            "Let the machine cool down or reach a steady clock first, and measure again.",
        )
    grouped = [name for entry in entries for name in _in_two_groups(entry)]
    if grouped:
        yield Note(
            "two-modes",
            f"The slowdown falls into two groups of rounds: {', '.join(grouped)}.",
            "Something changes between rounds: other programs, clocks, or where the threads run (--cpus).",
        )


def _doubts_of_verdicts(entries: Sequence[SweepEntry], verdicts: Sequence[Verdict], margin: float) -> Iterator[Note]:
    """Why a verdict could not be given, or not as well as it should."""
    few, short, about, unknown = list[str](), list[str](), list[str](), list[str]()
    for entry, verdict in zip(entries, verdicts, strict=True):
        name, rounds = f"{entry.guideline} {entry.scale}", len(entry.severe.rounds_s)
        if rounds < MIN_ROUNDS:
            few.append(f"{name} ({rounds})")
            continue
        is_open = verdict.verdict == "inconclusive"
        if is_open and is_known(verdict.slowdown, margin):
            about.append(name)
            continue
        short += [name] if entry.stopped_because == "max-time" else []
        unknown += [name] if is_open else []
    if few:
        yield Note(
            "few-rounds",
            f"A verdict needs at least {MIN_ROUNDS} rounds, and fewer were finished: {', '.join(few)}.",
            "Give more time with --max-time, or close other programs.",
        )
    if short:
        yield Note(
            "interval-not-reached",
            f"The time was up before the slowdown was known well enough: {', '.join(short)}.",
            "Give more time with --max-time.",
        )
    if unknown:
        yield Note(
            "inconclusive",
            f"The interval of the slowdown straddles the margin: {', '.join(unknown)}.",
            "More rounds would help: --max-time.",
        )
    if about:
        yield Note(
            "about-the-margin",
            f"The slowdown is about the margin itself: {', '.join(about)}.",
            "More rounds would not decide it, for processes differ by more; judge by another --margin.",
        )


def _faults(page_faults: tuple[float, ...]) -> bool:
    return bool(page_faults) and median(page_faults) > MAX_PAGE_FAULTS


def _unsteady(entry: SweepEntry) -> Iterator[str]:
    for point in entry.points:
        if iqr(point.rounds_s) > MAX_SPREAD * point.time_s:
            yield f"{entry.guideline} {entry.scale} {point.setting.label}"


def _drifting(entry: SweepEntry, most: float) -> Iterator[str]:
    change = drift(_ratios(entry))
    if change is not None and abs(change) > most:
        yield f"{entry.guideline} {entry.scale} by {change:+.1%}"


def _in_two_groups(entry: SweepEntry) -> Iterator[str]:
    modes = two_modes(_ratios(entry))
    if modes is not None:
        same_work = entry.recommended.mult_adds / entry.severe.mult_adds
        low, high = (mode * same_work for mode in modes)
        yield f"{entry.guideline} {entry.scale} at {low:.2f} and {high:.2f}"


def _ratios(entry: SweepEntry) -> list[float]:
    """Of the severe setting over the recommended one, round by round: what slows both alike is in none of them."""
    pairs = zip(entry.severe.rounds_s, entry.recommended.rounds_s, strict=True)
    return [severe_s / recommended_s for severe_s, recommended_s in pairs]
