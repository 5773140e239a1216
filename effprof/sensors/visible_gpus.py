"""Which GPUs a CUDA program sees, and in which order, by CUDA_VISIBLE_DEVICES.

The rules are CUDA's (CUDA C++ Programming Guide, environment variables) and, where that is silent, those that torch
follows (torch.cuda's `_parse_visible_devices`): unset shows all; empty shows none; numbers or UUIDs, by the first
entry; UUIDs may be cut short while they stay unique; the first entry that names no GPU ends the list (`0,-1,1` shows
GPU 0 alone); an entry given twice hides all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TypeVar

Entry = TypeVar("Entry")

VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER_VARIABLE = "CUDA_DEVICE_ORDER"
IN_PCI_ORDER = "PCI_BUS_ID"


def visible_gpus(text: str | None, uuids: Sequence[str]) -> tuple[int | str, ...]:
    """What `cuda:0`, `cuda:1` ... stand for.

    Args:
        text: the variable's value; None where it is not set.
        uuids: of all GPUs in CUDA's order, as NVML writes them (`GPU-8932f937-...`).

    Returns:
        Positions in `uuids`; parts of a GPU (MIG) as they are written in the variable, unchecked.
    """
    if text is None:
        return tuple(range(len(uuids)))
    entries = text.split(",")
    if text.startswith("MIG-"):
        return _unless_repeated(takewhile(lambda entry: entry.startswith("MIG-"), entries))
    if text.startswith("GPU-"):
        named = _unless_repeated(takewhile(lambda entry: entry.startswith("GPU-"), entries))
        positions = tuple(_by_uuid(entry, uuids) for entry in named)
    else:
        positions = _unless_repeated(takewhile(lambda number: number >= 0, map(_number, entries)))
    return _unless_repeated(takewhile(lambda position: 0 <= position < len(uuids), positions))


def mig_parent(name: str) -> str | None:
    """`MIG-GPU-8932f937-.../1/0`, as drivers before 470 write it -> `GPU-8932f937-...`; None for `MIG-<UUID>`."""
    match = re.fullmatch(r"MIG-(GPU-[0-9a-zA-Z-]+)/[0-9]+/[0-9]+", name)
    return None if match is None else match[1]


def _unless_repeated(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    found = tuple(entries)
    return found if len(set(found)) == len(found) else ()


def _by_uuid(entry: str, uuids: Sequence[str]) -> int:
    """-1 for none, and for several that start so."""
    matches = [position for position, uuid in enumerate(uuids) if uuid.startswith(entry)]
    return matches[0] if len(matches) == 1 else -1


def _number(entry: str) -> int:
    """As C's strtoul reads it: `1gpu` is 1; what starts with no number is -1."""
    match = re.match(r"[+-]?[0-9]+", entry.strip())
    return int(match[0][:12]) if match is not None else -1
