"""Trials on the make-believe clock: the plan's ceilings, reached by the best trial of each cell, with its noise."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager

from effprof.ceiling_records import CacheLevel
from effprof.ceilings.search import Run
from effprof.ceilings.trials import CONVOLUTIONS, DISPATCHES, STREAMS, Trial
from effprof.devices.fake import Plan

NETWORK_S = 1e-2
_LARGE = 7
"""Powers of ten: with that much work a trial reaches its ceiling."""


class FakeRig:
    """One make-believe process: its network takes longer or shorter by a factor drawn from the plan's spread."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._plan, self._random = plan, random.Random(seed)
        self._clock_s = 0.0
        self._factor = math.exp(self._random.gauss(0.0, plan.ceilings.spread))

    def now_s(self) -> float:
        return self._clock_s

    @contextmanager
    def ready(self, trial: Trial) -> Iterator[Run]:
        least_s, noise = self._least_s(trial), self._plan.ceilings.noise

        def run() -> float:
            time_s = least_s * (1 + abs(self._random.gauss(0.0, noise))) if noise else least_s
            self._clock_s += max(time_s, 1e-6)
            return time_s

        yield run

    def network_s(self, name: str, seconds: float) -> float:
        """Latency in this process, of any network."""
        return NETWORK_S * self._factor

    def _least_s(self, trial: Trial) -> float:
        plan, rates = self._plan.ceilings, self._plan.rates
        if trial.kind in DISPATCHES:
            return trial.work * plan.seconds_per_call
        if trial.kind in STREAMS:
            size = trial.working_set_bytes or 0
            fitting = (level.bytes_per_s for level in plan.caches if size <= level.capacity_bytes)
            return trial.work / next(fitting, rates.bytes_per_s)
        planned = {str(kind): rate for kind, rate in plan.mult_adds_per_s.items()}
        return trial.work / planned.get(trial.kind, rates.mult_adds_per_s) / share_of(trial)


def share_of(trial: Trial) -> float:
    """How much of its ceiling a product or convolution reaches: all of it where it is large and channels_last."""
    large = min(1.0, math.log10(trial.work) / _LARGE)
    return large * (0.5 if trial.kind in CONVOLUTIONS and trial.form == "contiguous" else 1.0)


def planned_caches(plan: Plan) -> tuple[CacheLevel, ...]:
    levels = enumerate(plan.ceilings.caches, 1)
    return tuple(CacheLevel(f"L{number}", level.capacity_bytes) for number, level in levels)
