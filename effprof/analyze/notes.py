"""Doubts that follow from the samples and the counts, each with what the reader can do about it.

Thresholds are named here and nowhere else. Notes of the measurement itself come first and are kept as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from effprof import statistics
from effprof.analyze.machine_speed import slowed
from effprof.records import Accounting, Latency, Note, Profile, Round, Totals
from effprof.units import counted, format_percent, format_seconds

MIN_RUNS = 10
MAX_SPREAD = 0.1
"""Interquartile range over median of the plain runs."""
MAX_DRIFT = 0.03
MAX_FIRST_RUN = 2.0
"""First warm-up run over median."""
MIN_OUTLIERS = 2
MIN_OUTLIER_SHARE = 0.01
MAX_PAGE_FAULTS = 50
MAX_RESIDUAL = 0.03
MAX_DISTORTION = 0.25
MAX_ROUND_SPREAD = 0.05
"""Range of the rounds' medians over their median."""

_QUIET = "Close other programs and measure again, or raise --min-time."


def derive_notes(
    profile: Profile, latency: Latency | None, accounting: Accounting | None, totals: Totals
) -> tuple[Note, ...]:
    """The profile's own notes, then those derived here; one note a code, the worst round speaks."""
    derived: list[Note] = []
    if latency is not None:
        timed = [r for r in profile.rounds if r.plain.times_s]
        derived += [note for note in (_worst(timed, check) for check in _ROUND_CHECKS) if note is not None]
        derived += _latency_notes(profile, latency, timed)
    if accounting is not None:
        derived += _accounting_notes(accounting)
    if totals.uncosted_ops:
        derived.append(_uncosted_note(totals.uncosted_ops))
    known = {note.code for note in profile.notes}
    return (*profile.notes, *(note for note in derived if note.code not in known))


_Finding = tuple[float, Note] | None
"""How bad it is, and the note."""


def _worst(rounds: Sequence[Round], check: Callable[[Round], _Finding]) -> Note | None:
    findings = [finding for finding in map(check, rounds) if finding is not None]
    return max(findings, key=lambda finding: finding[0])[1] if findings else None


def _spread(measured: Round) -> _Finding:
    spread = statistics.iqr(measured.plain.times_s) / (measured.plain.median_s or 1.0)
    if spread <= MAX_SPREAD:
        return None
    text = f"The middle half of the runs spreads over {format_percent(spread)} of the median."
    return spread, Note("wide-spread", text, _QUIET)


def _drift(measured: Round) -> _Finding:
    change = statistics.drift(measured.plain.times_s)
    if change is None or abs(change) <= MAX_DRIFT:
        return None
    direction = "slower" if change > 0 else "faster"
    text = f"Runs became {format_percent(abs(change))} {direction} from the first to the last."
    return abs(change), Note("drift", text, "Raise --warmup; let the machine cool down or reach a steady clock first.")


def _two_modes(measured: Round) -> _Finding:
    modes = statistics.two_modes(measured.plain.times_s)
    if modes is None:
        return None
    low_s, high_s = modes
    text = f"Runs fall into two groups, around {format_seconds(low_s)} and {format_seconds(high_s)}."
    remedy = "The median may jump between them: pin the process to cores, fix the clock, or use --rounds 5."
    return high_s / low_s, Note("two-modes", text, remedy)


def _outliers(measured: Round) -> _Finding:
    times_s = measured.plain.times_s
    found = statistics.outliers(times_s)
    if len(found) < max(MIN_OUTLIERS, MIN_OUTLIER_SHARE * len(times_s)):
        return None
    slowest = max(times_s) / measured.plain.median_s
    text = f"{len(found)} of {len(times_s)} runs were far slower than the rest, up to {slowest:.1f} times the median."
    return len(found), Note("outliers", text, _QUIET)


def _slow_first_run(measured: Round) -> _Finding:
    if not measured.plain.warmup_s or measured.plain.median_s <= 0:
        return None
    factor = measured.plain.warmup_s[0] / measured.plain.median_s
    if factor <= MAX_FIRST_RUN:
        return None
    first = format_seconds(measured.plain.warmup_s[0])
    text = f"The first run took {first}, {factor:.1f} times the median; it is not counted."
    return factor, Note("slow-first-run", text, "Where the first answer matters, run the network once before.")


_ROUND_CHECKS: tuple[Callable[[Round], _Finding], ...] = (_spread, _drift, _two_modes, _outliers, _slow_first_run)


def _latency_notes(profile: Profile, latency: Latency, timed: Sequence[Round]) -> Iterator[Note]:
    faults = latency.page_faults_per_run
    if faults is not None and faults > MAX_PAGE_FAULTS:
        yield _page_fault_note(faults, profile.spec.malloc)
    if latency.stopped_because == "max-time":
        half_width = max(abs(bound / latency.median_s - 1) for bound in latency.ci95_s)
        text = f"Stopped by --max-time: the median is known to within {format_percent(half_width)}."
        yield Note("interval-not-reached", text, "Raise --max-time, or make the machine quieter.")
    if latency.runs < MIN_RUNS:
        yield Note("few-runs", f"Only {latency.runs} runs were timed; {MIN_RUNS} are wanted.", "Raise --max-time.")
    yield from _slowed_notes(timed)
    medians = [r.plain.median_s for r in timed]
    spread = (max(medians) - min(medians)) / latency.median_s
    if spread > MAX_ROUND_SPREAD:
        text = f"The medians of {len(medians)} processes lie {format_percent(spread)} apart."
        yield Note("rounds-differ", text, "Compare results only over several rounds; --malloc steady often helps.")


def _slowed_notes(timed: Sequence[Round]) -> Iterator[Note]:
    slow = slowed(timed)
    if slow:
        text = (
            f"In {len(slow)} of {counted(len(timed), 'round')} a fixed piece of work took up to "
            f"{max(times for _, times in slow):.2f} times as long as in the best: the machine itself was slower."
        )
        yield Note("machine-slowed", text, "Look for other programs, neighbours on the same hardware, a lower clock.")


def _page_fault_note(faults: float, malloc: str) -> Note:
    text = f"{faults:,.0f} page faults a run: memory is given back to the system and fetched again."
    steady = "The allocator is steady already: the network allocates outside it, or memory is short."
    return Note("page-faults", text, steady if malloc == "steady" else "--malloc steady keeps freed memory.")


def _accounting_notes(accounting: Accounting) -> Iterator[Note]:
    if abs(accounting.residual_fraction) > MAX_RESIDUAL:
        text = f"{format_percent(accounting.residual_fraction)} of the latency is neither ops nor overhead"
        if accounting.residual_ci95_s is not None:
            low_s, high_s = accounting.residual_ci95_s
            text += f" (interval {format_seconds(low_s)} to {format_seconds(high_s)})"
        text += "."
        remedy = "Do not read smaller differences between parts than this; measure again on a quiet machine."
        yield Note("large-residual", text, remedy)
    if accounting.distortion_fraction is not None and accounting.distortion_fraction > MAX_DISTORTION:
        text = f"Timing the ops made a run {format_percent(accounting.distortion_fraction)} longer."
        yield Note("distortion", text, "Trust the headline, which has none of it; use a larger batch for finer shares.")


def _uncosted_note(uncosted: dict[str, int]) -> Note:
    calls = sum(uncosted.values())
    names = ", ".join(sorted(uncosted)[:5]) + (", ..." if len(uncosted) > 5 else "")
    text = f"{calls} {'call has' if calls == 1 else 'calls have'} no known multiply-adds: {names}."
    return Note("uncosted-ops", text, "Read mult_adds as a lower bound.")
