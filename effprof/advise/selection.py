"""Which edits are worth keeping: each alone, then the best added to those kept before it, then all kept ones again.

Torch-free. Choosing the best of several figures picks lucky ones, so the combination's own figure comes from rounds
that are taken after the choice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from effprof.advice_records import EDIT_TEXTS, Contest, Gain, Outcome, Stage, Trial
from effprof.advise.contest import Stopwatch, Version, hold, warmed
from effprof.analyze.gains import WORTH, gains, is_worth
from effprof.bench.turns import Clock, Progress, round_s
from effprof.errors import EffprofError, NotApplicableError
from effprof.interrupts import interrupts_deferred
from effprof.statistics import MIN_ROUNDS

ALONE_SHARE, FINAL_SHARE = 0.4, 0.3
"""Of the time left when the edits have been applied; what is between is for combining."""
STEP_SHARE, AGAIN_SHARE = 0.5, 0.8
"""One step of combining may take this share of what is left for combining; timing one addition again this one, so that
it gets more rounds than among the others."""
LAST_SHARE = 0.9
"""Of what is left at the end: the last round may take longer than those before it."""
ENOUGH = 1.2
"""So many times as long as the least number of rounds is expected to take: each edit alone is what matters most, so
it may take all the time there is."""
READY_SHARE = 0.5
"""Applying the edits one by one may take this share of all the time."""


@dataclass(frozen=True)
class Built:
    """A version of the network that can be run, and what was done to it."""

    clock: Clock
    trial: Trial
    """Of the last edit in it."""


Build = Callable[[tuple[str, ...]], Built]
"""Makes a version with these edits. Raises EffprofError where it cannot be had."""
InOrder = Callable[[Sequence[str]], tuple[str, ...]]


@dataclass
class Selection:
    """What was tried so far; whole at every moment, so that an interrupt loses nothing."""

    trials: list[Trial] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    chosen: tuple[str, ...] = ()
    is_partial: bool = False
    is_short: bool = False
    """There was no time to try all others with the chosen ones: that one adds nothing is not known."""

    def held(self, contest: Contest | None) -> Contest | None:
        """Keeps the contest; raises KeyboardInterrupt where it was cut short."""
        if contest is not None:
            self.contests.append(contest)
            if contest.stopped_because == "interrupted":
                raise KeyboardInterrupt
        return contest


@dataclass
class Chooser:
    build: Build
    in_order: InOrder
    watch: Stopwatch
    rng: random.Random
    progress: Progress
    selection: Selection = field(default_factory=Selection)

    def choose(self, names: Sequence[str]) -> Selection:
        """Measures the edits; an interrupt ends it early and marks it partial."""
        try:
            original = self._version(())
            singles = self._applied(names)
            if original is None or not singles:
                return self.selection
            best = self._alone(original, singles)
            if best is not None:
                self.selection.chosen = best.edits
                best = self._combine(best, [single.edits[0] for single in singles if single.edits != best.edits])
                self._hold("final", [original, best], LAST_SHARE * self.watch.left_s)
        except KeyboardInterrupt:
            self.selection.is_partial = True
        return self.selection

    def _applied(self, names: Sequence[str]) -> list[Version]:
        singles = []
        until_s = self.watch.left_s * (1 - READY_SHARE)
        for number, name in enumerate(names):
            self.progress(f"applying {name}", number / len(names))
            if self.watch.left_s < until_s:
                text = f"No time was left for it: give more --max-time. {EDIT_TEXTS[name]}"
                self.selection.trials.append(Trial(name, "no-time", text))
                continue
            version = self._version((name,))
            if version is not None:
                singles.append(version)
        return singles

    def _version(self, edits: tuple[str, ...]) -> Version | None:
        """Built, checked and warm; None where it cannot be had. What became of a single edit is written down."""
        try:
            with interrupts_deferred():  # the user's own code may not be cut in half
                built = self.build(edits)
                version = warmed(edits, built.clock, self.watch)
        except EffprofError as error:
            if not edits:
                raise
            if len(edits) == 1:
                outcome: Outcome = "not-applicable" if isinstance(error, NotApplicableError) else "failed"
                self.selection.trials.append(Trial(edits[0], outcome, str(error)))
            return None
        if len(edits) == 1:
            self.selection.trials.append(built.trial)
        return version

    def _alone(self, original: Version, singles: Sequence[Version]) -> Version | None:
        versions = [original, *singles]
        needed_s = ENOUGH * MIN_ROUNDS * round_s([version.seat for version in versions])
        time_s = min(max(self.watch.left_s * ALONE_SHARE, needed_s), self.watch.left_s)
        contest = self._hold("alone", versions, time_s)
        if contest is None:
            self._out_of_time([single.edits[0] for single in singles])
            return None
        return _best(gains(contest), singles)

    def _combine(self, best: Version, rest: list[str]) -> Version:
        """Adds edits while that is worth it; gives the version with all of them."""
        until_s = self.watch.left_s * FINAL_SHARE / (1 - ALONE_SHARE)
        while rest:
            versions = self._with_one_more(best, rest, until_s)
            better = self._better(best, versions, until_s) if versions else None
            if better is None:
                break
            best, self.selection.chosen = better, better.edits
            rest = [name for name in rest if name not in best.edits]
        return best

    def _better(self, best: Version, versions: list[Version], until_s: float) -> Version | None:
        """The addition that gains most for sure; where one only may gain, it is timed again beside `best` alone."""
        contest = self._hold("combined", [best, *versions], (self.watch.left_s - until_s) * STEP_SHARE)
        if contest is None:
            self.selection.is_short = True
            return None
        found = gains(contest)
        better = _best(found, versions)
        most, likely = max(zip(found, versions, strict=True), key=lambda pair: pair[0].value)
        if better is not None or len(versions) == 1 or most.value < WORTH:
            return better
        contest = self._hold("combined", [best, likely], (self.watch.left_s - until_s) * AGAIN_SHARE)
        return None if contest is None else _best(gains(contest), [likely])

    def _with_one_more(self, best: Version, rest: Sequence[str], until_s: float) -> list[Version]:
        """`best` with each of the others, as many as can be had before no more than `until_s` are left."""
        versions = []
        for name in rest:
            if self.watch.left_s <= until_s:
                self.selection.is_short = True
                break
            self.progress(f"combining {name}", 0.0)
            version = self._version(self.in_order((*best.edits, name)))
            if version is not None:
                versions.append(version)
        return versions

    def _hold(self, stage: Stage, versions: Sequence[Version], time_s: float) -> Contest | None:
        return self.selection.held(hold(stage, versions, time_s, self.watch, self.rng, self.progress))

    def _out_of_time(self, names: Sequence[str]) -> None:
        """Applied, but there is no time for rounds enough to judge."""
        kept = [trial for trial in self.selection.trials if trial.name not in names]
        late = [
            Trial(t.name, "no-time", f"No time was left to measure it: give more --max-time. {t.text}", t.layers,
                  t.max_abs_difference, t.relative_difference)
            for t in self.selection.trials if t.name in names
        ]  # fmt: skip
        self.selection.trials = kept + late


def _best(found: Sequence[Gain], versions: Sequence[Version]) -> Version | None:
    """The version that gains most of those that surely gain what an edit is worth."""
    worthy = [(one.value, place) for place, one in enumerate(found) if is_worth(one)]
    return versions[max(worthy)[1]] if worthy else None
