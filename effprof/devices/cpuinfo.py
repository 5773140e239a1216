"""What the operating system tells about this machine; torch-free, and None (never a traceback) where it is silent."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
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


def usable_cores(root: Path = ROOT) -> int:
    """Cores this process may keep busy (not the whole machine): by affinity, and by the quota of its control group, as
    `docker run --cpus` sets one; of that the whole cores, one at least."""
    cpus, quota = usable_cpus(), _cpu_quota(root)
    cores = (os.cpu_count() or 1) if cpus is None else len(cpus)
    return cores if quota is None else min(cores, max(int(quota), 1))


def _cpu_quota(root: Path) -> float | None:
    """Cores' worth of time that the control group gets (versions 2 and 1); None for as much as there is."""
    group = root / "sys/fs/cgroup"
    fields = (read_text(group / "cpu.max") or "").split()  # `150000 100000`, `max 100000`
    if len(fields) != 2:
        fields = [read_text(group / "cpu" / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]  # -1: none
    quota_us, period_us = (int(field) if re.fullmatch(r"[0-9]{1,18}", field) else 0 for field in fields)
    return quota_us / period_us if quota_us and period_us else None


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


def governor(root: Path = ROOT, cpus: Sequence[int] | None = None) -> str | None:
    """Frequency governor of the cores that this process may run on; where clusters have different ones, one that is not
    `performance`. None on virtual machines.

    Args:
        cpus: default: `usable_cpus`.
    """
    cpus = (usable_cpus() or (0,)) if cpus is None else cpus
    files = (root / f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor" for number in cpus)
    found = sorted(filter(None, map(read_text, files)), key="performance".__eq__)
    return found[0] if found else None


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
