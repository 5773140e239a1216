"""What a trace may hold at most. More is no recording of a network, and would take memory and time without bound.

What decides a report (activities, names, threads) is refused beyond these; what it can do without (layers, shapes) is
left out, with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from effprof.analyze.kernel_names import NAMES_KEPT
from effprof.errors import BadFileError

MAX_ACTIVITIES = 2_000_000
"""Kernels, copies and fills of all processes; such a file has gigabytes, and a step of training some thousands."""
MAX_NAMES = NAMES_KEPT
"""Different names of events; the largest of the published traces has 300."""
MAX_NAME_CHARS = 1 << 25
"""Of all different names together; template arguments make names of kilobytes."""
MAX_THREADS = 1 << 16
MAX_LAYERS = 1 << 14
"""Different places within ranges; beyond, the ranges name the iteration or the request and not a layer."""
MAX_INPUTS = 1 << 18
"""Different records of an op's inputs: shapes, types, strides and values."""
MAX_INPUT_BYTES = 1 << 27
"""Of all different ones together."""
MAX_TENSORS = 1 << 20
"""Inputs of all ops with different ones together: a list of tensors is one of an op's arguments."""


@dataclass
class NameTable:
    """Names of events -> numbers in the order of their first appearance."""

    _numbers: dict[str, int] = field(default_factory=dict)
    _chars: int = 0

    def numbers(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Raises BadFileError where there come to be too many."""
        known = self._numbers
        new = [name for name in dict.fromkeys(names) if name not in known]
        known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
        self._chars += sum(map(len, new))
        check_names(len(known), self._chars)
        return np.fromiter(map(known.__getitem__, names), np.int64, len(names))

    def names(self) -> tuple[str, ...]:
        """By number."""
        return tuple(self._numbers)


@dataclass
class Together:
    """What the traces of all ranks hold together; their host events are not kept."""

    _activities: int = 0
    _names: set[str] = field(default_factory=set)
    _chars: int = 0

    def add(self, activities: int, kernels: Iterable[str]) -> None:
        """One rank's activities, and the names among them. Raises BadFileError where it becomes too much."""
        self._activities += activities
        check_activities(self._activities)
        new = set(kernels) - self._names
        self._names |= new
        self._chars += sum(map(len, new))
        check_names(len(self._names), self._chars)


def check_names(count: int, chars: int) -> None:
    """Raises BadFileError where that many different names, of so many characters together, are too many."""
    if count > MAX_NAMES:
        raise BadFileError(f"its events have more than {MAX_NAMES:,} different names, which no program has")
    if chars > MAX_NAME_CHARS:
        raise BadFileError(f"the names of its events have more than {MAX_NAME_CHARS:,} characters together")


def check_activities(count: int) -> None:
    """Raises BadFileError where that many kernels, copies and fills are too many."""
    if count > MAX_ACTIVITIES:
        raise BadFileError(f"it holds more than {MAX_ACTIVITIES:,} kernels, copies and fills. Record fewer steps")
