"""What the name of a kernel says about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from effprof.analyze.categories import Placement
from effprof.analyze.kernel_tables import BACKWARD_WORDS, KERNELS, LAYOUT_WORDS


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)))


_ROWS = tuple((Placement(category, kind), _any_of(words.split())) for category, kind, words in KERNELS)
_IN_ANY_ROW = _any_of(word for _, _, words in KERNELS for word in words.split())
_BACKWARD, _LAYOUT = _any_of(BACKWARD_WORDS), _any_of(LAYOUT_WORDS)
_SHOWN = 60
_QUALIFIERS = re.compile(r"(?:\(anonymous namespace\)::|\b[A-Za-z_]\w*::)+")
_LONGEST = 4096
"""Of a name only that much is looked at: template arguments can go on for pages."""


@dataclass(frozen=True)
class KernelName:
    """`placement` is None where no row of the table fits."""

    placement: Placement | None
    is_backward: bool
    is_layout: bool
    """It turns NCHW into NHWC or back."""


@lru_cache(maxsize=1 << 14)
def kernel_name(name: str) -> KernelName:
    """The first row of the table with a word that is part of the name."""
    lower = name[:_LONGEST].lower()
    placement = None
    if _IN_ANY_ROW.search(lower):
        placement = next(place for place, words in _ROWS if words.search(lower))
    return KernelName(placement, _BACKWARD.search(lower) is not None, _LAYOUT.search(lower) is not None)


def short_name(name: str) -> str:
    """Without return type, namespaces and what the kernel is called with, cut where it is long.

    `void at::native::reduce_kernel<512, at::native::MeanOps<float>>(at::native::MeanOps<float>)` becomes
    `reduce_kernel<512, MeanOps<float>>`: of elementwise kernels the template arguments say what they do.
    """
    bare = _QUALIFIERS.sub("", name[:_LONGEST].removeprefix("void ")) or name
    bare = bare.partition(">(")[0] + ">" if ">(" in bare else bare.partition("(")[0] or bare
    return bare if len(bare) <= _SHOWN else f"{bare[: _SHOWN - 1]}…"
