"""Sibling convolutions: several that read the same tensor become one with all their outputs, split again afterwards.

Siblings have the same kernel, stride, padding and dilation, no groups, and run once. What follows each of them alike
(a batch-norm, an activation) is merged along. Which tensors are the same is read from the recorded pass, so that a
write in place between two convolutions keeps them apart; the calls are moved in the torch.fx graph.

The pieces are views along the channel axis. At batch 1 in NCHW they are dense; else they are strided, and a convolution
that reads one copies it first: how many do is said, and whether it pays is measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import fx, nn
from torch.nn import functional as F

from effprof.capture import Capture, Inputs
from effprof.edits.base import Change, observed
from effprof.edits.graphs import is_dense, parameter_of, rebuilt, traced
from effprof.errors import NotApplicableError
from effprof.units import counted

ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Mish, nn.Hardswish, nn.Hardsigmoid,
    nn.Sigmoid, nn.Tanh, nn.Identity,
)  # fmt: skip
"""Element-wise modules without parameters; two are alike when they print alike."""
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    F.relu, torch.relu, F.relu6, F.leaky_relu, F.silu, F.gelu, F.hardswish, F.hardsigmoid, torch.sigmoid, torch.tanh,
)  # fmt: skip
Stage = tuple[fx.Node, ...]
"""One node of each sibling."""


@dataclass(frozen=True)
class Merged:
    paths: tuple[str, ...]
    """Of the convolutions."""
    stages: tuple[Stage, ...]
    """The convolutions, and what follows all of them alike."""


def merge_siblings(model: nn.Module, inputs: Inputs) -> Change:
    before = observed(model, inputs)
    groups = sibling_groups(dict(model.named_modules()), before)
    if not groups:
        raise NotApplicableError("no two plain convolutions of the same kernel and stride read the same tensor")
    module = traced(model)
    merged = [found for group in groups if (found := _in_graph(module, group)) is not None]
    if not merged:
        raise NotApplicableError("its sibling convolutions do not read the same value in the traced graph")
    for one in merged:
        _merge(module, one)
    module = rebuilt(module, module.graph)
    layers = tuple(path for one in merged for path in one.paths)
    copying = _strided_reads(observed(module, inputs)) - _strided_reads(before)
    text = f"{len(layers)} convolutions merged into {len(merged)}"
    if copying > 0:
        text += f"; {counted(copying, 'later convolution')} read a strided piece, which torch copies first"
    return Change(module, layers, text)


def sibling_groups(layers: dict[str, nn.Module], captured: Capture) -> list[tuple[str, ...]]:
    """Paths of two or more convolutions that read the same value and have the same geometry, in order of their runs."""
    times_run: dict[str, int] = defaultdict(int)
    for call in captured.calls:
        times_run[call.layer] += call.op.startswith("conv")
    groups: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for call in captured.calls:
        layer = layers.get(call.layer)
        if call.op.startswith("conv") and type(layer) is nn.Conv2d and times_run[call.layer] == 1:
            geometry = _geometry(layer)
            if geometry is not None:
                groups[call.inputs[0].id, geometry].append(call.layer)
    return [tuple(paths) for paths in groups.values() if len(paths) > 1]


def _geometry(conv: nn.Conv2d) -> tuple[Any, ...] | None:
    """What siblings have in common; None for a convolution that is never merged."""
    if conv.groups != 1 or conv.padding_mode != "zeros":
        return None
    return conv.in_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.weight.dtype


# ------------------------------------------------------------------------------------------------------ in the graph


def _in_graph(module: fx.GraphModule, paths: Sequence[str]) -> Merged | None:
    """The siblings' nodes and what follows them; None where the graph does not show them reading one value."""
    convs: list[fx.Node] = []
    for path in paths:
        calls = [node for node in module.graph.nodes if node.op == "call_module" and node.target == path]
        if len(calls) != 1 or len(calls[0].args) != 1 or calls[0].kwargs:
            return None
        convs.append(calls[0])
    if len({id(node.args[0]) for node in convs}) != 1:
        return None
    stages: list[Stage] = [tuple(convs)]
    while (following := _next_stage(module, stages[-1])) is not None:
        stages.append(following)
    return Merged(tuple(paths), tuple(stages))


def _next_stage(module: fx.GraphModule, stage: Stage) -> Stage | None:
    users = [next(iter(node.users)) if len(node.users) == 1 else None for node in stage]
    following = tuple(user for user in users if user is not None)
    if len(following) != len(stage) or len(set(following)) != len(stage):
        return None
    if any(user.args[:1] != (node,) for user, node in zip(following, stage, strict=True)):
        return None
    kinds = [_kind(module, user) for user in following]
    return following if kinds[0] is not None and all(kind == kinds[0] for kind in kinds) else None


def _kind(module: fx.GraphModule, node: fx.Node) -> tuple[Any, ...] | None:
    """What two nodes must have in common to be merged; None for one that is not merged."""
    if node.op == "call_function":
        return (node.target, node.args[1:], node.kwargs) if node.target in FUNCTIONS else None
    if node.op != "call_module" or len(node.args) != 1 or node.kwargs:
        return None
    layer = module.get_submodule(str(node.target))
    if type(layer) in ACTIVATIONS:
        return type(layer), repr(layer)
    runs_once = sum(n.op == "call_module" and n.target == node.target for n in module.graph.nodes) == 1
    if type(layer) is nn.BatchNorm2d and runs_once and layer.running_mean is not None:
        return nn.BatchNorm2d, layer.eps, layer.affine, layer.running_mean.dtype
    return None


def _merge(module: fx.GraphModule, merged: Merged) -> None:
    graph = module.graph
    first = next(node for node in graph.nodes if node in merged.stages[0])
    lengths = [cast(nn.Conv2d, module.get_submodule(path)).out_channels for path in merged.paths]
    name = next(name for n in range(len(graph.nodes)) if not hasattr(module, name := f"merged_{n}"))
    module.add_submodule(name, nn.Module())
    with graph.inserting_before(first):
        value = first.args[0]
        for number, stage in enumerate(merged.stages):
            value = _add_stage(module, f"{name}.{number}", stage, value)
        pieces = [
            graph.call_function(torch.narrow, (value, 1, sum(lengths[:place]), length))
            for place, length in enumerate(lengths)
        ]
    for node, piece in zip(merged.stages[-1], pieces, strict=True):
        node.replace_all_uses_with(piece)
    for stage in reversed(merged.stages):
        for node in stage:
            graph.erase_node(node)


def _add_stage(module: fx.GraphModule, path: str, stage: Stage, value: Any) -> fx.Node:
    first = stage[0]
    if first.op == "call_function":
        args = (value, *first.args[1:])
        return module.graph.call_function(first.target, args, first.kwargs)  # type: ignore[arg-type]
    layers = [module.get_submodule(str(node.target)) for node in stage]
    layer = layers[0]
    if isinstance(layer, nn.Conv2d):
        layer = _one_convolution(layers)  # type: ignore[arg-type]
    elif isinstance(layer, nn.BatchNorm2d):
        layer = _one_batch_norm(layers)  # type: ignore[arg-type]
    module.add_submodule(path, layer)
    return module.graph.call_module(path, (value,))


def _one_convolution(convs: Sequence[nn.Conv2d]) -> nn.Conv2d:
    first, widths = convs[0], [conv.out_channels for conv in convs]
    with torch.device("meta"):
        merged = nn.Conv2d(
            first.in_channels, sum(widths), first.kernel_size, first.stride, first.padding, first.dilation,  # type: ignore[arg-type]
            bias=any(conv.bias is not None for conv in convs),
        )  # fmt: skip
    merged.weight = nn.Parameter(_joined([conv.weight.detach() for conv in convs]))
    if merged.bias is not None:
        biases = [parameter_of(conv, "bias") for conv in convs]
        merged.bias = nn.Parameter(
            _joined([
                first.weight.new_zeros(width) if bias is None else bias
                for width, bias in zip(widths, biases, strict=True)
            ])
        )  # fmt: skip
    return merged.eval()


def _one_batch_norm(norms: Sequence[nn.BatchNorm2d]) -> nn.BatchNorm2d:
    first = norms[0]
    with torch.device("meta"):
        merged = nn.BatchNorm2d(sum(norm.num_features for norm in norms), first.eps, affine=first.affine)
    for name in ("weight", "bias", "running_mean", "running_var"):
        parts = [part for norm in norms if (part := parameter_of(norm, name)) is not None]
        if parts:
            joined = _joined(parts)
            setattr(merged, name, nn.Parameter(joined) if name in ("weight", "bias") else joined)
    merged.num_batches_tracked = None
    return merged.eval()


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat(list(parts))


def _strided_reads(captured: Capture) -> int:
    """Convolutions whose input has to be copied before they can read it."""
    return sum(call.op.startswith("conv") and not is_dense(call.inputs[0]) for call in captured.calls)
