"""Energy of one run: a counter read before and after a window of plain runs of its own.

Counters are coarse (milliseconds, and a GPU's is an average over many) and see all that happens meanwhile, so neither a
single run nor the timed pairs can be used: half of a pair is instrumented.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Protocol

from effprof.devices.base import PlainSubject
from effprof.interrupts import interrupts_deferred
from effprof.records import Energy
from effprof.sensors import SensorSilent
from effprof.sensors.nvml import GpuMeter
from effprof.sensors.powercap import PowercapMeter

WINDOW_S = 5.0
INTERRUPTED = "interrupted"


class Meter(Protocol):
    """Counts from when it is made; leaving it lets go of what it reads."""

    @property
    def source(self) -> str: ...

    def __enter__(self) -> Meter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def stop_j(self) -> float:
        """Joules since then. Raises SensorSilent where the counter does not tell."""
        ...


def start_meter(device: str, emulated: str | None, uuid: str | None = None) -> Meter:
    """Of the device that runs the network, spelled as in `RunSpec.device`. Raises SensorSilent where it has none.

    Args:
        uuid: of a GPU, as CUDA tells it.
    """
    kind, _, argument = device.partition(":")
    if kind == "fake":
        raise SensorSilent("a make-believe device takes no energy")
    if emulated is not None:
        raise SensorSilent("another processor is emulated: the counters are of the machine below")
    return GpuMeter(int(argument or 0), uuid) if kind == "cuda" else PowercapMeter()


def measure_energy(
    subject: PlainSubject, start: Callable[[], Meter], min_time_s: float, clock: Callable[[], float] = monotonic
) -> Energy:
    """Runs `subject` for the window if there is a counter and `min_time_s` is at least as long; else says why not."""
    try:
        with start() as meter:
            return _over_window(subject, meter, min_time_s, clock)
    except SensorSilent as silent:
        return Energy(None, reason=str(silent))
    except KeyboardInterrupt:
        return Energy(None, reason=INTERRUPTED)


def _over_window(subject: PlainSubject, meter: Meter, min_time_s: float, clock: Callable[[], float]) -> Energy:
    if min_time_s < WINDOW_S:
        meter.stop_j()
        return Energy(
            None,
            reason=f"energy takes a window of {WINDOW_S:g} s, and --min-time is {min_time_s:g} s: give --min-time "
            f"{WINDOW_S:g} or more",
        )
    started, runs, window_s = clock(), 0, 0.0
    while window_s < WINDOW_S:
        with interrupts_deferred():
            subject.plain()
        runs, window_s = runs + 1, clock() - started
    return Energy(meter.stop_j() / runs, window_s, runs, meter.source)
