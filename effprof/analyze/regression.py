"""Whole-network latencies explained by counted work: formulas, their fit on relative error, and honest errors.

A formula turns the ops of a network into seconds with a few coefficients of the device: achieved multiply-adds and
bytes a second, seconds an op. Linear ones are fitted by non-negative least squares on relative error; rooflines, whose
coefficients are positive, by least squares on the log of predicted over measured. Torch-free.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

KINDS = ("depthwise", "grouped", "pointwise", "conv3x3", "conv", "matmul", "moved")
"""conv3x3 has stride 1 (what Winograd's algorithm serves), conv is every other dense one, moved all without work."""
DEPTHWISE, GROUPED, POINTWISE, CONV3X3, CONV, MATMUL, MOVED = range(len(KINDS))


@dataclass(frozen=True)
class Work:
    """What one op does as formulas see it; a convolution is a product (positions x depth) @ (depth x columns)."""

    kind: int
    mult_adds: int
    access_bytes: int
    positions: int = 0
    columns: int = 0
    depth: int = 0
    """Of the reduction: input channels of a group times the filter's area."""
    group_channels: int = 0


Network = Sequence[Work] | Array
"""Its ops, or what `as_array` makes of them."""
Networks = Mapping[str, Network]
_FIELDS = operator.attrgetter(*(field.name for field in fields(Work)))


def as_array(network: Network) -> Array:
    """(ops, fields of Work); for a network that goes into many fits."""
    if isinstance(network, np.ndarray):
        return network
    return np.array([_FIELDS(work) for work in network], dtype=np.float64).reshape(-1, len(fields(Work)))


@dataclass(frozen=True)
class Table:
    """The ops of several networks one after another; `starts` holds the first op of each."""

    kind: npt.NDArray[np.intp]
    mult_adds: Array
    access_bytes: Array
    positions: Array
    columns: Array
    depth: Array
    group_channels: Array
    starts: npt.NDArray[np.intp]

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Table:
        """Raises ValueError for a network without ops."""
        tables = [as_array(network) for network in networks]
        if not all(len(table) for table in tables) or not tables:
            raise ValueError("Found a network without ops; each needs at least one.")
        kind, work, access, positions, columns, depth, width = np.concatenate(tables).T.copy()
        starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
        return cls(kind.astype(np.intp), work, access, positions, columns, depth, width, starts)

    def total(self, of_ops: Array) -> Array:
        """Sums of a value an op, one a network."""
        return np.asarray(np.add.reduceat(of_ops, self.starts))


@dataclass(frozen=True)
class Coefficient:
    """One number of a device. Rates (`.../s`) grow with a faster device, times (`s`) shrink, others stay."""

    name: str
    unit: str
    typical: float
    """Start of the fit, and where a coefficient stays about which the networks say nothing."""

    @property
    def scaling(self) -> int:
        return 1 if self.unit.endswith("/s") else -1 if self.unit == "s" else 0


@dataclass(frozen=True)
class Formula:
    name: str
    says: str
    """In words, for reports."""
    coefficients: tuple[Coefficient, ...]
    seconds: Callable[[Array, Table], Array]
    """Coefficients in their order and a table to seconds a network."""
    design: Callable[[Table], Array] | None = None
    """For a linear formula: columns that 1 / rate or a time is multiplied with, (networks, coefficients)."""
    anchor: float = 0.05
    """Weight of typical values, on log coefficients: next to nothing against one network's log error."""
    shared: float | None = None
    """Weight of the profile that all devices share (up to their speed), on log coefficients; None: each for itself."""
    other_starts: tuple[Mapping[str, float], ...] = ()
    """Coefficients to begin anew from, where the fit may end in a valley of its own; the best end counts."""
    robust: bool = False
    """Log errors beyond 0.15 count linearly rather than squared."""


# --------------------------------------------------------------------------------------------------------- formulas


def linear(name: str, says: str, *columns: tuple[Coefficient, Callable[[Table], Array]]) -> Formula:
    """Seconds as a sum of columns, each divided by its rate or multiplied with its time."""

    def design(table: Table) -> Array:
        return np.stack([column(table) for _, column in columns], axis=1)

    coefficients = tuple(coefficient for coefficient, _ in columns)

    def seconds(values: Array, table: Table) -> Array:
        return np.asarray(design(table) @ slopes(coefficients, values))

    return Formula(name, says, coefficients, seconds, design)


def slopes(coefficients: Sequence[Coefficient], values: Array) -> Array:
    """Rates as seconds a unit; an infinite rate is a slope of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray([1 / v if c.scaling == 1 else v for c, v in zip(coefficients, values, strict=True)])


def _work(*kinds: int) -> Callable[[Table], Array]:
    return lambda table: table.total(np.where(np.isin(table.kind, kinds), table.mult_adds, 0.0))


_PER_RUN = (Coefficient("per_run", "s", 1e-3), lambda table: np.ones(len(table.starts)))
_ALL_WORK = (Coefficient("mult_adds", "mult_adds/s", 1e12), lambda table: table.total(table.mult_adds))
_ALL_BYTES = (Coefficient("access", "bytes/s", 1e11), lambda table: table.total(table.access_bytes))

WORK_ONLY = linear("mult_adds", "per run + mult_adds", _PER_RUN, _ALL_WORK)
WORK_AND_BYTES = linear(
    "mult_adds + access_bytes", "per run + mult_adds + access_bytes", _PER_RUN, _ALL_WORK, _ALL_BYTES
)
FEATURES = linear(
    "features",
    "mult_adds of dense 3x3, of depthwise and of all other convolutions and products; access_bytes; ops",
    (Coefficient("conv3x3", "mult_adds/s", 1e12), _work(CONV3X3)),
    (Coefficient("other_work", "mult_adds/s", 1e12), _work(POINTWISE, CONV, GROUPED, MATMUL)),
    (Coefficient("depthwise", "mult_adds/s", 1e11), _work(DEPTHWISE)),
    _ALL_BYTES,
    (Coefficient("per_op", "s", 1e-5), lambda table: table.total(np.ones_like(table.mult_adds))),
)

TILE = 128 * 64
"""Outputs that one block of a GPU's matrix kernel works on; only the product with `tiles` matters."""
GROUP_TILE = 32
"""Channels a group is padded to in a GPU's matrix kernel."""
GPU_COEFFICIENTS = (
    Coefficient("depthwise", "mult_adds/s", 2e11),
    Coefficient("grouped", "mult_adds/s", 1e12),
    Coefficient("pointwise", "mult_adds/s", 4e12),
    Coefficient("conv3x3", "mult_adds/s", 8e12),
    Coefficient("conv", "mult_adds/s", 3e12),
    Coefficient("matmul", "mult_adds/s", 2e12),
    Coefficient("access", "bytes/s", 4e11),
    Coefficient("launch_per_op", "s", 2e-5),
    Coefficient("per_run", "s", 1e-3),
    Coefficient("tiles", "blocks", 20.0),
    Coefficient("kernel_per_op", "s", 3e-6),
)


def gpu_roofline(
    *, summed: bool = False, filling: bool = True, kernels: bool = True, padded: bool = False, queued: bool = True
) -> Formula:
    """Kernels beside launches. The options are the alternatives that were compared; the defaults are the choice.

    Args:
        summed: an op takes work / rate + bytes / bandwidth, not the larger of the two.
        filling: a convolution of few output blocks reaches the fraction blocks / (blocks + `tiles`) of its rate.
        kernels: every op's kernel takes `kernel_per_op` on top.
        padded: groups narrower than 32 channels work as if they were that wide.
        queued: launches run ahead of the kernels, and the slower of the two decides; else they add up.
    """

    def seconds(values: Array, table: Table) -> Array:
        rates = np.append(values[:6], np.inf)[table.kind]
        work = table.mult_adds
        if padded:
            width = np.where(table.kind == GROUPED, table.group_channels, GROUP_TILE)
            work = work * np.maximum(1.0, GROUP_TILE / np.maximum(width, 1))
        work_s = work / rates
        if filling:
            blocks = table.positions * table.columns / TILE
            dense = (table.kind != DEPTHWISE) & (table.kind != MATMUL) & (blocks > 0)
            work_s = work_s * (1 + np.where(dense, values[9] / np.where(dense, blocks, 1), 0.0))
        bytes_s = table.access_bytes / values[6]
        op_s = work_s + bytes_s if summed else np.maximum(work_s, bytes_s)
        kernels_s = table.total(op_s + (values[10] if kernels else 0.0))
        launches_s = values[7] * table.total(np.ones_like(table.mult_adds))
        return np.asarray(values[8] + (np.maximum(kernels_s, launches_s) if queued else kernels_s + launches_s))

    return Formula(
        "gpu roofline",
        "per run + the larger of launches and kernels; a kernel takes max(work / rate of its kind, bytes / bandwidth) "
        "+ a constant, with less than the full rate for few output blocks",
        GPU_COEFFICIENTS,
        seconds,
        # Where launches decide nowhere at the start, the fit would never learn of them.
        other_starts=({"launch_per_op": 6e-5},),
    )


ARM_COEFFICIENTS = (
    Coefficient("matrix", "mult_adds/s", 6e9),
    Coefficient("conv3x3", "mult_adds/s", 1.2e10),
    Coefficient("depthwise", "mult_adds/s", 2e9),
    Coefficient("access", "bytes/s", 4e9),
    Coefficient("per_op", "s", 2e-5),
    Coefficient("half_depth", "elements", 32.0),
    Coefficient("half_columns", "channels", 8.0),
)


def arm_roofline(*, summed: bool = False, filling: bool = True, shared: float = 3.0) -> Formula:
    """One core, no launches: ops one after another.

    Args:
        summed: an op takes work / rate + bytes / bandwidth, not the larger of the two.
        filling: a product of little depth or few columns falls short of its rate.
        shared: see `Formula.shared`.
    """

    def seconds(values: Array, table: Table) -> Array:
        kinds = np.array([2, 0, 0, 1, 0, 0, 0])
        rates = np.where(table.kind == MOVED, np.inf, values[kinds[table.kind]])
        work_s = table.mult_adds / rates
        if filling:
            # Winograd's products run over the channels alone.
            depth = np.maximum(np.where(table.kind == CONV3X3, table.depth / 9, table.depth), 1)
            shortfall = values[5] / depth + values[6] / np.maximum(table.columns, 1)
            is_product = (table.kind != DEPTHWISE) & (table.kind != MATMUL) & (table.kind != MOVED)
            work_s = work_s * (1 + np.where(is_product, shortfall, 0.0))
        bytes_s = table.access_bytes / values[3]
        return table.total((work_s + bytes_s if summed else np.maximum(work_s, bytes_s)) + values[4])

    return Formula(
        "arm roofline",
        "sum over ops of max(work / rate of its kind, bytes / bandwidth) + a constant, with less than the full rate "
        "for shallow or narrow products",
        ARM_COEFFICIENTS,
        seconds,
        anchor=0.1,
        shared=shared,
        robust=True,
    )


def cpu_roofline() -> Formula:
    """The ARM formula as it was chosen there, for PyTorch op by op on a CPU; each device for itself."""
    return replace(arm_roofline(), name="cpu roofline", shared=None)


# -------------------------------------------------------------------------------------------------------------- fit

Latencies = Mapping[str, Mapping[str, float]]
"""Seconds by device and network."""
MAX_EVALUATIONS = 60


def fit(
    formula: Formula, table: Table, seconds: Array, weights: Array | None = None, prior: Array | None = None
) -> Array:
    """Coefficients of one device.

    Args:
        seconds: measured, one a network of `table`.
        weights: how often each network counts; None: once.
        prior: coefficients to lean on with weight `formula.shared`; None: the typical ones, with `formula.anchor`.
    """
    from scipy.optimize import nnls

    root = np.sqrt(np.ones_like(seconds) if weights is None else weights)
    if formula.design is not None:
        relative = formula.design(table) * (root / seconds)[:, None]
        # Columns of very different size: scaled to unit length, so that the solver's tolerance means the same for all.
        length = np.maximum(np.linalg.norm(relative, axis=0), np.finfo(float).tiny)
        found = nnls(relative / length, root)[0] / length
        return slopes(formula.coefficients, found)
    typical = np.log([coefficient.typical for coefficient in formula.coefficients])
    lean = formula.anchor if prior is None or formula.shared is None else formula.shared
    centre = typical if prior is None else np.log(prior)

    def errors(logs: Array) -> Array:
        off = np.log(formula.seconds(np.exp(logs), table) / seconds)
        return np.concatenate([root * off, lean * (logs - centre)])

    starts = [centre]
    if prior is None:
        for values in formula.other_starts:
            starts.append(np.log([values.get(c.name, c.typical) for c in formula.coefficients]))
    return np.exp(_least_squares(errors, starts, formula.robust))


def fit_shared(
    formula: Formula, networks: Networks, latencies: Latencies, weights: Mapping[str, float] | None = None
) -> tuple[Array, dict[str, float]]:
    """One profile for all devices and each device's speed relative to it (2.0: twice as fast).

    Only networks in both arguments count; `weights` says how often, by network.
    """
    names = [name for name in networks if any(name in of_device for of_device in latencies.values())]
    table = Table.of([networks[name] for name in names])
    rows = [
        (number, names.index(name), np.log(value))
        for number, of_device in enumerate(latencies.values())
        for name, value in of_device.items()
        if name in names
    ]
    device, network = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    measured = np.array([row[2] for row in rows])
    weight = np.array([1.0 if weights is None else weights.get(names[row[1]], 0.0) for row in rows])
    counts = np.maximum(np.bincount(device, weight, minlength=len(latencies)), 1)
    typical = np.log([coefficient.typical for coefficient in formula.coefficients])
    lean = formula.anchor * np.sqrt(len(latencies))

    def off(logs: Array) -> Array:
        return np.asarray(np.log(formula.seconds(np.exp(logs), table))[network] - measured)

    def errors(logs: Array) -> Array:
        found = off(logs)
        speeds = np.bincount(device, weight * found, minlength=len(latencies)) / counts
        return np.concatenate([np.sqrt(weight) * (found - speeds[device]), lean * (logs - typical)])

    logs = _least_squares(errors, [typical], formula.robust)
    found = off(logs)
    speeds = {
        name: float(np.exp(np.median(found[drawn]))) if np.any(drawn := (device == number) & (weight > 0)) else 1.0
        for number, name in enumerate(latencies)
    }
    return np.exp(logs), speeds


def fit_devices(
    formula: Formula, networks: Networks, latencies: Latencies, weights: Mapping[str, float] | None = None
) -> dict[str, Array]:
    """Coefficients of every device, leaning on the profile they share where the formula says so."""
    profile, speeds = (None, {}) if formula.shared is None else fit_shared(formula, networks, latencies, weights)
    scaling = np.array([coefficient.scaling for coefficient in formula.coefficients])
    fitted = {}
    for device, of_device in latencies.items():
        names = [name for name in networks if name in of_device]
        prior = None if profile is None else profile * speeds[device] ** scaling
        table, seconds = Table.of([networks[name] for name in names]), np.array([of_device[name] for name in names])
        times = None if weights is None else np.array([weights.get(name, 0.0) for name in names])
        fitted[device] = fit(formula, table, seconds, times, prior)
    return fitted


def _least_squares(errors: Callable[[Array], Array], starts: Sequence[Array], robust: bool) -> Array:
    from scipy.optimize import least_squares

    loss = "soft_l1" if robust else "linear"
    ends = [least_squares(errors, start, loss=loss, f_scale=0.15, max_nfev=MAX_EVALUATIONS) for start in starts]
    return np.asarray(min(ends, key=lambda end: float(end.cost)).x)
