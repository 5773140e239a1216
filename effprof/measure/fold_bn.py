"""`--fold-bn`: batch-norms folded into the convolutions before them, on a copy, layer paths and source lines kept.

Which pairs exist is read from the captured data flow, not from the order of modules: a convolution is folded when the
one consumer of its output is one batch-norm call. (torch.fx would find them too, but replaces the network by
generated code without the reader's source lines.)
"""

from __future__ import annotations

from collections import defaultdict

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from effprof.capture import Capture
from effprof.measure.prepare import copied
from effprof.records import Note, OpCall

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norms(model: nn.Module, captured: Capture) -> tuple[nn.Module, Note]:
    """A copy of `model` (in eval mode) with every foldable batch-norm folded, and a note that says how many."""
    folded = copied(model)
    layers = dict(folded.named_modules())
    pairs, left = find_pairs(layers, captured)
    for conv_path, norm_path in pairs:
        _replace(folded, conv_path, fuse_conv_bn_eval(layers[conv_path], layers[norm_path]))
        _replace(folded, norm_path, nn.Identity())
    text = f"{len(pairs)} batch-norms were folded into the convolutions before them."
    if left:
        shown = ", ".join(f"{path or 'the network'} ({reason})" for path, reason in list(left.items())[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        text += f" {len(left)} could not be folded: {shown}{more}."
    return folded, Note("fold-bn", text)


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
    if times_run[source.layer] > 1 or times_run[norm.layer] > 1:
        return "a module is used more than once"
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in (conv_layer, norm_layer) if layer is not None):
        return "a hook is registered on it"
    return None


def _replace(root: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(root.get_submodule(parent), name, layer)
