"""Small files of /proc and /sys, each of which may be missing, unreadable or odd."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path("/")
MAX_CPUS = 65_536
"""Above the kernel's own limit (8192); a list that names more is not a list of cores."""


def read_text(path: Path) -> str | None:
    """The content without blank ends; None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    text = read_text(path)
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,20}", text) else None


def cpu_list(text: str) -> tuple[int, ...]:
    """`0-3,6` or `0 1 2` -> the numbers, sorted, each once. Raises ValueError on anything else."""
    cpus: set[int] = set()
    for part in re.split(r"\s*,\s*|\s+", text.strip()):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        if match is None:
            raise ValueError(f"{part!r} is neither a number nor a range")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{part!r} runs backwards")
        if last >= MAX_CPUS:
            raise ValueError(f"{part!r} is beyond any core")
        cpus.update(range(first, last + 1))
    return tuple(sorted(cpus))


def cpu_ranges(cpus: tuple[int, ...]) -> str:
    """(0, 1, 2, 6) -> `0-2,6`."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and cpu == parts[-1][-1] + 1:
            parts[-1][1:] = [cpu]
        else:
            parts.append([cpu])
    return ",".join("-".join(map(str, part)) for part in parts)


def cpuinfo_blocks(root: Path = ROOT) -> list[dict[str, str]]:
    """One dict a processor of /proc/cpuinfo; fields that come once for all (as older ARM kernels write them) are in
    each. Empty where there is no such file."""
    text = read_text(root / "proc/cpuinfo")
    if text is None:
        return []
    blocks, common = [], dict[str, str]()
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        for line in paragraph.splitlines():
            key, colon, value = line.partition(":")
            if colon:
                fields.setdefault(key.strip(), value.strip())
        if "processor" in fields:
            blocks.append(fields)
        else:
            common |= fields
    return [common | block for block in blocks] or ([common] if common else [])
