"""`--fold-bn`: batch-norms folded into the convolutions before them, on a copy (how: `edits/fold.py`)."""

from __future__ import annotations

from torch import nn

from effprof.capture import Capture
from effprof.edits.copying import copied
from effprof.edits.fold import fold
from effprof.records import Note


def fold_batch_norms(model: nn.Module, captured: Capture) -> tuple[nn.Module, Note]:
    """A copy of `model` (in eval mode) with every foldable batch-norm folded, and a note that says how many."""
    folded = copied(model)
    pairs, left = fold(folded, captured)
    text = f"{len(pairs)} batch-norms were folded into the convolutions before them."
    if left:
        shown = ", ".join(f"{path or 'the network'} ({reason})" for path, reason in list(left.items())[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        text += f" {len(left)} could not be folded: {shown}{more}."
    return folded, Note("fold-bn", text)
