"""Networks as torch.fx graphs: for edits that move calls. What cannot be traced stays as it is, with the reason."""

from __future__ import annotations

import warnings

import torch
from torch import fx, nn

from effprof.edits.base import first_hooked
from effprof.edits.packed import PackedConv2d
from effprof.errors import NotApplicableError
from effprof.foreign import describe
from effprof.records import TensorSpec


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, PackedConv2d) or super().is_leaf_module(m, module_qualified_name)


def traced(model: nn.Module) -> fx.GraphModule:
    """The network's forward as generated code over the same modules, which keep their paths.

    Raises:
        NotApplicableError: it cannot be traced, or has hooks, which the generated code would not run.
    """
    hooked = first_hooked(model)
    if hooked is not None:
        raise NotApplicableError(f"a hook is registered on {hooked}, which a traced network would not run")
    if isinstance(model, fx.GraphModule):
        return model
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fx.GraphModule(model, _Tracer().trace(model), class_name=model.__class__.__name__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the network's own forward, run on stand-ins for tensors
        raise NotApplicableError(f"torch.fx cannot trace its forward: {describe(error)}") from None


def rebuilt(root: fx.GraphModule, graph: fx.Graph) -> fx.GraphModule:
    """The graph as a module over `root`'s parts; those that nothing calls any more are left out."""
    graph.lint()
    module = fx.GraphModule(root, graph, class_name=root.__class__.__name__)
    module.delete_all_unused_submodules()
    return module


def layer_of(node: fx.Node) -> str:
    """Path of the module whose forward made the call; `""` for the network's own."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(next(reversed(stack.values()))[0]) if stack else ""


def parameter_of(module: nn.Module, name: str) -> torch.Tensor | None:
    """A parameter or buffer without its history; None where the module has none."""
    value = getattr(module, name)
    return None if value is None else value.detach()


def is_dense(spec: TensorSpec) -> bool:
    """The tensor fills its stretch of memory, in whatever order of the axes. A convolution copies others first."""
    if len(spec.strides) != len(spec.shape):  # sparse and nested tensors have none
        return False
    expected = 1
    for stride, size in sorted(zip(spec.strides, spec.shape, strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True
