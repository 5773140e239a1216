"""What one call costs, from shapes alone: multiply-adds and memory access.

Torch-free and pure, so that saved profiles are costed again by newer formulas. `mult_adds` says how work is counted,
`access` how traffic is, `free_ops` what does no work by definition.
"""

from __future__ import annotations

from effprof.cost.access import access_of
from effprof.cost.free_ops import FREE_OPS
from effprof.cost.mult_adds import mult_adds_of
from effprof.records import OpCall, OpCost

__all__ = ["cost_of"]


def cost_of(call: OpCall) -> OpCost:
    """Work and traffic of one call.

    Multiply-adds are those of convolutions and matrix products, None where no table knows the op; memory access is
    the paper's MAC (Ma et al., ECCV 2018, section 2), in bytes and in elements.

    Of an imported call whose shapes were not recorded all is None, save the 0 multiply-adds of ops that have none.

    Raises BadFileError when the call lacks a tensor its formula needs, which no capture of ours writes.
    """
    if call.tensors == "unknown":
        return OpCost(0 if call.op in FREE_OPS else None, None, None, None, None)
    access = access_of(call)
    if call.tensors == "shapes":
        return OpCost(mult_adds_of(call), None, None, access.read_elements, access.write_elements)
    return OpCost(
        mult_adds=mult_adds_of(call),
        read_bytes=access.read_bytes,
        write_bytes=access.write_bytes,
        read_elements=access.read_elements,
        write_elements=access.write_elements,
    )
