"""What torch.compile's own kernels say: `triton_poi_fused_add_native_batch_norm_relu_3` names the ops that it fused.

Inductor's point-wise and reduction kernels name every op that took part, in order of the alphabet, a convolution or
matrix product too where they only do what stands around it; those themselves are templates (`triton_tem`), or calls of
a library.
"""

from __future__ import annotations

import re

from effprof.analyze.categories import Placement
from effprof.analyze.op_tables import KINDS, REDUCTIONS
from effprof.cost.aten_names import ALIASES
from effprof.records import Category

_FUSED = re.compile(r"(?:^|\W)triton_(?:poi|red|per|for|split_scan)_fused_(?P<ops>\w+)")
_MAX_WORDS, _LONGEST_OP = 40, 7
"""Words of a name that are looked at (Inductor names ten ops at most), and of one op."""
_ARITHMETIC = Placement(Category.ELEMWISE, "arithmetic")
_OPS = {op: Placement(category, kind) for (category, kind), ops in KINDS.items() for op in ops.split()}
_OPS |= dict.fromkeys(REDUCTIONS, _ARITHMETIC)
_OPS |= {alias: _OPS[name] for alias, name in ALIASES.items() if name in _OPS}


def fused_placement(lower: str) -> Placement | None:
    """Of such a kernel, by its name in lower case; None for other kernels.

    What only moves data is data_io. With pooling or resampling it is that, else element-wise: a norm where there is
    one, an activation where there is nothing else.
    """
    match = _FUSED.search(lower)
    if match is None:
        return None
    found = [place for place in _placements(match["ops"]) if place.category not in (Category.CONV, Category.MATMUL)]
    for category in (Category.POOL, Category.ELEMWISE, Category.SHUFFLE, Category.DATA_IO, Category.OTHER):
        kinds = [place.kind for place in found if place.category is category]
        if kinds:
            return Placement(category, _kind(category, kinds))
    return _ARITHMETIC


def _kind(category: Category, kinds: list[str]) -> str:
    if category is Category.ELEMWISE and len(set(kinds)) > 1:
        return "norm" if "norm" in kinds else "arithmetic"
    return kinds[0]


def _placements(text: str) -> list[Placement]:
    """Of the ops in `_to_copy_add_relu_3`, longest first; words that are part of none are passed over."""
    words = text.split("_")[:_MAX_WORDS]
    found, position = [], 0
    while position < len(words):
        for length in range(min(_LONGEST_OP, len(words) - position), 0, -1):
            place = _OPS.get("_".join(words[position : position + length]).removesuffix("_backward"))
            if place is not None:
                found.append(place)
                position += length
                break
        else:
            position += 1
    return found
