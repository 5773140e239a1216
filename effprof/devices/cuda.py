"""NVIDIA GPUs: CUDA events around whole runs. The one place that calls torch.cuda, and kept as thin as that allows.

A run is timed from an event before its first call to one after its last, both on the GPU's own clock, with one
synchronisation at its end and none between its layers. What the calls of a run take is seen by torch.profiler
(`tracing`), in other runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import cuda, nn  # tests put their own CUDA in the place of this name
from torch.backends import cudnn

from effprof.capture import Inputs
from effprof.capture.failure import forward_explained
from effprof.devices.base import PlainRun
from effprof.devices.cpu import NS, FreshInputs, Marker, now_ns
from effprof.errors import ModelError, UnavailableError, UsageError
from effprof.foreign import describe
from effprof.machine_records import CudaState
from effprof.records import DeviceInfo
from effprof.sensors.visible_gpus import VARIABLE
from effprof.units import format_bytes

MS = 1e-3
AMP_DTYPE = torch.float16
"""torch.autocast's own choice for CUDA."""
# What cuDNN and cuBLAS say when they find no memory for themselves.
NO_MEMORY = ("CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA out of memory")


def ordinal_of(device: str) -> int | None:
    """`cuda:1` -> 1, `cuda` -> 0; None for another device."""
    kind, _, argument = device.partition(":")
    return int(argument or 0) if kind == "cuda" else None


def target(ordinal: int) -> torch.device:
    return torch.device("cuda", ordinal)


def require_cuda(ordinal: int) -> None:
    """Starts CUDA on that GPU.

    Raises:
        UnavailableError: torch cannot, for what reason.
    """
    try:
        if not cuda.is_available():
            raise RuntimeError("torch sees no GPU that it can use")
        if ordinal >= cuda.device_count():
            raise RuntimeError(f"there is no cuda:{ordinal}: torch sees {cuda.device_count()} GPUs")
        with cuda.device(ordinal):
            cuda.synchronize()  # the first call that needs the GPU itself
    except (RuntimeError, AssertionError) as error:  # AssertionError: a build without CUDA
        raise UnavailableError(f"Device 'cuda:{ordinal}' cannot be used: {describe(error)}.") from error


def cuda_device(ordinal: int) -> DeviceInfo:
    properties = cuda.get_device_properties(ordinal)
    return DeviceInfo("cuda", properties.name, f"compute {properties.major}.{properties.minor}", None)


def gpu_uuid(ordinal: int) -> str | None:
    """As CUDA tells it, for NVML; None where torch does not say, and for parts of a GPU, which NVML finds by its own
    names."""
    if "MIG-" in os.environ.get(VARIABLE, ""):
        return None
    uuid = getattr(cuda.get_device_properties(ordinal), "uuid", None)
    return None if uuid is None else str(uuid)


def cuda_state(ordinal: int) -> CudaState:
    return CudaState(
        version=torch.version.cuda,
        cudnn=cudnn.version(),
        cudnn_benchmark=bool(cudnn.benchmark),
        conv_precision=str(cudnn.conv.fp32_precision),  # type: ignore[attr-defined]  # torch does not declare it
        matmul_precision=str(torch.backends.cuda.matmul.fp32_precision),
        memory_bytes=int(cuda.get_device_properties(ordinal).total_memory),
    )


def free_bytes(ordinal: int) -> int:
    """Memory of the GPU that nobody has taken yet."""
    free, _ = cuda.mem_get_info(ordinal)
    return int(free)


def peak_bytes(ordinal: int) -> int:
    """The most that torch had allocated at once since `forget_peak`."""
    return int(cuda.max_memory_allocated(ordinal))


def forget_peak(ordinal: int) -> None:
    cuda.reset_peak_memory_stats(ordinal)


@contextmanager
def on_gpu(ordinal: int, batch_size: int) -> Iterator[None]:
    """CUDA started, the GPU made the current one, cuDNN told to try its algorithms; afterwards all is as before, the
    GPU's random numbers too. Memory that runs out is one line.

    Raises:
        UnavailableError: torch cannot use the GPU.
        UsageError: it has too little memory.
    """
    require_cuda(ordinal)
    free = free_bytes(ordinal)
    random_state, benchmark = cuda.get_rng_state(ordinal), cudnn.benchmark
    try:
        with cuda.device(ordinal):
            cudnn.benchmark = True
            yield
    except (RuntimeError, ModelError) as error:
        if not _is_out_of_memory(error):
            raise
        name, total = cuda_device(ordinal).name, cuda_state(ordinal).memory_bytes
        raise UsageError(
            f"Batch {batch_size} does not fit into the memory of {name} ({format_bytes(total)}, of which "
            f"{format_bytes(free)} were free): give a smaller --batch-size, or --precision fp16 or bf16."
        ) from error
    finally:
        cudnn.benchmark = benchmark
        cuda.set_rng_state(random_state, ordinal)


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Its own type, or what torch's libraries say; also where a forward's error was explained already."""
    if error is None:
        return False
    says = isinstance(error, RuntimeError) and any(text in str(error) for text in NO_MEMORY)
    return isinstance(error, torch.OutOfMemoryError) or says or _is_out_of_memory(error.__cause__)


@dataclass
class CudaSubject:
    """A network and its input on the current GPU."""

    model: nn.Module
    inputs: FreshInputs
    device: torch.device
    amp: bool = False
    is_marked: bool = False
    """In watched runs, code that asks whether somebody watches is answered as in the capture pass."""

    @property
    def input_shape(self) -> tuple[tuple[int, ...], ...]:
        return self.inputs.shapes

    def precision(self) -> AbstractContextManager[object]:
        """Around each run: autocast keeps the weights that it cast until its end."""
        return torch.autocast(self.device.type, dtype=AMP_DTYPE) if self.amp else nullcontext()

    def plain(self) -> PlainRun:
        """One run without the profiler."""
        inputs = self.inputs.refreshed()
        cuda.synchronize()  # what made the input is no part of the run
        with self.precision(), forward_explained(inputs):
            began = now_ns()
            start, end, result = self.between_events(inputs)
            end.synchronize()
            wall_s = (now_ns() - began) * NS
        del result
        return PlainRun(start.elapsed_time(end) * MS, None, wall_s)

    def watching(self) -> AbstractContextManager[object]:
        stack = ExitStack()
        stack.enter_context(self.precision())
        if self.is_marked:
            stack.enter_context(Marker())
            stack.enter_context(torch._C._DisableTorchDispatch())
        return stack

    def watched(self, runs: int, by_modes: bool = False) -> WatchedRuns:
        """Runs for a profiler to look at, or with `by_modes` for dispatch modes, which a mark would switch off."""
        inputs = self.inputs.refreshed()
        each = [inputs.map(torch.clone) for _ in range(runs)] if self.inputs.contents else [inputs] * runs
        return WatchedRuns(self, each, self.precision if by_modes else self.watching)

    def between_events(self, inputs: Inputs) -> tuple[Any, Any, Any]:
        """(event before, event after, what the network returned); the GPU may still be at work."""
        start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        args, kwargs = inputs.args, inputs.kwargs
        start.record()
        result = self.model(*args, **kwargs)
        end.record()
        return start, end, result


class WatchedRuns:
    """As many runs as there are inputs; nothing but the network runs in them."""

    def __init__(
        self, subject: CudaSubject, inputs: Sequence[Inputs], around: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._subject, self._inputs, self._around = subject, iter(inputs), around
        self._events: list[tuple[Any, Any]] = []

    def run(self) -> None:
        inputs = next(self._inputs)
        with self._around(), forward_explained(inputs):
            self._events.append(self._subject.between_events(inputs)[:2])

    def finish(self) -> None:
        cuda.synchronize()

    def lengths_s(self) -> tuple[float, ...]:
        """Of the runs so far, all of which have finished."""
        return tuple(start.elapsed_time(end) * MS for start, end in self._events)
