"""The data caches that some threads have together, from /sys (Linux)."""

from __future__ import annotations

import re
from pathlib import Path

from effprof.ceiling_records import CacheLevel
from effprof.sensors.emulation import find_emulation
from effprof.sensors.files import ROOT, cpu_list, read_int, read_text

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def caches_of(threads: int, cpus: tuple[int, ...] | None, root: Path = ROOT) -> tuple[CacheLevel, ...]:
    """L1 to the last, each with what `threads` threads on cores of their own can use; none where nobody tells.

    Args:
        cpus: the cores that may be used, None for all.
    """
    if find_emulation(root) is not None:  # /sys describes the machine below
        return ()
    folder = root / "sys/devices/system/cpu"
    found: dict[int, dict[tuple[int, ...], int]] = {}
    for path in folder.glob("cpu[0-9]*/cache/index[0-9]*"):
        level, size = read_int(path / "level"), _bytes(read_text(path / "size") or "")
        if level is None or size is None or read_text(path / "type") not in ("Data", "Unified"):
            continue
        try:
            sharing = cpu_list(read_text(path / "shared_cpu_list") or "")
        except ValueError:
            continue
        if cpus is None or set(sharing) & set(cpus):
            found.setdefault(level, {})[sharing] = size
    return tuple(
        CacheLevel(f"L{level}", sum(sorted(found[level].values(), reverse=True)[:threads])) for level in sorted(found)
    )


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"([0-9]{1,12})([KMG]?)", text)
    return int(match[1]) * _UNITS[match[2]] if match else None
