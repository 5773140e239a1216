"""What the operating system tells about this machine; torch-free, and None (never a traceback) where it is silent."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def cpu_name() -> str | None:
    """The CPU's model name: `AMD EPYC`; on ARM without a model name, its implementer and part numbers."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    fields: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    for key in ("model name", "Model", "Hardware", "cpu model"):
        if fields.get(key):
            return fields[key]
    if "CPU part" in fields:
        return f"ARM implementer {fields.get('CPU implementer', '?')} part {fields['CPU part']}"
    return None


def usable_cores() -> int:
    """Cores this process may run on (affinity, not the whole machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
