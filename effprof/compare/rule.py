"""When a quantity is better, worse, the same, or cannot be judged: the one place for the arithmetic and the rule.

**Interval.** Processes differ by more than the runs within one, so a quantity is one value for each process (the median
of its runs), and an interval is built from those. Times and slowdowns are compared by ratio: with x and y the
logarithms of the old and new values of n and m processes, both at least 2,

    log ratio   = mean(y) - mean(x)
    se^2        = var(x) / n + var(y) / m + 2 r^2
    half-width  = t(0.975, f) * se          f = se^4 / ((var(x) / n)^2 / (n - 1) + (var(y) / m)^2 / (m - 1))

which is Welch's interval (Biometrika 34, 1947) with one more term: r = 1 % (`RUN_SPREAD`), what two runs of the same
thing differ by beyond what their processes show. The processes of a run follow one another within seconds, so they
share the state the machine is in, and another run does not. `experiments/compare_rates.py` prints what r is here.
Shares are compared by difference; a part that is slower by a share e moves its share p by about p (1 - p) e, and so r
and the widenings below become p (1 - p) times as much for them.

With a single process on either side nothing in that result tells how far processes differ. The interval within the
process is then widened at both ends:

- by t(0.975) * sqrt(s^2 (1 / n + 1 / m) + 2 r^2), where s, the standard deviation between processes, is known: because
  it was given (`--spread`), or from the other side where that has at least 3 processes, or else from the device's
  calibration (`effprof calibrate`, of networks' latency; t then has the calibration's processes less one);
- by 5 % of the value where it is not.

**Slow processes.** Now and then something else slows a whole process down, and one such process in ten widens Welch's
interval until nothing can be said. In a run of 4 or more processes the slowest is left out, with a note, where it lies
above the median of its run by more than 5 % and more than 4 standard deviations (from the median absolute deviation of
its run or of both, whichever is larger). Never more than one, and never a fast one: a network with two speeds keeps
both.

**Rule.** A change matters from a margin on: 5 % of a time or slowdown (`--margin`). A part of the latency must besides
change by 1 % of the latency, a share by 1 point: a part as small as that may double and nobody would notice.

- **same**: the whole interval lies within the margin;
- **worse** (more time, a larger share or slowdown): the whole interval lies above no change, and the estimate above the
  margin; **better** the other way round;
- **inconclusive**: anything else. More processes would help.

The interval need not clear the margin too: with 5 processes a side and 3 % between processes 10 % more work would then
be missed in half of the comparisons. `tests/compare/test_rates.py` simulates how often the rule is right.

**Slowed rounds.** Between the runs of each round a fixed piece of work is timed. Rounds in which it took 8 % longer
than in the best are left out, where three others remain: the machine was slower then, whatever was measured.

**Disturbed sides.** Other programs make a run slower, by nobody knows how much, and never faster. A run is disturbed
where they kept more than half a core busy, or a tenth of all cores where that is less (note `other-load`), and where
the fixed piece of work took 8 % longer than in the other run (neighbours on the same hardware, which no counter shows,
or a lower clock). What that may explain is not said: not that the new one is worse or the same when the new one was
disturbed, not that it is better or the same when the old one was. Shares and slowdowns may go either way, so nothing
is said of them.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from effprof.compare.words import Answer, Change, Quantity
from effprof.records import Note

MARGIN = 0.05
PART_MARGIN = 0.01
"""Of the latency."""
UNKNOWN_SPREAD = 0.05
RUN_SPREAD = 0.01
MIN_FOR_SPREAD = 3
SLOW_PROCESS = 0.05
SLOW_DEVIATIONS = 4.0
MIN_FOR_LEAVING_OUT = 4
DISTURBING = ("other-load",)
_LEVEL = 0.975
_DEVIATION = 1.25 * 1.4826
"""Standard deviation over median absolute deviation: 1.4826 for normal values, and as deviations from a median of five
are small."""


@dataclass(frozen=True)
class CalibratedSpread:
    """What `effprof calibrate` found of the device."""

    spread: float
    """Standard deviation between processes, as a share."""
    processes: int
    """From how many."""
    date: str


@dataclass(frozen=True)
class Rule:
    """What the user may choose."""

    margin: float = MARGIN
    spread: float | None = None
    """Known standard deviation between processes, as a share."""
    calibrated: CalibratedSpread | None = None
    """What stands in where `spread` is not given and the other side has too few processes to tell."""


@dataclass(frozen=True)
class _Values:
    """The processes of one side in the coordinate in which they are compared."""

    values: Sequence[float]
    within: float

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def variance_of_mean(self) -> float:
        return statistics.variance(self.values) / self.count


def slow_process(own: Quantity, other: Quantity) -> int | None:
    """Which process of a side something else slowed down; None where none stands out."""
    values = own.processes
    if len(values) < MIN_FOR_LEAVING_OUT or min(*values, *other.processes) <= 0:
        return None
    sides = [[math.log(value) for value in side.processes] for side in (own, other)]
    apart = [[abs(value - statistics.median(side)) for value in side] for side in sides if len(side) > 1]
    usual = max(statistics.median(apart[0]), statistics.median(itertools.chain(*apart)))
    limit = max(math.log1p(SLOW_PROCESS), SLOW_DEVIATIONS * _DEVIATION * usual)
    slowest = max(range(len(values)), key=lambda place: values[place])
    return slowest if sides[0][slowest] - statistics.median(sides[0]) > limit else None


def centre(quantity: Quantity) -> float:
    """The value that stands for all processes: geometric mean of times and ratios, arithmetic mean of shares."""
    if quantity.unit != "share" and min(quantity.processes) > 0:
        return math.exp(statistics.fmean(map(math.log, quantity.processes)))
    return statistics.fmean(quantity.processes)


def judge(old: Quantity, new: Quantity, rule: Rule, whole_s: float | None = None) -> Change:
    """How one quantity changed.

    Args:
        whole_s: the old latency, for a part of it.
    """
    if old.unit == "share":
        return _judge_difference(old, new, rule)
    if min(*old.processes, *new.processes) > 0:
        return _judge_ratio(old, new, rule, whole_s)
    return _judge_without_ratio(old, new, rule, whole_s)


def answer(value: float, low: float, high: float, margin: float) -> Answer:
    """The verdict rule, in a coordinate in which no change is 0 and the margin reaches equally far to both sides."""
    if -margin <= low and high <= margin:
        return "same"
    if low > 0 and value > margin:
        return "worse"
    if high < 0 and value < -margin:
        return "better"
    return "inconclusive"


def together(answers: Sequence[Answer]) -> Answer:
    """Of several quantities: the first of worse, inconclusive, better, same that any of them says."""
    order: tuple[Answer, ...] = ("worse", "inconclusive", "better", "same")
    return next(known for known in order if known in answers)


def is_disturbed(notes: Sequence[Note]) -> bool:
    return any(note.code in DISTURBING for note in notes)


def withheld_where_disturbed(change: Change, *, old: bool, new: bool) -> Change:
    """The change with what a disturbed side may have done to it, and no verdict where that may explain the verdict."""
    either_way = change.unit != "s" and (old or new)
    change = replace(change, may_look_larger=new or either_way, may_look_smaller=old or either_way)
    explained = (change.may_look_larger and change.verdict in ("worse", "same")) or (
        change.may_look_smaller and change.verdict in ("better", "same")
    )
    if not explained:
        return change
    sides = " and ".join(name for name, disturbed in (("old", old), ("new", new)) if disturbed)
    reason = f"would be {change.verdict}, but the machine was disturbed during the {sides} run"
    return replace(change, verdict="inconclusive", reason=reason, is_withheld=True)


def _judge_ratio(old: Quantity, new: Quantity, rule: Rule, whole_s: float | None) -> Change:
    x = _Values([math.log(value) for value in old.processes], old.within)
    y = _Values([math.log(value) for value in new.processes], new.within)
    middle = y.mean - x.mean
    half = _half_width(x, y, rule, 1.0, math.log1p(UNKNOWN_SPREAD))
    margin = rule.margin
    if old.is_part and whole_s is not None:
        margin = max(margin, PART_MARGIN * whole_s / centre(old))
    verdict = answer(middle, middle - half, middle + half, math.log1p(margin))
    ratio, ci95 = math.exp(middle), (math.exp(middle - half), math.exp(middle + half))
    return Change(old.name, old.unit, centre(old), centre(new), ratio, ci95, margin, verdict)


def _judge_difference(old: Quantity, new: Quantity, rule: Rule) -> Change:
    share = max(centre(old), centre(new), key=abs)
    middle, half = _difference(old, new, rule, abs(share * (1 - share)))
    verdict = answer(middle, middle - half, middle + half, PART_MARGIN)
    ci95 = (middle - half, middle + half)
    return Change(old.name, old.unit, centre(old), centre(new), middle, ci95, PART_MARGIN, verdict)


def _judge_without_ratio(old: Quantity, new: Quantity, rule: Rule, whole_s: float | None) -> Change:
    """A part that is zero or negative in a process: judged by what its coming or going does to the latency."""
    middle, half = _difference(old, new, rule, max(abs(centre(old)), abs(centre(new))))
    margin_s = PART_MARGIN * (whole_s or max(centre(old), centre(new)))
    verdict = answer(middle, middle - half, middle + half, margin_s)
    reason = "no ratio: it was zero or negative in a process"
    return Change(old.name, old.unit, centre(old), centre(new), None, None, PART_MARGIN, verdict, reason)


def _difference(old: Quantity, new: Quantity, rule: Rule, level: float) -> tuple[float, float]:
    """new - old, and the half-width of its interval; `level`: by how much a relative error of 1 moves the value."""
    x, y = _Values(old.processes, old.within * level), _Values(new.processes, new.within * level)
    return y.mean - x.mean, _half_width(x, y, rule, level, UNKNOWN_SPREAD * level)


def _half_width(x: _Values, y: _Values, rule: Rule, level: float, unknown: float) -> float:
    run_spread = RUN_SPREAD * level
    if min(x.count, y.count) > 1:
        return _welch(x, y, run_spread)
    within = math.hypot(*(side.within for side in (x, y) if side.count == 1))
    more = max(x, y, key=lambda side: side.count)
    if rule.spread is not None:
        spread, quantile = rule.spread * level, _t_quantile(math.inf)
    elif more.count >= MIN_FOR_SPREAD:
        spread, quantile = statistics.stdev(more.values), _t_quantile(more.count - 1)
    elif rule.calibrated is not None:
        spread, quantile = rule.calibrated.spread * level, _t_quantile(rule.calibrated.processes - 1)
    else:
        ranges = [max(side.values) - min(side.values) for side in (x, y)]
        return within + unknown + max(ranges) / 2
    between = spread * math.sqrt(1 / x.count + 1 / y.count)
    return within + quantile * math.hypot(between, math.sqrt(2) * run_spread)


def _welch(x: _Values, y: _Values, run_spread: float) -> float:
    parts = (x.variance_of_mean, y.variance_of_mean)
    variance = sum(parts) + 2 * run_spread**2
    uncertain = parts[0] ** 2 / (x.count - 1) + parts[1] ** 2 / (y.count - 1)
    freedom = variance**2 / uncertain if uncertain > 0 else math.inf
    return _t_quantile(freedom) * math.sqrt(variance)


def _t_quantile(freedom: float) -> float:
    """Student's t at 0.975; the normal distribution's for any number of degrees of freedom that is practically none."""
    if freedom > 1e6:
        return statistics.NormalDist().inv_cdf(_LEVEL)
    from scipy.special import stdtrit

    return float(stdtrit(freedom, _LEVEL))
