"""A GPU that is not there: a make-believe `torch.cuda`, and traces in which it did what a plan says.

The network itself runs on the CPU. Times do not come from it: a run lasts as long as `FakeCuda.run_s` says, and in a
trace every op named in `KERNELS_US` launches one kernel of that length. The host's events keep their order and nesting,
but not their times: each boundary is 10 us after the one before it, so that nothing depends on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from effprof import tracing
from effprof.importers.decoding import NO_ID
from effprof.importers.events import STEP_PREFIX, DeviceEvents, Floats, HostEvents, Ints, TraceEvents
from effprof.machine_records import GpuState

UUID = "8932f937-d72c-4106-c12f-20bd9faed9f6"
KERNELS_US = {"aten::conv2d": 400.0, "aten::batch_norm": 100.0, "aten::relu_": 50.0, "aten::linear": 200.0}
TICK_US = 10.0
LATE_US = 7.0
"""From the end of a launch to the start of its kernel on an idle GPU."""


class FakeCuda:
    """Stands for the module `torch.cuda` in `effprof.devices.cuda`."""

    def __init__(self, run_s: float = 0.004, watched_s: float = 0.005, gpus: int = 2) -> None:
        self.run_s, self.watched_s, self.gpus = run_s, watched_s, gpus
        self.now_s = 0.0
        self.runs = 0
        self.synchronised = 0
        self.current = 0
        self.peak = 0
        self.free, self.total = 20 * 10**9, 24 * 10**9
        self.random_state = torch.zeros(16, dtype=torch.uint8)

    def is_available(self) -> bool:
        return self.gpus > 0

    def device_count(self) -> int:
        return self.gpus

    def synchronize(self) -> None:
        self.synchronised += 1

    @contextmanager
    def device(self, ordinal: int) -> Iterator[None]:
        before, self.current = self.current, ordinal
        try:
            yield
        finally:
            self.current = before

    def get_device_properties(self, ordinal: int) -> Any:
        return SimpleNamespace(name=f"Fast {9000 + ordinal}", major=9, minor=0, total_memory=self.total, uuid=UUID)

    def mem_get_info(self, ordinal: int) -> tuple[int, int]:
        return self.free, self.total

    def max_memory_allocated(self, ordinal: int) -> int:
        return self.peak

    def reset_peak_memory_stats(self, ordinal: int) -> None:
        self.peak = 0

    def get_rng_state(self, ordinal: int) -> torch.Tensor:
        return self.random_state.clone()

    def set_rng_state(self, state: torch.Tensor, ordinal: int) -> None:
        self.random_state = state

    def Event(self, enable_timing: bool) -> FakeEvent:
        assert enable_timing
        return FakeEvent(self)

    def take_time(self) -> float:
        """Events are recorded in turn before a run and after it."""
        self.runs += 1
        if self.runs % 2 == 0:
            self.now_s += self.watched_s if torch.autograd._profiler_enabled() else self.run_s
            self.peak = max(self.peak, 123_456_789)
        return self.now_s


class FakeEvent:
    def __init__(self, gpu: FakeCuda) -> None:
        self._gpu = gpu
        self._time_s: float | None = None

    def record(self) -> None:
        self._time_s = self._gpu.take_time()

    def synchronize(self) -> None:
        self._gpu.synchronised += 1

    def elapsed_time(self, other: FakeEvent) -> float:
        assert self._time_s is not None
        assert other._time_s is not None
        return (other._time_s - self._time_s) * 1e3


def install(monkeypatch: pytest.MonkeyPatch, gpu: FakeCuda) -> FakeCuda:
    """effprof finds this GPU, and NVML that tells of it; networks stay on the CPU."""
    monkeypatch.setattr("effprof.settings.why_no_cuda", lambda ordinal: None)
    monkeypatch.setattr("effprof.devices.cuda.cuda", gpu)
    for module in ("measure.on_cuda", "measure.named", "bench.sweep"):
        monkeypatch.setattr(f"effprof.{module}.target", lambda ordinal: torch.device("cpu"))
    monkeypatch.setattr("effprof.measure.on_cuda.trace_runs", trace_runs)

    def state(ordinal: int, uuid: str | None = None, holds_context: bool = False) -> GpuState:
        assert (uuid, holds_context) == (UUID, True)
        name = f"Fast {9000 + ordinal}"
        return GpuState(name=name, uuid=f"GPU-{uuid}", driver="570.86.15", clock_events=("gpu_idle",))

    monkeypatch.setattr("effprof.measure.environment.gpu_state", state)
    return gpu


def trace_runs(*args: Any, cuda: bool = False, **options: Any) -> TraceEvents:
    """What the real one gives of the host, and what the plan says of the GPU."""
    assert cuda
    return with_kernels(tracing.trace_runs(*args, **options))


def with_kernels(events: TraceEvents) -> TraceEvents:
    """A kernel for each op of the plan, launched just before the op ends; one after another on one stream."""
    ops, ranges = _on_ticks(events)
    names = [*events.names, "cudaLaunchKernel"]
    starts: list[float] = []
    planned = [place for place in np.argsort(ops.end).tolist() if events.names[ops.name[place]] in KERNELS_US]
    # A step ends when the GPU has finished; ops of the next one come later anyway.
    ends = ops.end[planned]
    free = 0.0
    durations, kernels = [], []
    for place, end in zip(planned, ends.tolist(), strict=True):
        op = events.names[ops.name[place]]
        kernel = f"void planned_{op.removeprefix('aten::')}_kernel()"
        names += [kernel] if kernel not in names else []
        starts.append(max(free, end - 2.0 + LATE_US))
        durations.append(KERNELS_US[op])
        kernels.append(names.index(kernel))
        free = starts[-1] + durations[-1]
    count = len(planned)
    numbers = np.arange(1, count + 1)
    launches = HostEvents(
        ends - 4.0, ends - 2.0, ops.thread[planned], np.full(count, names.index("cudaLaunchKernel"), np.int32), numbers
    )
    device = DeviceEvents(
        np.array(starts), np.array(durations), np.zeros(count, np.int32), np.array(kernels, np.int32),
        np.zeros(count, np.int64), np.full(count, 7), numbers, np.full(count, NO_ID),
    )  # fmt: skip
    return replace(events, names=tuple(names), ops=ops, ranges=ranges, launches=launches, device=device)


def _on_ticks(events: TraceEvents) -> tuple[HostEvents, HostEvents]:
    """Ops and ranges with their boundaries a tick apart; between two steps there is time for all kernels."""
    ops, ranges = events.ops, events.ranges
    boundaries = np.unique(np.concatenate([ops.start, ops.end, ranges.start, ranges.end]))
    steps = sorted(
        (start, end)
        for start, end, name in zip(ranges.start, ranges.end, ranges.name.tolist(), strict=True)
        if events.names[name].startswith(STEP_PREFIX)
    )
    longest_us = sum(KERNELS_US.get(events.names[name], 0.0) for name in ops.name.tolist())
    ticks = np.arange(1, len(boundaries) + 1) * TICK_US
    for _, end in steps:
        ticks[boundaries >= end] += longest_us

    def moved(times: Floats) -> Floats:
        return ticks[np.searchsorted(boundaries, times)]

    def host(one: HostEvents) -> HostEvents:
        number: Ints = one.number
        return HostEvents(moved(one.start), moved(one.end), one.thread, one.name, number)

    return host(ops), host(ranges)
