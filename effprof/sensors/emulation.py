"""Does the processor that we were built for execute our instructions, or does qemu-user translate them?

A user-mode emulator answers system calls for another machine, but hands most of /proc and /sys through from the
kernel below. Times taken under it say nothing about either machine.
"""

from __future__ import annotations

import platform
import re
import threading
from pathlib import Path, PurePosixPath

from effprof.sensors.files import ROOT, cpuinfo_blocks, read_text

_FAMILIES = (
    ("x86", r"x86(_64)?|i[3-6]86|amd64"),
    ("arm", r"aarch64(_be)?|arm.*"),
    ("riscv", r"riscv.*"),
    ("power", r"(ppc|power).*"),
    ("s390", r"s390.*"),
    ("mips", r"mips.*"),
    ("loongarch", r"loongarch.*"),
)
_EMULATORS = r"qemu-[a-z0-9_]+(-static)?|[a-z0-9_]+-binfmt-P"
"""Names of qemu-user's programs; qemu-system-* runs whole machines and is not mapped into their processes."""


def family(machine: str) -> str | None:
    """32 and 64 bit, and every spelling, are one: a 32-bit program on a 64-bit kernel is not emulated. None for an
    architecture in no table."""
    return next((name for name, pattern in _FAMILIES if re.fullmatch(pattern, machine.lower())), None)


def find_emulation(root: Path = ROOT, machine: str | None = None, thread: int | None = None) -> str | None:
    """How it can be seen that our instructions are emulated, in words; None where nothing hints at it.

    Looked at, in this order: the kernel's own architecture (/proc/sys/kernel/arch, Linux 6.1), the processor's
    (/sys/devices/system/cpu/modalias, /proc/cpuinfo), and an emulator among the mapped files. qemu-user answers for
    /proc/self/maps itself, but not for the same file of a thread.

    Args:
        machine: the architecture that programs are told of; default: `platform.machine()`.
        thread: one of this process; default: the calling one.
    """
    machine = platform.machine() if machine is None else machine
    modalias = re.search(r"type:([^,:]+)", read_text(root / "sys/devices/system/cpu/modalias") or "")
    told = (
        (read_text(root / "proc/sys/kernel/arch"), "/proc/sys/kernel/arch"),
        (modalias[1] if modalias is not None else None, "/sys/devices/system/cpu/modalias"),
        (cpuinfo_family(root), "/proc/cpuinfo"),
    )
    for found, source in told:
        if found and _unlike(family(found), family(machine)):
            return f"programs are told {machine}, {source} says {found}"
    return _mapped_emulator(root, threading.get_native_id() if thread is None else thread)


def cpuinfo_family(root: Path = ROOT) -> str | None:
    """`x86` or `arm` by the fields that only their kernels write; None for others."""
    first = next(iter(cpuinfo_blocks(root)), {})
    if "CPU implementer" in first:
        return "arm"
    return "x86" if {"vendor_id", "cpu family", "flags"} <= first.keys() else None


def _mapped_emulator(root: Path, thread: int) -> str | None:
    for line in (read_text(root / f"proc/self/task/{thread}/maps") or "").splitlines():
        fields = line.split(maxsplit=5)  # address, permissions, offset, device, inode, path
        name = PurePosixPath(fields[5].removesuffix(" (deleted)")).name if len(fields) == 6 else ""
        if re.fullmatch(_EMULATORS, name):
            return f"{name} is mapped into this process"
    return None


def _unlike(told: str | None, ours: str | None) -> bool:
    """Two known families, not the same: of an unknown one nothing can be said."""
    return told is not None and ours is not None and told != ours
