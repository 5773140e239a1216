"""Trials on the CPU, by torch's own operators and, for large copies, the C library's.

The C library writes past the caches from some megabytes on (and so does STREAM, whose copy loop compilers turn into
its `memcpy`); torch's copy does not, so that a cache line is fetched before it is written over. With several threads
each copies its part.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import monotonic, perf_counter_ns

import torch
from torch.nn import functional

from effprof.ceilings.search import Run
from effprof.ceilings.trials import CALLS, CONVOLUTIONS, LINE_ITEMS, STREAMS, Trial
from effprof.errors import EffprofError
from effprof.measure.prepare import DTYPES

NS = 1e-9
Call = Callable[[], object]


class CpuRig:
    """Everything that was allocated for a trial goes when the next one comes."""

    def __init__(self, precision: str, seed: int) -> None:
        self._dtype = DTYPES[precision]
        self._random = torch.Generator().manual_seed(seed)

    def now_s(self) -> float:
        return monotonic()

    @contextmanager
    def ready(self, trial: Trial) -> Iterator[Run]:
        with torch.inference_mode():
            if trial.kind == "matmul":
                yield partial(_timed, self._product(trial))
            elif trial.kind in CONVOLUTIONS:
                yield partial(_timed, self._convolution(trial))
            elif trial.kind in STREAMS:
                with _traffic(trial) as call:
                    yield partial(_timed, call)
            else:
                yield partial(_timed_per_call, _small_call(trial.form))

    def _product(self, trial: Trial) -> Call:
        m, k, n = trial.shape
        first, second = self._values(m, k), self._values(n, k).t() if trial.form == "transposed" else self._values(k, n)
        return partial(torch.mm, first, second, out=torch.empty(m, n, dtype=self._dtype))

    def _convolution(self, trial: Trial) -> Call:
        batch, channels, size, filters, kernel = trial.shape
        groups = channels if trial.kind == "depthwise" else 1
        x, weight = self._values(batch, channels, size, size), self._values(filters, channels // groups, kernel, kernel)
        if trial.form == "channels_last":
            x, weight = (tensor.to(memory_format=torch.channels_last) for tensor in (x, weight))
        return partial(functional.conv2d, x, weight, padding=kernel // 2, groups=groups)

    def _values(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self._random).to(self._dtype)


@contextmanager
def _traffic(trial: Trial) -> Iterator[Call]:
    """What moves the bytes of the trial, in float32."""
    _, threads, windows, items = trial.shape
    if trial.form == "libc":
        with ThreadPoolExecutor(threads) as pool:
            yield _libc_call(trial, pool)
        return
    source = _stream(threads, windows, items)
    if trial.form == "dot":
        flat = source.reshape(-1)
        half = len(flat) // 2
        yield partial(torch.dot, flat[:half], flat[half : 2 * half])
    elif trial.kind == "copy":
        yield partial(_stream(threads, windows, items).copy_, source)
    elif trial.kind == "read":
        yield partial(torch.sum, source)
    elif trial.kind == "write":
        yield partial(source.fill_, 1.0)
    else:
        yield source.neg_


def _stream(threads: int, windows: int, items: int) -> torch.Tensor:
    """Memory of its own for each thread, seen as windows x windows overlapping windows; plain where that is one.

    Strides (part, line, line, 1): torch divides a call's elements among its threads in the order of memory, so that
    each gets one part.
    """
    part = items + 2 * (windows - 1) * LINE_ITEMS
    memory = torch.ones(threads * part)
    if windows == 1:
        return memory
    return memory.as_strided((threads, windows, windows, items), (part, LINE_ITEMS, LINE_ITEMS, 1))


def _libc_call(trial: Trial, pool: ThreadPoolExecutor) -> Call:
    """memmove or memset, each thread its part; without a pool where one thread is all."""
    _, threads, _, items = trial.shape
    size = 4 * items
    target, source = torch.ones(threads * items), torch.ones(threads * items if trial.kind == "copy" else 0)

    def move(part: int) -> None:
        if trial.kind == "copy":
            ctypes.memmove(target.data_ptr() + part * size, source.data_ptr() + part * size, size)
        else:
            ctypes.memset(target.data_ptr() + part * size, 0, size)

    if threads == 1:
        return partial(move, 0)
    return lambda: list(pool.map(move, range(threads)))


def _small_call(form: str) -> Call:
    """Tensors of one element: what is left is the call."""
    x, y = torch.ones(1), torch.ones(1)
    calls: dict[str, Call] = {
        "add": partial(torch.add, x, y),
        "add_": partial(x.add_, y),
        "relu_": partial(torch.relu_, x),
        "view": partial(x.view, 1, 1),
        "transpose": partial(torch.ones(2, 2).transpose, 0, 1),
    }
    if form not in calls:
        raise EffprofError(f"there is no call {form!r}")
    return calls[form]


def _timed(call: Call) -> float:
    start = perf_counter_ns()
    call()
    return (perf_counter_ns() - start) * NS


def _timed_per_call(call: Call) -> float:
    """Many calls, the loop around them taken off; seconds of all."""
    start = perf_counter_ns()
    for _ in range(CALLS):
        call()
    middle = perf_counter_ns()
    for _ in range(CALLS):
        _nothing()
    end = perf_counter_ns()
    return max(middle - start - (end - middle), 1) * NS


_nothing: Call = partial(int)
"""Entered and left as the others are."""
