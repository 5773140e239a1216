"""What a comparison says, before any markup: the same words and cells in every view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from effprof import units
from effprof.compare.fail_on import Checked
from effprof.compare.words import Answer, Change, Comparison, Facts, Result, Unit
from effprof.records import Note
from effprof.report.rows import printable_notes
from effprof.report.untrusted import printable
from effprof.sweep_records import SCALES

HEADER = ("quantity", "old", "new", "ratio", "95 %", "verdict")
_DETAILS_OF_RUNS = {"s": "Latency and its parts", "share": "Shares of the latency"}
_VERBS: dict[Unit, str] = {"s": "as long", "ratio": "as large", "share": ""}


@dataclass(frozen=True)
class ChangeRow:
    """One quantity as it is shown."""

    quantity: str
    old: str
    new: str
    ratio: str
    """new / old; for shares the difference in points."""
    interval: str
    verdict: Answer


def title(comparison: Comparison) -> str:
    return f"effprof · compare · {printable(comparison.new.name)}"


def facts(comparison: Comparison) -> Facts:
    """(label, what it is): both sides, what they have in common, the rule."""
    old, new = comparison.old, comparison.new
    common = [f"{what} {which}" for what, which in new.setting if (what, which) in old.setting and what != "cpu"]
    spread = "" if comparison.spread is None else f", {units.format_percent(comparison.spread)} between processes given"
    rule = f"same within {units.format_percent(comparison.margin)}{spread}; parts matter from 1 % of the latency on"
    return (
        ("old", _side(old)),
        ("new", _side(new)),
        ("both", " · ".join(map(printable, common))),
        ("rule", rule if new.kind == "run" else rule.partition(";")[0]),
    )


def _side(result: Result) -> str:
    count = result.processes
    parts = [
        printable(result.path) or "measured now",
        printable(result.environment.started_utc),
        f"{count} process{'' if count == 1 else 'es'}" if result.keeps_rounds else "no samples",
    ]
    return " · ".join(parts)


def headlines(comparison: Comparison) -> tuple[str, ...]:
    """One sentence for each quantity that answers for the whole: `latency is worse: 1.093 times as long (...)`."""
    return tuple(sentence(change) for change in comparison.changes if change.name in comparison.new.headline)


def sentence(change: Change) -> str:
    """The verdict on a quantity with its figures, on one line."""
    row = row_of(change)
    head = f"{row.quantity} is {_WORDS[change.verdict]}"
    why = f"; {printable(change.reason)}" if change.reason else ""
    if change.value is None:
        return f"{head}: {row.old} before, {row.new} now{why}"
    if change.unit == "share":
        return f"{head}: {row.ratio} (95 %: {row.interval}), {row.old} before, {row.new} now{why}"
    times = f"{row.ratio} times {_VERBS[change.unit]} (95 %: {row.interval})"
    return f"{head}: {times}, {row.old} before, {row.new} now{why}"


_WORDS: dict[Answer, str] = {
    "better": "better", "worse": "worse", "same": "the same", "inconclusive": "inconclusive",
}  # fmt: skip


def sections(comparison: Comparison) -> tuple[tuple[str, tuple[ChangeRow, ...]], ...]:
    """(heading, rows)."""
    if comparison.new.kind == "run":
        ordered = sorted(shown(comparison), key=lambda change: change.unit == "share")  # keeps the order within
        groups = [(_DETAILS_OF_RUNS[unit], list(own)) for unit, own in groupby(ordered, key=lambda c: c.unit)]
    else:
        groups = [(heading, list(own)) for heading, own in groupby(shown(comparison), key=lambda c: _guideline(c.name))]
    return tuple((heading, tuple(map(row_of, own))) for heading, own in groups)


def shown(comparison: Comparison) -> list[Change]:
    """Without parts in which no time went."""
    return [change for change in comparison.changes if change.old or change.new]


def row_of(change: Change) -> ChangeRow:
    return ChangeRow(printable(change.name), *_values(change), _ratio(change), _interval(change), change.verdict)


def notes(comparison: Comparison) -> tuple[Note, ...]:
    missing = comparison.only_in_one
    if not missing:
        return printable_notes(comparison.notes)
    listed = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
    note = Note("only-in-one", f"Only one of the results has {listed}.")
    return printable_notes((*comparison.notes, note))


def checks(checked: Sequence[Checked]) -> Iterator[str]:
    """`--fail-on latency:5%: failed`."""
    for one in checked:
        yield f"--fail-on {printable(one.threshold.text)}: {one.outcome}"


def counts(comparison: Comparison) -> str:
    """`1 worse, 8 same, 2 inconclusive`."""
    order: tuple[Answer, ...] = ("worse", "better", "same", "inconclusive")
    found = [change.verdict for change in shown(comparison)]
    return ", ".join(f"{found.count(verdict)} {verdict}" for verdict in order if verdict in found)


def _guideline(name: str) -> str:
    """`G1` and `G1.1:12` belong to G1, `G1.x2.1:12` to `G1 at x2`."""
    guideline, _, rest = name.partition(".")
    scale = rest.partition(".")[0]
    return f"{guideline} at {scale}" if scale in SCALES else guideline


def _values(change: Change) -> tuple[str, str]:
    if change.unit == "s":
        scale = units.time_scale(max(abs(change.old), abs(change.new)))
        return scale.format(change.old), scale.format(change.new)
    if change.unit == "share":
        return units.format_percent(change.old), units.format_percent(change.new)
    return _number(change.old), _number(change.new)


def _ratio(change: Change) -> str:
    if change.value is None:
        return units.UNKNOWN
    return f"{_points(change.value)} pt" if change.unit == "share" else _number(change.value)


def _interval(change: Change) -> str:
    if change.ci95 is None:
        return units.UNKNOWN
    low, high = change.ci95
    if change.unit == "share":
        return f"{_points(low)} to {_points(high)} pt"
    return f"{_number(low)}-{_number(high)}"


def _points(fraction: float) -> str:
    text = f"{fraction * 100:+.1f}"
    return text if float(text) else "0.0"


def _number(value: float) -> str:
    """Four digits that count, as far as a person reads them: `0.943`, `1.093`, `12.4`, `3.1e+05`."""
    if value >= 1000:
        return f"{value:.1e}"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
