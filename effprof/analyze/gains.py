"""What follows from an `Advice`: the gain of every edit with its interval, what is worth doing, and what is not.

A gain is one minus the median over rounds of the ratio of two times taken a moment apart (`statistics.paired_ratio`).
That of the edits together comes from rounds that took no part in choosing them, so that luck in choosing is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from effprof.advice_records import Advice, Contest, Gain, Stage, Trial
from effprof.statistics import MIN_ROUNDS, paired_ratio, paired_ratio_ci95

WORTH = 0.01
"""Less than this share of the latency is not worth an edit."""
Standing = Literal[
    "kept", "gains alone", "below 1 %", "no sure gain", "slower", "not judged", "not applicable", "failed"
]


@dataclass(frozen=True)
class Judged:
    """One edit with its figures, alone and on top of those chosen before it."""

    trial: Trial
    alone: Gain | None
    standing: Standing


@dataclass(frozen=True)
class Step:
    """One addition to the combination, or the last attempt at one."""

    base: tuple[str, ...]
    added: str
    gain: Gain
    is_kept: bool


def gain(contest: Contest, position: int) -> Gain:
    """Of one version over the contest's first."""
    times, base = contest.rounds_s[position], contest.rounds_s[0]
    value = 1 - paired_ratio(times, base)
    base_s = contest.median_s(0)
    if len(times) < MIN_ROUNDS:
        return Gain(value, None, value * base_s, None, len(times))
    low, high = paired_ratio_ci95(times, base)
    ci95 = (1 - high, 1 - low)
    return Gain(value, ci95, value * base_s, (ci95[0] * base_s, ci95[1] * base_s), len(times))


def gains(contest: Contest) -> tuple[Gain, ...]:
    """Of every version but the first, over the first."""
    return tuple(gain(contest, position) for position in range(1, len(contest.versions)))


def is_sure(found: Gain) -> bool:
    """The interval lies above no gain."""
    return found.ci95 is not None and found.ci95[0] > 0


def is_worth(found: Gain) -> bool:
    return is_sure(found) and found.value >= WORTH


def of_stage(advice: Advice, stage: Stage) -> Iterator[Contest]:
    return (contest for contest in advice.contests if contest.stage == stage)


def gains_alone(advice: Advice) -> dict[str, Gain]:
    """Each edit's own gain over the original; a setting's over the same network in the setting that was asked for."""
    found: dict[str, Gain] = {}
    for contest in (*of_stage(advice, "alone"), *of_stage(advice, "settings")):
        found |= {version[-1]: one for version, one in zip(contest.versions[1:], gains(contest), strict=True)}
    return found


def steps(advice: Advice) -> tuple[Step, ...]:
    """How the combination grew: to each base the best addition, kept or not, by the last contest over it that was long
    enough to judge."""
    found: dict[tuple[str, ...], Step] = {}
    for contest in of_stage(advice, "combined"):
        if len(contest.versions) < 2:
            continue
        base, *others = contest.versions
        pairs = zip(gains(contest), others, strict=True)
        best, version = max(pairs, key=lambda pair: (is_worth(pair[0]), pair[0].value))
        (added,) = set(version) - set(base)
        if base not in found or best.ci95 is not None:
            found[base] = Step(base, added, best, added in advice.chosen)
    return tuple(found.values())


def final_gain(advice: Advice) -> Gain | None:
    """Of all chosen edits together over the original, from rounds of their own; None where there were none."""
    contest = next(of_stage(advice, "final"), None)
    return None if contest is None else gain(contest, 1)


def recommended(advice: Advice) -> tuple[str, ...]:
    """The chosen edits, where their own last rounds confirm that they gain together."""
    found = final_gain(advice)
    return advice.chosen if found is not None and is_worth(found) else ()


def recommended_settings(advice: Advice) -> tuple[str, ...]:
    return tuple(
        version[-1]
        for contest in of_stage(advice, "settings")
        for position, version in enumerate(contest.versions)
        if position and is_worth(gain(contest, position))
    )


def judged(advice: Advice) -> tuple[Judged, ...]:
    """Every edit and setting, the greatest gain first; those without an interval after them, without a figure last."""
    alone = gains_alone(advice)
    kept = {*recommended(advice), *recommended_settings(advice)}
    found = [
        Judged(trial, alone.get(trial.name), _standing(trial, alone.get(trial.name), kept)) for trial in advice.trials
    ]
    return tuple(sorted(found, key=_rank))


def _rank(one: Judged) -> tuple[int, float]:
    if one.alone is None:
        return 2, 0.0
    return (1 if one.alone.ci95 is None else 0), -one.alone.value


def _standing(trial: Trial, alone: Gain | None, kept: set[str]) -> Standing:
    if trial.outcome == "not-applicable":
        return "not applicable"
    if trial.outcome == "failed":
        return "failed"
    if trial.name in kept:
        return "kept"
    if alone is None or alone.ci95 is None:
        return "not judged"
    if is_sure(alone):
        return "gains alone" if is_worth(alone) else "below 1 %"
    return "slower" if alone.ci95[1] < 0 else "no sure gain"


def level_reached(ranked: Sequence[Judged]) -> Literal["warn", "info"] | None:
    """`warn`: something is gained that is worth an edit; `info`: something is surely gained, if little."""
    gains = [one.alone for one in ranked if one.alone is not None]
    if any(map(is_worth, gains)):
        return "warn"
    return "info" if any(map(is_sure, gains)) else None
