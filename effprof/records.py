"""The words of effprof as data: what is observed (`Profile`) and what is derived from it (`Analysis`).

Everything here is frozen, torch-free and JSON-able; `None` means unknown. Times are seconds, sizes bytes or
elements, work multiply-adds; the unit is part of the name. Nothing in this module computes more than a property.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import Enum

from effprof.call_records import Argument as Argument
from effprof.call_records import OpCall as OpCall
from effprof.call_records import TensorSpec as TensorSpec
from effprof.device_records import DeviceTime, DeviceTrace, GpuRound
from effprof.machine_records import DeviceInfo as DeviceInfo
from effprof.machine_records import Energy as Energy
from effprof.machine_records import Environment as Environment

# ---------------------------------------------------------------------------------------------- what was asked for


@dataclass(frozen=True)
class RunSpec:
    """One measurement as the user asked for it; enough to ask for it again."""

    model: str
    """Name as given on the command line, or the class name when a module object was passed from Python."""
    device: str = "cpu"
    batch_size: int = 1
    input_shape: tuple[tuple[int, ...], ...] = ()
    """Shapes of the inputs without the batch axis; empty: the network's default."""
    img_size: int | None = None
    """Height and width of the default input, where they are to be others."""
    precision: str = "fp32"
    channels_last: bool = False
    threads: int | None = None
    fold_bn: bool = False
    malloc: str = "default"
    rounds: int = 1
    warmup: int | None = None
    """Runs before the clock starts, kept apart; None: at least 3, until one is not 2 % faster than the best so far."""
    min_time_s: float = 1.0
    max_time_s: float = 5.0
    seed: int = 0
    cpus: tuple[int, ...] = ()
    """The cores that the measuring process is kept to; empty: all that it may use."""
    timer: str = "auto"
    """How calls are timed: `entry`, `dispatch`, `kineto` (see `Round.timer`); `auto`: by entry, else by dispatch."""
    command: str = ""


@dataclass(frozen=True)
class Note:
    """A doubt or a fact the reader needs, with what can be done about it."""

    code: str
    text: str
    remedy: str = ""


# ------------------------------------------------------------------------------------------------ where it was run


@dataclass(frozen=True)
class ModuleInfo:
    path: str
    """Dotted path, `""` for the root; a shared module appears once, under its first name."""
    module_type: str
    parameters: int | None
    """Elements of the parameters this module and its children own; shared tensors count once. None in a trace."""


@dataclass(frozen=True)
class ModelInfo:
    name: str
    source: str
    """Where the network came from: `zoo`, `torchvision`, `path/net.py:build`, `python`."""
    parameters: int | None
    weights_bytes: int | None
    """Parameters and buffers. Both are None in an imported trace."""
    input_shape: tuple[tuple[int, ...], ...]
    """Shapes of the inputs with the batch axis."""
    dtype: str
    memory_format: str
    modules: tuple[ModuleInfo, ...]


# ------------------------------------------------------------------------------------------------ what was measured


@dataclass(frozen=True)
class Samples:
    """Times of single runs, in the order in which they were taken."""

    times_s: tuple[float, ...]
    warmup_s: tuple[float, ...] = ()
    page_faults: tuple[int, ...] = ()
    """Minor page faults of each run in `times_s`; empty where the platform does not tell."""

    @property
    def median_s(self) -> float:
        return statistics.median(self.times_s)


@dataclass(frozen=True)
class MeasuredOp:
    """One timed span and the calls that ran inside it.

    Nearly always one call. Indexing (`x[:, 0]`) is one entry into torch but several calls; they share its time.
    """

    calls: tuple[int, ...]
    """Indices of the OpCalls inside, in order; empty for an entry that dispatched nothing (`contiguous` on a tensor
    that is)."""
    times_s: tuple[float, ...]
    """One raw time for each instrumented run, instrumentation included."""
    nested: int = 0
    """Ops within the span that the timer recorded besides its own (`kineto` alone does)."""


@dataclass(frozen=True)
class CalibrationPoint:
    """Cost of instrumentation at one smaller input, from interleaved plain and instrumented runs there."""

    input_shape: tuple[tuple[int, ...], ...]
    spans: int
    plain_s: tuple[float, ...]
    instrumented_s: tuple[float, ...]
    nested: int = 0
    """Ops within all spans that the timer recorded besides."""


@dataclass(frozen=True)
class Calibration:
    """What one timed span costs: `inside_s` between its two clock readings, `outside_s` around them."""

    inside_s: float
    outside_s: float
    method: str
    """`smaller-inputs`, `stand-in` (a small network of our own, where this one has a fixed input size) or
    `planned` (the fake device)."""
    points: tuple[CalibrationPoint, ...] = ()
    nested_s: float = 0.0
    """What each op that was recorded within a span costs there, besides `inside_s`."""


@dataclass(frozen=True)
class Round:
    """One process's worth of samples: plain and instrumented runs, interleaved."""

    plain: Samples
    instrumented: Samples
    """Whole lengths of the instrumented runs, instrumentation included."""
    ops: tuple[MeasuredOp, ...]
    calibration: Calibration
    order: str
    """`A` plain, `B` instrumented, as they came: `ABBAAB...`; A/B pairs are neighbours in it."""
    stopped_because: str
    """`interval`, `max-time` or `interrupted`."""
    timer: str
    """`entry` (C entry points swapped for timed twins), `dispatch` (a mode), `kineto` (torch.profiler) or `planned`."""
    energy: Energy | None = None
    """None in profiles of before effprof recorded it."""
    gpu: GpuRound | None = None
    """What only GPUs have. Their `ops` are empty: its trace has the times of the calls."""
    fixed_work_s: tuple[float, ...] = ()
    """A fixed piece of work of effprof's own, before each pair of runs: how fast the machine itself was. Empty on other
    devices than the CPU, and in profiles of before effprof recorded it."""


@dataclass(frozen=True)
class Crosscheck:
    """Other libraries' count of the same network (convolutions and matrix products), beside ours."""

    fvcore_mult_adds: int | None
    torch_mult_adds: int | None
    reason: str | None = None
    """Why a count is missing."""


@dataclass(frozen=True)
class Profile:
    """The raw record. Holds only what was observed; saved as profile.json and read back by any later effprof."""

    spec: RunSpec
    model: ModelInfo
    environment: Environment
    device: DeviceInfo | None
    """None when nothing was timed (`effprof count`)."""
    calls: tuple[OpCall, ...]
    rounds: tuple[Round, ...] = ()
    notes: tuple[Note, ...] = ()
    """Doubts seen while measuring (machine load, folding); those that follow from the samples are derived later."""
    partial: bool = False
    crosscheck: Crosscheck | None = None
    device_trace: DeviceTrace | None = None
    format: str = "effprof.profile/1"


# ------------------------------------------------------------------------------------------------- what is derived


class Category(str, Enum):
    """Where time goes. Always all of them, in this order."""

    CONV = "conv"
    MATMUL = "matmul"
    ELEMWISE = "elemwise"
    DATA_IO = "data_io"
    SHUFFLE = "shuffle"
    POOL = "pool"
    COMM = "comm"
    OTHER = "other"
    OVERHEAD = "overhead"


@dataclass(frozen=True, slots=True)
class OpCost:
    """Work and traffic of one call, from shapes alone."""

    mult_adds: int | None
    """None: no formula for this op; such calls are listed in `uncosted_ops`."""
    read_bytes: int | None
    write_bytes: int | None
    """None, like the other three: shapes or types were not recorded (imported traces)."""
    read_elements: int | None
    write_elements: int | None

    @property
    def access_bytes(self) -> int | None:
        """The paper's MAC, in bytes: inputs and weights read once, outputs written once."""
        return None if self.read_bytes is None or self.write_bytes is None else self.read_bytes + self.write_bytes

    @property
    def access_elements(self) -> int | None:
        reads, writes = self.read_elements, self.write_elements
        return None if reads is None or writes is None else reads + writes


@dataclass(frozen=True, slots=True)
class CostedOp:
    """One call with its cost, category and, where it was measured, its time."""

    call: OpCall
    cost: OpCost
    category: Category
    kind: str
    """Finer than the category: `depthwise`, `activation`, `concat`, `view`, `assumed` ..."""
    time_s: float | None
    """Median, scaled so that the times of all calls outside `overhead` add up to `Accounting.ops_s`."""
    iqr_s: float | None


@dataclass(frozen=True)
class Share:
    """One category's part of the whole."""

    category: Category
    time_s: float | None
    fraction: float | None
    """Of the latency; of `DeviceTime.span_s` in an imported trace."""
    mult_adds: int | None
    access_bytes: int | None
    op_count: int


@dataclass(frozen=True)
class LayerTotal:
    """One module: `time_s` with its children, `self_time_s` without."""

    layer: str
    module_type: str
    time_s: float | None
    self_time_s: float | None
    fraction: float | None
    mult_adds: int | None
    access_bytes: int | None
    parameters: int | None
    op_count: int


@dataclass(frozen=True)
class Latency:
    """The un-instrumented network's own time: the headline."""

    median_s: float
    ci95_s: tuple[float, float]
    runs: int
    p90_s: float | None
    """None below 64 runs: fewer say nothing about a tail."""
    p99_s: float | None
    """None below 662 runs."""
    throughput_per_s: float | None
    page_faults_per_run: float | None
    stopped_because: str
    wall_median_s: float | None = None
    """By the host's clock, where the others are by a GPU's."""


@dataclass(frozen=True)
class Accounting:
    """ops_s + overhead_s + residual_s = latency, exactly; in an imported trace, `DeviceTime.span_s`."""

    ops_s: float
    overhead_s: float
    residual_s: float
    residual_ci95_s: tuple[float, float] | None
    residual_fraction: float
    profiled_s: float | None
    """Median length of an instrumented run. None, like the two beside it, in an imported trace."""
    distortion_fraction: float | None
    """How much longer an instrumented run is than a plain one."""
    ops_scale: float
    """The one factor that makes the calls' medians add up to `ops_s`."""


@dataclass(frozen=True)
class Totals:
    mult_adds: int | None
    flops: int | None
    """Always 2 * mult_adds."""
    read_bytes: int | None
    write_bytes: int | None
    access_bytes: int | None
    access_elements: int | None
    uncosted_ops: dict[str, int]


@dataclass(frozen=True)
class Analysis:
    """All that is derived from a Profile; recomputed on load, so that a better formula improves old profiles."""

    latency: Latency | None
    accounting: Accounting | None
    totals: Totals
    categories: tuple[Share, ...]
    layers: tuple[LayerTotal, ...]
    ops: tuple[CostedOp, ...]
    peak_activation_bytes: int | None
    notes: tuple[Note, ...]
    device_time: DeviceTime | None = None
