"""The machine that a measurement ran on, as it describes itself. What it does not tell is None, with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DeviceInfo:
    kind: str
    """`cpu`, `cuda` or `fake`."""
    name: str
    arch: str
    threads: int | None
    host: str | None = None
    """Of another machine, what ssh calls it: `user@board`; None: measured here."""
    core_types: tuple[str, ...] | None = None
    """Of the cores that the process may use: `Cortex-A76`; None where the platform does not tell them apart."""
    isa: tuple[str, ...] | None = None
    """What the instruction set offers to kernels beyond its base: `NEON`, `i8mm`, `AVX2`; None where unknown."""


@dataclass(frozen=True)
class CoreGroup:
    """Cores that are alike and share a clock, or at least its limits: a cluster of a big.LITTLE processor."""

    cpus: tuple[int, ...]
    core_type: str | None = None
    size: str | None = None
    """`big`, `middle` or `little`; None where all cores are of one size."""
    capacity: int | None = None
    """The kernel's own measure of speed: 1024 for the fastest core of the machine."""
    governor: str | None = None
    min_clock_hz: int | None = None
    max_clock_hz: int | None = None
    """The limits in force, which a governor or a thermal driver may have lowered."""
    clocks_hz: tuple[int | None, ...] = ()
    """One a core, at the moment of looking."""


@dataclass(frozen=True)
class Temperature:
    sensor: str
    """The kernel's name of the zone: `x86_pkg_temp`, `cpu-thermal`."""
    celsius: float


@dataclass(frozen=True)
class CpuState:
    """Cores, clocks and temperatures at the start of a measurement."""

    core_groups: tuple[CoreGroup, ...] = ()
    temperatures: tuple[Temperature, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    """Why something is not known, by what it is: `clocks`, `governor`, `temperatures`, `core_types`, `isa`."""


@dataclass(frozen=True)
class GpuState:
    """One NVIDIA GPU at one moment, from NVML. Each None has its reason in `missing`, under the field's name."""

    name: str | None = None
    uuid: str | None = None
    driver: str | None = None
    temperature_c: int | None = None
    sm_clock_hz: int | None = None
    max_sm_clock_hz: int | None = None
    memory_clock_hz: int | None = None
    max_memory_clock_hz: int | None = None
    power_limit_w: float | None = None
    clock_events: tuple[str, ...] | None = None
    """Why the clocks are not higher, in NVML's terms: `gpu_idle`, `sw_power_cap`, `hw_thermal_slowdown`."""
    compute_mode: str | None = None
    """`default`, `exclusive_process` (one process at a time) or `prohibited`."""
    other_processes: int | None = None
    """Processes on the GPU besides this one."""
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CudaState:
    """What torch was built for and set to, on a GPU."""

    version: str | None
    """Of CUDA, that torch was built for: `13.0`."""
    cudnn: int | None
    """Version as one number: 91002."""
    cudnn_benchmark: bool
    """cuDNN tried its algorithms before the clock started."""
    conv_precision: str
    """Of float32 convolutions: `tf32` or `ieee` (`none`: as torch decides)."""
    matmul_precision: str
    """The same of matrix products."""
    memory_bytes: int | None = None
    """Of the whole GPU."""


@dataclass(frozen=True)
class Environment:
    effprof: str
    python: str
    torch: str | None
    platform: str
    cpu: str | None
    allocator: str
    """The C library's allocator and, when `--malloc steady` was given, what was set: `glibc 2.36 (steady)`."""
    git: str | None
    """Commit of the current directory, with `+` when there are uncommitted changes; None outside a repository."""
    started_utc: str
    emulated: str | None = None
    """How it was seen that another processor executes the instructions (qemu-user); None where nothing hints at it."""
    cpu_state: CpuState | None = None
    gpu_before: GpuState | None = None
    gpu_after: GpuState | None = None
    cuda: CudaState | None = None
    """None on other devices."""


@dataclass(frozen=True)
class Energy:
    """What one run of the network took, from a counter read before and after many runs without instrumentation.

    The counter is of the whole package or board: idle power and other programs are in it.
    """

    energy_j: float | None
    """Of one run, whatever its batch."""
    window_s: float | None = None
    runs: int = 0
    source: str | None = None
    """`powercap` (the CPU's packages) or `nvml` (the GPU's board)."""
    reason: str | None = None
    """Why there is no figure."""
