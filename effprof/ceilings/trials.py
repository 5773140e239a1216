"""What is tried for each ceiling: shapes, layouts and ways, as data. Torch-free.

A cell is what one ceiling is of: a kind of work, a kind of traffic at one working set, a kind of call. Its trials
compete; the fastest is the ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from effprof.ceiling_records import ComputeKind, DispatchKind, TrafficKind

Kind = ComputeKind | TrafficKind | DispatchKind

SMALLEST_BYTES = 2**14
"""Working set of one thread: half of the smallest first-level cache in use."""
UNKNOWN_LAST_LEVEL_BYTES = 2**25
BEYOND_LAST_LEVEL = 4
"""STREAM asks for arrays of four times the last-level cache."""
ITEM_BYTES = 4
"""Traffic is of float32, whatever the precision: a byte is a byte."""
LINE_ITEMS = 16
"""Of a cache line: neighbouring windows begin a line apart."""
MOVED_BYTES = 2**22
"""What one timed call moves at least, so that its own cost is small beside it."""
MOST_WINDOWS = 16
SMALLEST_TENSOR_BYTES = 2**20
SMALLEST_LIBC_BYTES = 2**22
LARGEST_WINDOWS_BYTES = 2**22

MATMULS: tuple[tuple[int, int, int], ...] = (
    *((n, n, n) for n in (192, 256, 320, 384, 448, 512, 640, 768, 896, 960, 1024, 1152, 1280, 1536, 2048)),
    *((256, 1024, 256), (512, 2048, 512), (2048, 512, 2048), (1024, 256, 1024), (512, 512, 4096), (4096, 512, 512)),
)
"""(m, k, n)."""
TRANSPOSED = (512, 768, 1024, 1536)
"""Squares that are also tried with the second factor transposed, as a linear layer has it."""
DENSE: tuple[tuple[int, int, int, int, int], ...] = (
    *((1, 64, 56, 64, 3), (1, 128, 28, 128, 3), (1, 256, 14, 256, 3), (1, 512, 7, 512, 3), (1, 64, 112, 64, 3)),
    *((1, 128, 56, 128, 3), (1, 256, 28, 256, 3), (1, 512, 14, 512, 3), (1, 512, 28, 512, 3), (1, 128, 28, 128, 5)),
    *((8, 64, 56, 64, 3), (8, 128, 28, 128, 3), (8, 256, 14, 256, 3)),
)
"""(batch, channels, height = width, filters, kernel), stride 1, padded to keep the size."""
POINTWISE: tuple[tuple[int, int, int, int, int], ...] = (
    *((1, 64, 56, 256, 1), (1, 256, 56, 64, 1), (1, 128, 56, 128, 1), (1, 256, 28, 256, 1), (1, 512, 14, 512, 1)),
    *((1, 1024, 14, 1024, 1), (1, 256, 56, 256, 1), (1, 512, 28, 512, 1), (1, 512, 28, 128, 1), (1, 1024, 7, 1024, 1)),
    *((8, 128, 56, 128, 1), (8, 256, 28, 256, 1), (8, 512, 14, 512, 1)),
)
DEPTHWISE: tuple[tuple[int, int, int, int, int], ...] = (
    *((1, 32, 112, 32, 3), (1, 64, 56, 64, 3), (1, 128, 56, 128, 3), (1, 128, 28, 128, 3), (1, 256, 28, 256, 3)),
    *((1, 512, 14, 512, 3), (8, 128, 28, 128, 3), (1, 64, 56, 64, 5), (1, 128, 28, 128, 5), (1, 256, 14, 256, 5)),
    *((1, 96, 56, 96, 7), (1, 192, 28, 192, 7), (1, 384, 14, 384, 7), (8, 256, 14, 256, 5)),
)
CONVOLUTIONS: dict[ComputeKind, tuple[tuple[int, int, int, int, int], ...]] = {
    "dense": DENSE,
    "pointwise": POINTWISE,
    "depthwise": DEPTHWISE,
}
STREAMS: dict[TrafficKind, int] = {"copy": 2, "read": 1, "write": 1, "update": 1}
"""Places that are touched: a copy's source and target."""
COUNTED: dict[TrafficKind, int] = {"copy": 2, "read": 1, "write": 1, "update": 2}
"""Bytes counted for each byte of a stream's length."""
DISPATCHES: dict[DispatchKind, tuple[str, ...]] = {"op": ("add", "add_", "relu_"), "view": ("view", "transpose")}


@dataclass(frozen=True)
class Trial:
    kind: Kind
    form: str
    """How: layout, `transposed`, `windows` or `tensor` or `libc`, the name of a call."""
    shape: tuple[int, ...]
    """(m, k, n); (batch, channels, size, filters, kernel); (working set in bytes, threads, windows, items); none for
    calls. Windows: so many by so many, each of so many items."""
    work: int
    """Of one timed run: mult_adds, bytes, calls."""

    @property
    def working_set_bytes(self) -> int | None:
        """Of traffic; None for the others."""
        return self.shape[0] if self.kind in STREAMS else None


Cell = tuple[Trial, ...]
"""All trials of one ceiling."""


def name_of(trial: Trial) -> str:
    """What a person reads as what reached the ceiling."""
    if trial.kind == "matmul":
        transposed = ", transposed" if trial.form == "transposed" else ""
        return "mm " + "x".join(map(str, trial.shape)) + transposed
    if trial.kind in CONVOLUTIONS:
        batch, channels, size, filters, kernel = trial.shape
        layout = {"contiguous": "NCHW", "channels_last": "NHWC"}[trial.form]
        return f"{batch}x{channels}x{size}x{size}, {filters} of {kernel}x{kernel}, {layout}"
    if trial.kind in STREAMS:
        libc = {"copy": "memmove", "write": "memset"}
        torch_op = {"copy": "copy_", "read": "sum", "write": "fill_", "update": "neg_"}
        return {"libc": libc.get(str(trial.kind), ""), "dot": "dot"}.get(trial.form, torch_op.get(str(trial.kind), ""))
    return trial.form


def compute_cells() -> Iterator[Cell]:
    """In the order of COMPUTE_KINDS."""
    squares = tuple(Trial("matmul", "transposed", (n, n, n), n**3) for n in TRANSPOSED)
    yield (*(Trial("matmul", "plain", shape, math.prod(shape)) for shape in MATMULS), *squares)
    for kind, shapes in CONVOLUTIONS.items():
        yield tuple(
            Trial(kind, layout, shape, _conv_mult_adds(kind, shape))
            for shape in shapes
            for layout in ("contiguous", "channels_last")
        )


def _conv_mult_adds(kind: ComputeKind, shape: tuple[int, int, int, int, int]) -> int:
    batch, channels, size, filters, kernel = shape
    return batch * size**2 * filters * kernel**2 * (1 if kind == "depthwise" else channels)


def traffic_cells(working_sets: tuple[int, ...], threads: int) -> Iterator[Cell]:
    """By kind, then by working set."""
    for kind in STREAMS:
        for size in working_sets:
            yield tuple(_traffic_trials(kind, size, threads))


def dispatch_cells() -> Iterator[Cell]:
    for kind, forms in DISPATCHES.items():
        yield tuple(Trial(kind, form, (), CALLS) for form in forms)


CALLS = 500
"""Calls of one timed run."""


def working_sets(last_level_bytes: int | None, threads: int, available_bytes: int | None) -> tuple[int, ...]:
    """Powers of two times the number of threads, from half a first-level cache to four times the last level.

    Args:
        available_bytes: of memory; no more than a quarter of it is touched.
    """
    wanted = BEYOND_LAST_LEVEL * (last_level_bytes or UNKNOWN_LAST_LEVEL_BYTES)
    if available_bytes is not None:
        wanted = min(wanted, available_bytes // 4)
    smallest = SMALLEST_BYTES * threads
    steps = max(0, math.ceil(math.log2(wanted / smallest))) if wanted > smallest else 0
    return tuple(smallest * 2**step for step in range(steps + 1))


def _traffic_trials(kind: TrafficKind, working_set: int, threads: int) -> Iterator[Trial]:
    stream_bytes = working_set // (STREAMS[kind] * threads)
    if working_set <= LARGEST_WINDOWS_BYTES * threads:
        windows, items = _windows(stream_bytes, COUNTED[kind])
        work = threads * windows**2 * items * ITEM_BYTES * COUNTED[kind]
        yield Trial(kind, "windows", (working_set, threads, windows, items), work)
    whole = (working_set, threads, 1, stream_bytes // ITEM_BYTES)
    moved = threads * whole[3] * ITEM_BYTES * COUNTED[kind]
    if working_set >= SMALLEST_TENSOR_BYTES:
        yield Trial(kind, "tensor", whole, moved)
    if kind == "read" and working_set >= SMALLEST_TENSOR_BYTES:
        yield Trial(kind, "dot", whole, moved)
    if kind in ("copy", "write") and working_set >= SMALLEST_LIBC_BYTES:
        yield Trial(kind, "libc", whole, moved)


def _windows(stream_bytes: int, counted: int) -> tuple[int, int]:
    """(w, items): w times w overlapping windows within the stream, which one call passes over.

    Window (i, j) begins (i + j) cache lines in, so that w * w windows cover little more than one.
    """
    line_bytes = LINE_ITEMS * ITEM_BYTES
    wanted = math.ceil(math.sqrt(MOVED_BYTES / (stream_bytes * counted)))
    windows = max(1, min(MOST_WINDOWS, wanted, stream_bytes // (8 * line_bytes)))
    items = (stream_bytes - 2 * (windows - 1) * line_bytes) // line_bytes * LINE_ITEMS
    return windows, items
