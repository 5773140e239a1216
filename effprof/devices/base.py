"""The small door to hardware: who runs a network once, plainly or with timed spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from effprof.records import DeviceInfo


@dataclass(frozen=True)
class PlainRun:
    """One un-instrumented forward pass."""

    time_s: float
    page_faults: int | None
    """Minor page faults during the run; None where the platform does not tell."""
    wall_s: float | None = None
    """By the host's clock, where `time_s` is by the device's."""


@dataclass(frozen=True)
class TimedRun:
    """One instrumented forward pass."""

    time_s: float
    """Its whole length, instrumentation included."""
    spans_s: tuple[float, ...]
    """Raw length of each span, in order."""


@dataclass(frozen=True)
class SpanCost:
    """What one timed span costs when nothing else is in the caches: a lower bound of its cost in a network."""

    inside_s: float
    outside_s: float
    at_most: float
    """Upper bound of its cost in a network, as a multiple."""
    nested_s: float | None = None
    """Of each op recorded within a span, all inside it; None for a timer that records none. Where there is one, it and
    `inside_s` are in a network what they are here, and what is more falls outside."""


class PlainSubject(Protocol):
    """What can be run without instrumentation, again and again."""

    def plain(self) -> PlainRun: ...


class Subject(Protocol):
    """A network with its input on a device, ready to run again and again."""

    @property
    def input_shape(self) -> tuple[tuple[int, ...], ...]: ...

    @property
    def spans(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the OpCalls inside each span."""
        ...

    @property
    def nested(self) -> tuple[int, ...]:
        """How many ops the timer records within each span besides its own."""
        ...

    @property
    def timer(self) -> str: ...

    def plain(self) -> PlainRun: ...

    def timed(self) -> TimedRun: ...

    def span_cost(self) -> SpanCost: ...


class Device(Protocol):
    info: DeviceInfo
