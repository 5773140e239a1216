"""Convolutions with their weights packed for oneDNN, and with the activations that follow them.

Which convolutions run on images of a type that oneDNN takes is read from the recorded pass. The activations are found
in the torch.fx graph, because a convolution's one reader may be a function or a module that others use too; where the
network cannot be traced, they stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from effprof.capture import Capture, Inputs
from effprof.capture.failure import forward_explained
from effprof.edits.base import Change, observed
from effprof.edits.checking import gives
from effprof.edits.copying import replace_everywhere
from effprof.edits.graphs import rebuilt, traced
from effprof.edits.packed import NONE, Activation, PackedConv2d, is_available, takes
from effprof.errors import NotApplicableError
from effprof.units import counted

RELU, RELU6, SILU = Activation("relu"), Activation("hardtanh", (0.0, 6.0)), Activation("swish")
HARDSWISH, HARDSIGMOID = Activation("hardswish"), Activation("hardsigmoid")
SIGMOID, TANH = Activation("sigmoid"), Activation("tanh")
FUNCTIONS: dict[Callable[..., Any], Activation] = {
    F.relu: RELU, torch.relu: RELU, torch.relu_: RELU, F.relu6: RELU6, F.silu: SILU, F.hardswish: HARDSWISH,
    F.hardsigmoid: HARDSIGMOID, torch.sigmoid: SIGMOID, torch.tanh: TANH, F.gelu: Activation("gelu", (), "none"),
}  # fmt: skip
METHODS = {"relu": RELU, "relu_": RELU, "sigmoid": SIGMOID, "sigmoid_": SIGMOID, "tanh": TANH, "tanh_": TANH}
MODULES: dict[type[nn.Module], Callable[[Any], Activation]] = {
    nn.ReLU: lambda _: RELU,
    nn.ReLU6: lambda _: RELU6,
    nn.Hardtanh: lambda module: Activation("hardtanh", (float(module.min_val), float(module.max_val))),
    nn.LeakyReLU: lambda module: Activation("leaky_relu", (float(module.negative_slope),)),
    nn.SiLU: lambda _: SILU,
    nn.GELU: lambda module: Activation("gelu", (), module.approximate),
    nn.Hardswish: lambda _: HARDSWISH,
    nn.Hardsigmoid: lambda _: HARDSIGMOID,
    nn.Sigmoid: lambda _: SIGMOID,
    nn.Tanh: lambda _: TANH,
}


def pack_weights(model: nn.Module, inputs: Inputs) -> Change:
    if not is_available():
        raise NotApplicableError("this torch has no oneDNN, or it is switched off")
    layers = dict(model.named_modules())
    images = images_read(layers, observed(model, inputs))
    if not images:
        raise NotApplicableError("it has no plain 2-D convolution of a type that oneDNN takes here")
    for path, image in images.items():
        replace_everywhere(model, layers[path], PackedConv2d(layers[path], image))
    text = f"weights of {counted(len(images), 'convolution')} packed for oneDNN"
    try:
        module = _traced_alike(model, inputs)
    except NotApplicableError as error:
        return Change(model, tuple(images), f"{text}; activations stay apart: {error}")
    fused = _fuse_activations(module)
    if not fused:
        return Change(model, tuple(images), text)
    return Change(rebuilt(module, module.graph), tuple(images), f"{text}, {counted(fused, 'activation')} done in them")


def images_read(layers: dict[str, nn.Module], captured: Capture) -> dict[str, tuple[int, ...]]:
    """Paths of the convolutions that can be packed, with the shape of what each reads first."""
    found: dict[str, tuple[int, ...]] = {}
    refused: set[str] = set()
    for call in captured.calls:
        layer = layers.get(call.layer)
        if call.op != "conv2d" or type(layer) is not nn.Conv2d:
            continue
        x = call.inputs[0]
        if _is_plain(layer) and len(x.shape) == 4 and f"torch.{x.dtype}" == str(layer.weight.dtype):
            found.setdefault(call.layer, x.shape)
        else:
            refused.add(call.layer)
    return {path: image for path, image in found.items() if path not in refused}


def _is_plain(layer: nn.Conv2d) -> bool:
    weight = layer.weight
    is_dense = weight.device.type == "cpu" and weight.layout is torch.strided and takes(weight.dtype)
    is_hooked = bool(layer._forward_hooks or layer._forward_pre_hooks)
    if not is_dense or is_hooked or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return False
    # Beyond its kernel's reach whole outputs see padding alone, on which oneDNN's kernels crash the process.
    sides = zip(layer.padding, layer.dilation, layer.kernel_size, strict=True)
    return all(padding <= dilation * (kernel - 1) for padding, dilation, kernel in sides)


def _traced_alike(model: nn.Module, inputs: Inputs) -> fx.GraphModule:
    """Raises NotApplicableError where it cannot be traced, or the traced network gives something else."""
    module, example = traced(model), inputs.map(torch.clone)
    with forward_explained(example):
        expected = example.run(model)
    if not gives(expected, module, inputs):  # another branch, or a plain dict for an ordered one
        raise NotApplicableError("traced by torch.fx its forward gives something else")
    return module


def _fuse_activations(module: fx.GraphModule) -> int:
    """Each convolution that runs once and whose one reader is an activation does it itself; how many do."""
    graph, fused = module.graph, 0
    _leave_out_identities(module)
    calls = {node: module.get_submodule(str(node.target)) for node in graph.nodes if node.op == "call_module"}
    times_run = Counter(map(id, calls.values()))  # a module may have two names
    for node, layer in calls.items():
        is_free = isinstance(layer, PackedConv2d) and layer.activation == NONE
        if not is_free or times_run[id(layer)] != 1 or len(node.users) != 1:
            continue
        reader = next(iter(node.users))
        activation = _activation(module, reader)
        if activation is not None:
            layer.activation = activation  # type: ignore[assignment]  # of a PackedConv2d: is_free
            reader.replace_all_uses_with(node)
            graph.erase_node(reader)
            fused += 1
    return fused


def _leave_out_identities(module: fx.GraphModule) -> None:
    """What folded batch-norms leave stands between a convolution and its activation."""
    for node in module.graph.nodes:
        is_identity = node.op == "call_module" and type(module.get_submodule(str(node.target))) is nn.Identity
        if is_identity and len(node.args) == 1 and isinstance(node.args[0], fx.Node):
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)


def _activation(module: fx.GraphModule, node: fx.Node) -> Activation | None:
    if len(node.args) != 1 or node.kwargs.keys() - {"inplace"}:
        return None
    if node.op == "call_function":
        return FUNCTIONS.get(node.target)  # type: ignore[arg-type]
    if node.op == "call_method":
        return METHODS.get(str(node.target))
    if node.op != "call_module":
        return None
    layer = module.get_submodule(str(node.target))
    made = MODULES.get(type(layer))
    return None if made is None else made(layer)
