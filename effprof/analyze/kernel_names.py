"""What the name of a kernel says about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from effprof.analyze.categories import Placement
from effprof.analyze.fused_names import fused_placement
from effprof.analyze.kernel_tables import BACKWARD_WORDS, KERNELS, LAYOUT_WORDS

NAMES_KEPT = 1 << 17
"""As many as one trace may have; fewer would be worked out again for every kernel of a trace with more."""


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(_branches(set(words)))


def _branches(words: Iterable[str]) -> str:
    """A pattern for any of the words that looks at each letter once; alternatives side by side are tried one by one."""
    following: dict[str, list[str]] = {}
    for word in sorted(words):
        if not word:
            return ""  # a word ends here, so that what follows in longer ones does not matter
        following.setdefault(word[0], []).append(word[1:])
    branches = [re.escape(letter) + _branches(rest) for letter, rest in following.items()]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_ROWS = tuple((Placement(category, kind), _any_of(words.split())) for category, kind, words in KERNELS)
_IN_ANY_ROW = _any_of(word for _, _, words in KERNELS for word in words.split())
_BACKWARD, _LAYOUT = _any_of(BACKWARD_WORDS), _any_of(LAYOUT_WORDS)
_SHOWN = 60
_QUALIFIERS = re.compile(r"(?:\(anonymous namespace\)::|\b[A-Za-z_]\w*::)+")
_LONGEST = 4096
"""Of a name only that much is looked at: template arguments can go on for pages."""


@dataclass(frozen=True, slots=True)
class KernelName:
    """`placement` is None where no row of the table fits."""

    placement: Placement | None
    is_backward: bool
    is_layout: bool
    """It turns NCHW into NHWC or back."""


@lru_cache(maxsize=NAMES_KEPT)
def kernel_name(name: str) -> KernelName:
    """By the ops that a fused kernel names, else the first row of the table with a word that is part of the name."""
    lower = name[:_LONGEST].lower()
    placement = fused_placement(lower)
    if placement is None and _IN_ANY_ROW.search(lower):
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
