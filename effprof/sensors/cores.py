"""Cores, clocks, temperatures and instruction set of the CPU, from /sys and /proc (Linux).

Where another processor is emulated, /sys describes the machine below: nothing of it is taken.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from effprof.machine_records import CoreGroup, CpuState, Temperature
from effprof.sensors.arm_cores import core_name, midr_name
from effprof.sensors.emulation import cpuinfo_family, family, find_emulation
from effprof.sensors.files import ROOT, cpu_list, cpuinfo_blocks, read_int, read_text

ABSOLUTE_ZERO_C = -273.15
# The kernel's name of a feature -> what people call it.
ARM_ISA = {
    "asimd": "NEON",
    "neon": "NEON",
    "asimdhp": "fp16",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
}
# The kernel's name of the counters of one kind of core -> what people call it.
HYBRID_TYPES = {"cpu_core": "P-core", "cpu_atom": "E-core", "cpu_lowpower": "LP E-core"}
X86_ISA = {
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512-VNNI",
    "avx512_bf16": "AVX-512-bf16",
    "avx512_fp16": "AVX-512-fp16",
    "amx_tile": "AMX",
    "amx_bf16": "AMX-bf16",
    "amx_int8": "AMX-int8",
}


def cpu_state(root: Path = ROOT, machine: str | None = None) -> CpuState:
    """What there is to see now. Takes some file reads a core: not for inside a measurement."""
    emulation = find_emulation(root, machine)
    if emulation is not None:
        reason = f"another processor is emulated ({emulation}): /sys describes the machine below"
        return CpuState(missing=dict.fromkeys(("cores", "clocks", "governor", "temperatures", "core_types"), reason))
    cores = _cores(root)
    groups, temperatures = _grouped(cores), _temperatures(root)
    missing = {}
    if instruction_set(root, machine) is None:
        missing["isa"] = "/proc/cpuinfo describes no x86 or ARM processor"
    if all(core.core_type is None for core in cores):
        missing["core_types"] = "the kernel tells no types of cores (it does of ARM's and of Intel's hybrid ones)"
    if not groups:
        missing["cores"] = "the kernel lists no cores (/sys/devices/system/cpu)"
    if all(core.clock_hz is None for core in cores):
        missing["clocks"] = "the kernel tells no clocks (no cpufreq below /sys/devices/system/cpu, as on many servers)"
    if all(core.governor is None for core in cores):
        missing["governor"] = "the kernel does not govern the clocks (no cpufreq, as on virtual machines)"
    if not temperatures:
        missing["temperatures"] = "the kernel lists no thermal zones (/sys/class/thermal)"
    return CpuState(groups, temperatures, missing)


def instruction_set(root: Path = ROOT, machine: str | None = None) -> tuple[str, ...] | None:
    """Extensions that matter to convolutions and matrix products, of those that every core has; None where
    /proc/cpuinfo does not tell, or tells of another processor than programs run on (older qemu-user)."""
    machine = platform.machine() if machine is None else machine
    blocks = cpuinfo_blocks(root)
    told = cpuinfo_family(root)
    if told is None or told != family(machine):
        return None
    key, names = ("Features", ARM_ISA) if told == "arm" else ("flags", X86_ISA)
    common = set.intersection(*(set(block.get(key, "").split()) for block in blocks))
    return tuple(dict.fromkeys(name for flag, name in names.items() if flag in common))


def core_types(cpus: Sequence[int] | None = None, root: Path = ROOT, machine: str | None = None) -> tuple[str, ...]:
    """Names of the cores among `cpus` (default: all), each once; empty where they are not told."""
    if find_emulation(root, machine) is not None:
        return ()
    found = _core_types(root)
    return tuple(dict.fromkeys(name for cpu, name in sorted(found.items()) if cpus is None or cpu in cpus))


@dataclass(frozen=True)
class _Core:
    number: int
    clock_hz: int | None
    group: tuple[object, ...]
    """What it shares with those that are alike."""
    core_type: str | None
    capacity: int | None
    governor: str | None
    min_clock_hz: int | None
    max_clock_hz: int | None


def _cores(root: Path) -> list[_Core]:
    folder = root / "sys/devices/system/cpu"
    types, clocks = _core_types(root), _cpuinfo_clocks(root)
    return [_core(folder / f"cpu{number}", number, types.get(number), clocks) for number in _online(folder)]


def _online(folder: Path) -> tuple[int, ...]:
    try:
        return cpu_list(read_text(folder / "online") or "")
    except ValueError:
        names = (re.fullmatch(r"cpu([0-9]{1,6})", path.name) for path in folder.glob("cpu[0-9]*"))
        return tuple(sorted(int(name[1]) for name in names if name is not None))


def _core(folder: Path, number: int, core_type: str | None, clocks: dict[int, int]) -> _Core:
    capacity = max(read_int(folder / "cpu_capacity") or 0, 0) or None
    governor = read_text(folder / "cpufreq/scaling_governor") or None
    lowest, highest = (_hz(folder / f"cpufreq/scaling_{end}_freq") for end in ("min", "max"))
    clock_hz = _hz(folder / "cpufreq/scaling_cur_freq") or clocks.get(number)
    # Cores of one clock; of most x86 processors each has its own, and then those alike are shown together.
    shared = read_text(folder / "cpufreq/related_cpus")
    cluster = shared if shared is not None and len(shared.split()) > 1 else None
    group = (cluster, core_type, capacity, governor, lowest, highest)
    return _Core(number, clock_hz, group, core_type, capacity, governor, lowest, highest)


def _hz(path: Path) -> int | None:
    khz = read_int(path)
    return khz * 1000 if khz is not None and khz > 0 else None


def _cpuinfo_clocks(root: Path) -> dict[int, int]:
    """x86: `cpu MHz` of each processor."""
    clocks = {}
    for block in cpuinfo_blocks(root):
        number, mhz = block.get("processor", ""), block.get("cpu MHz", "")
        if re.fullmatch(r"[0-9]{1,6}", number) and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", mhz) and float(mhz) > 0:
            clocks[int(number)] = round(float(mhz) * 1e6)
    return clocks


def _core_types(root: Path) -> dict[int, str]:
    """ARM's by /sys' copy of the ID register, else by /proc/cpuinfo; Intel's hybrid ones by the performance counters
    that each kind has of its own. Empty on other processors."""
    types = {}
    for name, kind in HYBRID_TYPES.items():
        with suppress(ValueError):  # no such kind
            types.update(dict.fromkeys(cpu_list(read_text(root / f"sys/devices/{name}/cpus") or ""), kind))
    for block in cpuinfo_blocks(root):
        numbers = [block.get(key, "") for key in ("processor", "CPU implementer", "CPU part")]
        if re.fullmatch(r"[0-9]{1,6}", numbers[0]) and all(re.fullmatch(r"0x[0-9a-f]{1,4}", n) for n in numbers[1:]):
            types[int(numbers[0])] = core_name(int(numbers[1], 16), int(numbers[2], 16))
    for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/regs/identification/midr_el1"):
        text, number = read_text(path) or "", path.parts[-4].removeprefix("cpu")
        if re.fullmatch(r"0x[0-9a-f]{8,16}", text) and number.isdecimal():
            types[int(number)] = midr_name(int(text, 16))
    return types


def _grouped(cores: Sequence[_Core]) -> tuple[CoreGroup, ...]:
    groups: dict[tuple[object, ...], list[_Core]] = {}
    for core in cores:
        groups.setdefault(core.group, []).append(core)
    # The kernel's capacity alone tells sizes apart: two clusters of like cores may have clocks of their own.
    capacities = sorted({core.capacity for core in cores if core.capacity is not None})
    return tuple(
        CoreGroup(
            cpus=tuple(core.number for core in members),
            core_type=members[0].core_type,
            size=_size(members[0].capacity, capacities),
            capacity=members[0].capacity,
            governor=members[0].governor,
            min_clock_hz=members[0].min_clock_hz,
            max_clock_hz=members[0].max_clock_hz,
            clocks_hz=tuple(core.clock_hz for core in members),
        )
        for members in groups.values()
    )


def _size(capacity: int | None, capacities: Sequence[int]) -> str | None:
    if capacity is None or len(capacities) == 1:
        return None
    return "little" if capacity == capacities[0] else "big" if capacity == capacities[-1] else "middle"


def _temperatures(root: Path) -> tuple[Temperature, ...]:
    zones = (root / "sys/class/thermal").glob("thermal_zone[0-9]*")
    found = []
    for zone in sorted(zones, key=lambda path: (len(path.name), path.name)):
        millidegrees = read_int(zone / "temp")  # unreadable while its sensor sleeps
        if millidegrees is not None and millidegrees / 1000 > ABSOLUTE_ZERO_C:
            found.append(Temperature(read_text(zone / "type") or zone.name, millidegrees / 1000))
    return tuple(found)
