"""What the operating system tells about this machine; torch-free, and None (never a traceback) where it is silent."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from effprof.sensors.cores import core_types
from effprof.sensors.emulation import cpuinfo_family, find_emulation
from effprof.sensors.files import ROOT, cpuinfo_blocks, read_text


def cpu_name(root: Path = ROOT, machine: str | None = None) -> str | None:
    """The CPU's model name: `AMD EPYC`; of an ARM board the board's, `Raspberry Pi 5 Model B Rev 1.0`, else its cores'.
    What is emulated is called so."""
    if find_emulation(root, machine) is not None:
        return f"emulated {machine or platform.machine()}"
    fields = next(iter(cpuinfo_blocks(root)), {})
    if cpuinfo_family(root) == "arm":
        board = (read_text(root / "proc/device-tree/model") or "").strip("\0 ")
        cores = " + ".join(core_types(None, root, machine))
        # The kernel's `model name` there is that of the architecture, the same for all: `ARMv7 Processor rev 4 (v7l)`.
        names = [board, fields.get("Model"), fields.get("Hardware"), cores, fields.get("model name")]
    else:
        names = [*(fields.get(key) for key in ("model name", "Model", "Hardware", "cpu model")), platform.processor()]
    return next(filter(None, names), None)


def usable_cpus() -> tuple[int, ...] | None:
    """Numbers of the cores that this process may run on; None where the platform does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None


def usable_cores() -> int:
    """Cores this process may run on (affinity, not the whole machine)."""
    cpus = usable_cpus()
    return (os.cpu_count() or 1) if cpus is None else len(cpus)


def available_memory_bytes() -> int | None:
    """Memory that can still be had: the smaller of the kernel's estimate and the control group's limit."""
    candidates = [value for value in (_meminfo_available(), _cgroup_available()) if value is not None]
    return min(candidates) if candidates else None


def _meminfo_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _cgroup_available() -> int | None:
    versions = (
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    for folder, limit_file, used_file, reclaimable in versions:
        try:
            limit = int(Path(folder, limit_file).read_text(encoding="ascii"))
            used = int(Path(folder, used_file).read_text(encoding="ascii"))
            statistics = Path(folder, "memory.stat").read_text(encoding="ascii")
        except (OSError, ValueError):
            continue  # no such control group, or "max": no limit
        # Cached files count as used, and the kernel gives them up when memory is wanted.
        fields = dict(line.split() for line in statistics.splitlines())
        return max(limit - used + int(fields.get(reclaimable, 0)), 0)
    return None


def governor() -> str | None:
    """Frequency governor of the first core (`performance`, `powersave`); None on virtual machines."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text(encoding="ascii").strip()
    except OSError:
        return None


def cpu_times() -> dict[str, int] | None:
    """Ticks of the whole machine so far: `busy`, `idle`, `steal`; None without /proc/stat."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            ticks = [int(field) for field in file.readline().split()[1:]]
    except (OSError, ValueError):
        return None
    if len(ticks) < 8:
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = ticks[:8]
    return {"busy": user + nice + system + irq + softirq, "idle": idle + iowait, "steal": steal}
