"""Other libraries' count of the same network beside ours: a check a reader can see, never the number itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from torch import nn

from effprof.capture import Inputs
from effprof.foreign import describe
from effprof.measure.guard import left_as_found
from effprof.measure.static import on_meta, swap_tensors
from effprof.records import Crosscheck, OpCall

# fvcore counts a multiply-add as one; these are its names for what effprof counts as mult_adds.
FVCORE_OPERATORS = ("conv", "linear", "matmul", "bmm", "einsum", "addmm", "baddbmm")
# Operators that do several matrix products in one call; fvcore's handlers do not know them and would count nothing.
FUSED = {"_native_multi_head_attention", "_transformer_encoder_layer_fwd", "scaled_dot_product_attention"}


def crosscheck(model: nn.Module, inputs: Inputs, calls: Iterable[OpCall]) -> Crosscheck:
    """Multiply-adds of convolutions and matrix products as fvcore (one traced pass on real tensors) and torch's own
    flop counter (on meta tensors) see them. A count that fails or cannot be right is None, with its reason."""
    reasons = []
    fvcore_mult_adds = torch_mult_adds = None
    fused = sorted(FUSED & {call.op for call in calls})
    try:
        if fused:
            reasons.append(f"fvcore: does not count {', '.join(fused)}")
        else:
            fvcore_mult_adds = _fvcore(model, inputs)
    except Exception as error:  # any failure of another library's tracing is a reason, not a crash of ours
        reasons.append(f"fvcore: {describe(error)}")
    try:
        torch_mult_adds = count_with_torch(model, inputs)
    except Exception as error:
        reasons.append(f"torch: {describe(error)}")
    return Crosscheck(fvcore_mult_adds, torch_mult_adds, "; ".join(reasons) or None)


def _fvcore(model: nn.Module, inputs: Inputs) -> int:
    if inputs.kwargs:
        raise ValueError("fvcore takes positional inputs only")
    with warnings.catch_warnings():
        # fvcore calls torch.jit.script on import and torch.jit.trace on use, both deprecated.
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        with left_as_found(model):
            analysis = FlopCountAnalysis(model, inputs.args)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
            by_operator = analysis.by_operator()
    return int(sum(by_operator.get(name, 0) for name in FVCORE_OPERATORS))


def count_with_torch(model: nn.Module, inputs: Inputs) -> int:
    """Half of what torch's flop counter counts, on meta tensors; the network is left as found."""
    from torch.utils.flop_counter import FlopCounterMode

    with left_as_found(model), FlopCounterMode(display=False) as counter:
        swap_tensors(model, on_meta)
        inputs.map(on_meta).run(model)
    return int(counter.get_total_flops()) // 2
