"""Comparing two results: whether they can be compared, every quantity judged, and the doubts about it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from effprof.analyze.machine_speed import SLOWED, machine_slowdown
from effprof.compare.rule import (
    MIN_FOR_SPREAD,
    UNKNOWN_SPREAD,
    Rule,
    centre,
    is_disturbed,
    judge,
    slow_process,
    together,
    withheld_where_disturbed,
)
from effprof.compare.words import INCOMPLETE, LATENCY, SLOWED_ROUNDS, Change, Comparison, Facts, Quantity, Result
from effprof.errors import UsageError
from effprof.foreign import one_line
from effprof.records import Note

_LONGEST_FACT = 60
_FAR_APART_H = 1.0
_DOUBTS = (
    *("other-load", "cpu-steal", "machine-slowed", "governor", "more-threads-than-cores", "wide-spread", "drift"),
    *("two-modes", "outliers", "rounds-differ", "page-faults", "few-runs", "few-rounds", "interval-not-reached"),
    "large-residual",
)
"""Notes of a result that bear on a comparison."""


def compare_results(old: Result, new: Result, rule: Rule | None = None, *, force: bool = False) -> Comparison:
    """Every quantity that both have, judged.

    Args:
        force: compare results of different settings too, with a note.

    Raises UsageError when they are of different kinds, have nothing in common, or differ in their setting.
    """
    rule = rule or Rule()
    _require_one_kind(old, new)
    different = differences(old.setting, new.setting)
    if different and not force:
        raise UsageError(not_comparable(different))
    slow = (_slow_process(old, new), _slow_process(new, old))
    changes = _changes(_without(old, slow[0]), _without(new, slow[1]), rule)
    if not changes:
        raise UsageError("The two results have no quantity in common: they are of different guidelines.")
    headline = [change.verdict for change in changes if change.name in old.headline]
    names = [{quantity.name for quantity in result.quantities} for result in (old, new)]
    return Comparison(
        old=old,
        new=new,
        changes=changes,
        verdict=together(headline or [change.verdict for change in changes]),
        margin=rule.margin,
        spread=rule.spread,
        notes=(*_notes(old, new, rule, different, changes), *_slow_notes((old, new), slow)),
        only_in_one=tuple(sorted(names[0] ^ names[1])),
    )


def differences(old: Facts, new: Facts) -> tuple[str, ...]:
    """`threads 1 against 2` for everything that both tell and that is not alike."""
    found = dict(new)
    return tuple(
        f"{what} {_shown(which)} against {_shown(found[what])}"
        for what, which in old
        if what in found and found[what] != which
    )


def not_comparable(different: tuple[str, ...]) -> str:
    return f"Not comparable: {', '.join(different)}. Measure both alike, or give --force."


def _require_one_kind(old: Result, new: Result) -> None:
    if old.kind != new.kind:
        words = {"run": "a network's run", "guidelines": "a guidelines result"}
        raise UsageError(
            f"Not comparable: {old.path} is {words[old.kind]}, {new.path} {words[new.kind]}. Give two of one kind."
        )


def _changes(old: Result, new: Result, rule: Rule) -> tuple[Change, ...]:
    after = {quantity.name: quantity for quantity in new.quantities}
    latency = _latency(old)
    whole_s = None if latency is None else centre(latency)
    disturbed = {"old": _is_disturbed(old, new), "new": _is_disturbed(new, old)}
    return tuple(
        withheld_where_disturbed(judge(quantity, after[quantity.name], rule, whole_s), **disturbed)
        for quantity in old.quantities
        if quantity.name in after
    )


def _latency(result: Result) -> Quantity | None:
    return next((quantity for quantity in result.quantities if quantity.name == LATENCY), None)


def _slow_process(own: Result, other: Result) -> int | None:
    latency, others = _latency(own), _latency(other)
    return None if latency is None or others is None else slow_process(latency, others)


def _without(result: Result, slow: int | None) -> Result:
    """The result without one of its processes."""
    if slow is None:
        return result
    kept = [(q, tuple(v for place, v in enumerate(q.processes) if place != slow)) for q in result.quantities]
    return replace(result, quantities=tuple(replace(quantity, processes=values) for quantity, values in kept))


def _slow_notes(results: tuple[Result, Result], slow: tuple[int | None, int | None]) -> Iterator[Note]:
    for side, result, place in zip(("old", "new"), results, slow, strict=True):
        latency = _latency(result)
        if place is None or latency is None:
            continue
        above = latency.processes[place] / statistics.median(latency.processes) - 1
        yield Note(
            f"slow-process-{side}",
            f"One of the {side} run's {len(latency.processes)} processes took {above:.0%} longer than their median and "
            "is left out.",
            "If that happens in most runs, the network has two speeds: look at the rounds.",
        )


def _notes(
    old: Result, new: Result, rule: Rule, different: tuple[str, ...], changes: tuple[Change, ...]
) -> Iterator[Note]:
    if different:
        yield Note("forced", f"The settings differ: {', '.join(different)}.", "Measure both alike.")
    yield from _single_process(old, new, rule)
    yield from _hours_apart(old, new)
    sides = (("old", old), ("new", new))
    yield from _disturbed_notes(old, new, changes)
    for side, result in sides:
        codes = dict.fromkeys(note.code for note in result.notes if note.code in _DOUBTS)
        if codes:
            yield Note(f"doubts-{side}", f"The {side} result has its own doubts: {', '.join(codes)}.")
        for note in result.notes:
            if note.code in (INCOMPLETE, SLOWED_ROUNDS):
                yield Note(f"{note.code}-{side}", f"Of the {side} run {note.text}", note.remedy)
        if result.partial:
            yield Note(f"partial-{side}", f"The {side} result was interrupted before its end.", "Measure it again.")
    circumstances = differences(old.circumstances, new.circumstances)
    if circumstances:
        yield Note("differs", f"Also different: {', '.join(circumstances)}.")
    verdicts = differences(old.verdicts, new.verdicts)
    if verdicts:
        yield Note("verdict-changed", f"Another verdict than before: {', '.join(verdicts)}.")


def _is_disturbed(own: Result, other: Result) -> bool:
    return is_disturbed(own.notes) or _machine_slowdown(own, other) > SLOWED


def _machine_slowdown(own: Result, other: Result) -> float:
    """How many times as long the fixed work took as on the other side; 1 where nobody knows, or on other machines."""
    if (own.device.name, own.environment.cpu) != (other.device.name, other.environment.cpu):
        return 1.0
    return machine_slowdown(own.fixed_work_s, other.fixed_work_s) or 1.0


def _disturbed_notes(old: Result, new: Result, changes: tuple[Change, ...]) -> Iterator[Note]:
    sides = (("old", old, new), ("new", new, old))
    busy = [side for side, own, _ in sides if is_disturbed(own.notes)]
    causes = [f"other programs were busy during the {' and the '.join(busy)} run"] if busy else []
    for side, own, other in sides:
        times = _machine_slowdown(own, other)
        if times > SLOWED:
            causes.append(f"a fixed piece of work took {times:.2f} times as long during the {side} run")
    if causes:
        text = "; ".join(causes)
        withheld = sum(change.is_withheld for change in changes)
        yield Note(
            "disturbed",
            f"{text[0].upper()}{text[1:]}; {withheld} of {len(changes)} verdicts that this may explain are withheld.",
            "Measure again on a quiet machine.",
        )


def _single_process(old: Result, new: Result, rule: Rule) -> Iterator[Note]:
    single = [side for side, result in (("old", old), ("new", new)) if result.processes == 1]
    if not single:
        return
    derived = [side for side, result in (("old", old), ("new", new)) if not result.keeps_rounds]
    kept = f" (the {' and the '.join(derived)} file keeps no samples)" if derived else ""
    most = max(old.processes, new.processes)
    if rule.spread is not None:
        widened = f"the standard deviation of {rule.spread:.2%} that was given"
    elif most >= MIN_FOR_SPREAD:
        widened = f"the spread of the other side's {most} processes"
    elif rule.calibrated is not None:
        known = rule.calibrated
        widened = f"the standard deviation of {known.spread:.2%} that this device was calibrated with on {known.date}"
    else:
        widened = f"{UNKNOWN_SPREAD:.0%}, because nobody knows how far processes differ here"
    runs_more = "" if old.kind == "guidelines" else "Measure both with --rounds 5, or "
    remedy = f"{runs_more}give --spread, the standard deviation between processes, where it is known."
    yield Note(
        "single-process",
        f"The {' and the '.join(single)} result is of one process{kept}: intervals are widened by {widened}.",
        remedy[0].upper() + remedy[1:],
    )


def _hours_apart(old: Result, new: Result) -> Iterator[Note]:
    try:
        starts = [datetime.strptime(r.environment.started_utc, "%Y-%m-%dT%H:%M:%SZ") for r in (old, new)]
    except ValueError:  # not known
        return
    hours = abs(starts[1] - starts[0]).total_seconds() / 3600
    if hours > _FAR_APART_H:
        yield Note(
            "hours-apart",
            f"The two results were begun {hours:.1f} hours apart: on a shared machine such runs may differ by several "
            "per cent, which the intervals do not hold.",
            "Measure both right after one another.",
        )


def _shown(which: str) -> str:
    line = one_line(which)
    return line if len(line) <= _LONGEST_FACT else f"{line[: _LONGEST_FACT - 1]}…"
