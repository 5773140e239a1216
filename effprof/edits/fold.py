"""Batch-norms folded into the convolutions before them, layer paths and source lines kept.

Which pairs exist is read from the captured data flow, not from the order of modules: a convolution is folded when the
one consumer of its output is one batch-norm call. (torch.fx would find them too, but replaces the network by
generated code without the reader's source lines.)
"""

from __future__ import annotations

from collections import defaultdict

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from effprof.capture import Capture, Inputs
from effprof.edits.base import Change, observed
from effprof.edits.copying import replace_everywhere
from effprof.errors import NotApplicableError
from effprof.records import OpCall
from effprof.units import counted

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norm(model: nn.Module, inputs: Inputs) -> Change:
    pairs, left = fold(model, observed(model, inputs))
    if not pairs:
        reasons = ", ".join(dict.fromkeys(left.values()))
        raise NotApplicableError(f"no batch-norm can be folded: {reasons}" if reasons else "it has no batch-norm")
    text = f"{counted(len(pairs), 'batch-norm')} folded into the convolutions before them"
    return Change(model, tuple(path for pair in pairs for path in pair), text + (f", {len(left)} left" if left else ""))


def fold(model: nn.Module, captured: Capture) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Folds every pair of `model`, which must be in eval mode, and gives what `find_pairs` found."""
    layers = dict(model.named_modules())
    pairs, left = find_pairs(layers, captured)
    for conv_path, norm_path in pairs:
        conv, norm = layers[conv_path], layers[norm_path]
        replace_everywhere(model, conv, fuse_conv_bn_eval(conv.eval(), norm))
        replace_everywhere(model, norm, nn.Identity())
    return pairs, left


def find_pairs(layers: dict[str, nn.Module], captured: Capture) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """(convolution path, batch-norm path) pairs, and for every other batch-norm path why it stays."""
    consumers: dict[int, list[OpCall]] = defaultdict(list)
    producer: dict[int, OpCall] = {}
    times_run: dict[str, int] = defaultdict(int)
    for call in captured.calls:
        times_run[call.layer] += call.op.startswith("conv") or call.op == "batch_norm"
        for spec in call.inputs:
            consumers[spec.id].append(call)
        for spec in call.outputs:
            producer[spec.id] = call
    pairs: list[tuple[str, str]] = []
    left: dict[str, str] = {}
    for call in captured.calls:
        if call.op != "batch_norm":
            continue
        source = producer.get(call.inputs[0].id)
        reason = _why_not(call, source, layers, times_run)
        if reason is None and source is not None:
            value = call.inputs[0].id
            if len(consumers[value]) > 1 or value in captured.output_ids:
                reason = "the convolution's output is used elsewhere too"
        if reason is None and source is not None:
            pairs.append((source.layer, call.layer))
        else:
            left[call.layer] = reason or "no convolution before it"
    return pairs, left


def _why_not(
    norm: OpCall, source: OpCall | None, layers: dict[str, nn.Module], times_run: dict[str, int]
) -> str | None:
    if source is None or not source.op.startswith("conv"):
        return "no convolution before it"
    conv_layer, norm_layer = layers.get(source.layer), layers.get(norm.layer)
    if type(conv_layer) not in CONVOLUTIONS:
        return f"{source.op} is not run by a plain convolution module"
    if type(norm_layer) not in BATCH_NORMS or norm_layer is None or norm_layer.running_mean is None:
        return "not run by a plain batch-norm module with running statistics"
    if norm_layer.training or norm.arguments.get("training") is True:
        return "it takes the statistics of each batch, not those that were kept"
    if times_run[source.layer] > 1 or times_run[norm.layer] > 1:
        return "a module is used more than once"
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in (conv_layer, norm_layer) if layer is not None):
        return "a hook is registered on it"
    return None
