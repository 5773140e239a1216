"""A make-believe clock: costs come from a plan, so that every figure downstream has a known truth.

Without a plan a call takes `mult_adds / rate + access_bytes / bandwidth`. A plan (JSON, `--device fake:PLAN.json`)
gives per operator name or layer a cost with noise, drift, a second mode and outliers; what instrumentation costs; a
*distortion* that calibration cannot see, because it shows only at the full input size (it must come out as residual);
and a wait that only plain runs at the full input size have (the same).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from effprof.ceiling_records import ComputeKind
from effprof.cost import cost_of
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.errors import BadFileError
from effprof.records import DeviceInfo, OpCall
from effprof.store.files import read_whole
from effprof.sweep_records import GuidelineId

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Mode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happens to one call now and then: it takes `factor` times as long."""

    factor: NotNegative
    probability: Share


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one call takes and how that varies from run to run."""

    time_s: NotNegative | None = None
    """None: from the rates."""
    noise: NotNegative = 0.0
    """Standard deviation as a share of the time (normal, cut at zero)."""
    drift: NotNegative = 0.0
    """Share by which the time grows with every run."""
    second_mode: Mode | None = None
    """Drawn once a run, for all calls of this entry together."""
    outliers: Mode | None = None
    """Drawn for each call."""


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mult_adds_per_s: Positive = 2e10
    bytes_per_s: Positive = 1e10
    seconds_per_call: NotNegative = 5e-6
    """Python and dispatch between two calls: overhead."""


class Instrumentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inside_s: NotNegative = 2e-7
    outside_s: NotNegative = 6e-7


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A make-believe cache."""

    capacity_bytes: Annotated[int, msgspec.Meta(gt=0)]
    bytes_per_s: Positive


class PlannedCeilings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For `effprof calibrate`: what it is to find. What is not given are the `rates`."""

    mult_adds_per_s: dict[ComputeKind, Positive] = {}
    caches: tuple[Level, ...] = ()
    """From the smallest up; beyond the last one memory has the rate of `rates`. Of every kind of traffic alike."""
    seconds_per_call: NotNegative = 0.0
    noise: NotNegative = 0.0
    """By how much of its time a run is longer than the best (the positive half of a normal distribution)."""
    spread: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.0
    """Standard deviation of the logarithm of what a process takes."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See docs/how-we-measure.md for a commented example."""

    rates: Rates = msgspec.field(default_factory=Rates)
    default: Cost = msgspec.field(default_factory=Cost)
    ops: dict[str, Cost] = {}
    layers: dict[str, Cost] = {}
    """A layer's entry covers its children and goes before `ops`; the longest matching path counts."""
    instrumentation: Instrumentation = msgspec.field(default_factory=Instrumentation)
    overhead_s: NotNegative = 0.0
    """Once a run, outside all calls."""
    distortion: float = 0.0
    """Share by which instrumented calls are slower, at the full input size only."""
    unseen_s: NotNegative = 0.0
    """A wait in plain runs only, at the full input size only."""
    page_faults: Annotated[int, msgspec.Meta(ge=0)] = 0
    ceilings: PlannedCeilings = msgspec.field(default_factory=PlannedCeilings)
    guidelines: dict[GuidelineId, Positive] = {}
    """For `effprof guidelines`: how many times as long the severe setting takes for a mult_add as the recommended one
    (settings in between lie in between). Times then follow mult_adds alone, with the noise of `default` a run."""
    cliffs: dict[str, dict[str, Positive]] = {}
    """For `effprof cliffs` and prices: axis -> value -> how many times as long a mult_add takes there; others once."""
    edits: dict[str, Annotated[float, msgspec.Meta(lt=1)]] = {}
    """For `effprof advise`: the share of the latency that an edit saves, negative where it costs time. Edits together
    save as if one after the other, unless the plan has them together: `fold-batch-norm+channels-last`."""

    def slowdown_at(self, axis: str, value: int) -> float:
        """Planned for one value of one axis of a convolution."""
        return self.cliffs.get(axis, {}).get(str(value), 1.0)


def read_plan(path: Path | None) -> Plan:
    """The plan in a file; the default plan for None.

    Raises:
        BadFileError: missing, not JSON, an unknown field or a wrong type (the message names the field).
    """
    if path is None:
        return Plan()
    try:
        return msgspec.json.decode(read_whole(path), type=Plan)
    except OSError as error:
        raise BadFileError(f"Cannot read the fake device's plan {path}: {error.strerror}.") from None
    except msgspec.DecodeError as error:
        raise BadFileError(f"{path} is not a plan for the fake device: {error}.") from None


def fake_device(threads: int | None) -> DeviceInfo:
    return DeviceInfo("fake", "make-believe clock", "fake", threads)


@dataclass
class FakeSubject:
    """A network on the make-believe clock."""

    calls: tuple[OpCall, ...]
    plan: Plan
    input_shape: tuple[tuple[int, ...], ...]
    full_size: bool = True
    seed: int = 0
    timer: str = "planned"
    runs: int = 0
    _costs: list[Cost] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spans = tuple((call.index,) for call in self.calls)
        self.nested = (0,) * len(self.spans)
        self._random = random.Random(self.seed)
        self._costs = [self._find_cost(call) for call in self.calls]
        self._base_s = [self._base(call, cost) for call, cost in zip(self.calls, self._costs, strict=True)]

    def plain(self) -> PlainRun:
        total_s = sum(self._draw()) + self._between_s()
        return PlainRun(total_s + (self.plan.unseen_s if self.full_size else 0.0), self.plan.page_faults)

    def timed(self) -> TimedRun:
        inside_s, outside_s = self.plan.instrumentation.inside_s, self.plan.instrumentation.outside_s
        stretch = 1 + (self.plan.distortion if self.full_size else 0.0)
        spans_s = tuple(cost_s * stretch + inside_s for cost_s in self._draw())
        return TimedRun(sum(spans_s) + len(spans_s) * outside_s + self._between_s(), spans_s)

    def span_cost(self) -> SpanCost:
        return SpanCost(self.plan.instrumentation.inside_s, self.plan.instrumentation.outside_s, at_most=1e9)

    def _between_s(self) -> float:
        return len(self.calls) * self.plan.rates.seconds_per_call + self.plan.overhead_s

    def _find_cost(self, call: OpCall) -> Cost:
        path = call.layer
        while path:
            if path in self.plan.layers:
                return self.plan.layers[path]
            path = path.rpartition(".")[0]
        return self.plan.ops.get(call.op, self.plan.default)

    def _base(self, call: OpCall, cost: Cost) -> float:
        if cost.time_s is not None:
            return cost.time_s
        if call.is_view:
            return 0.0
        work, rates = cost_of(call), self.plan.rates
        return (work.mult_adds or 0) / rates.mult_adds_per_s + (work.access_bytes or 0) / rates.bytes_per_s

    def _draw(self) -> list[float]:
        """This run's cost of every call."""
        second = {
            id(cost): self._random.random() < cost.second_mode.probability
            for cost in self._costs
            if cost.second_mode is not None
        }
        drawn = []
        for base_s, cost in zip(self._base_s, self._costs, strict=True):
            time_s = base_s * (1 + cost.drift * self.runs)
            if cost.noise:
                time_s *= max(0.0, self._random.gauss(1.0, cost.noise))
            if cost.second_mode is not None and second[id(cost)]:
                time_s *= cost.second_mode.factor
            if cost.outliers is not None and self._random.random() < cost.outliers.probability:
                time_s *= cost.outliers.factor
            drawn.append(time_s)
        self.runs += 1
        return drawn


class PlannedRuns:
    """A tiny network of a guideline whose slowdown is planned: whole runs, no calls."""

    def __init__(self, plan: Plan, mult_adds: int, slowdown: float, seed: int) -> None:
        """`slowdown`: of this very setting, per mult_add."""
        self._time_s = mult_adds / plan.rates.mult_adds_per_s * slowdown
        self._noise, self._page_faults = plan.default.noise, plan.page_faults
        self._random = random.Random(seed)

    def plain(self) -> PlainRun:
        factor = max(0.0, self._random.gauss(1.0, self._noise)) if self._noise else 1.0
        return PlainRun(self._time_s * factor, self._page_faults)
