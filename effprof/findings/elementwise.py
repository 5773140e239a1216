"""G4, few element-wise operations: what could be folded, done in place, done after a halving, or left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effprof.analyze.roofline import footprint_of
from effprof.finding_records import Source
from effprof.findings.drafting import Draft, places, share_text, subject, verb
from effprof.findings.network import Network, image_pixels, pixels, time_of, window
from effprof.records import Category, CostedOp
from effprof.units import counted

LARGE_MAP = 28 * 28
"""Places of one image from which a map is large."""
MUCH = 0.1
"""Of the latency: what element-wise calls on large maps, or gates, take before they are named."""
_CONVOLUTIONS = frozenset({"dense", "pointwise", "grouped", "depthwise"})
_MONOTONE = frozenset({"relu", "relu6", "hardtanh", "leaky_relu", "sigmoid", "hardsigmoid", "tanh", "elu", "softplus"})
"""Activations that never fall: they may change places with a maximum."""
_SLOW_ACTIVATIONS = frozenset({"hardswish", "silu", "gelu", "mish", "hardsigmoid", "sigmoid", "softplus", "elu"})


def drafts(network: Network) -> Iterator[Draft]:
    yield from _batch_norms(network)
    yield from _not_in_place(network)
    yield from _before_halving(network)
    yield from _large_maps(network)
    yield from _gates(network)


def _batch_norms(network: Network) -> Iterator[Draft]:
    """Batch-norms whose input is a convolution's output that nobody else reads."""
    foldable = []
    for op in network.working():
        before = network.producer(op.call.inputs[0]) if op.call.op == "batch_norm" and op.call.inputs else None
        if before is not None and _folds_into(op, before, network):
            foldable.append(op)
    if foldable:
        text = f"{counted(len(foldable), 'batch-norm')} ({places(foldable)}) could be part of the convolution before."
        edit = "Fold them into the convolutions (the same numbers, to rounding)."
        expected: tuple[float, Source] = (network.time_without(foldable), "run")
        yield Draft("G4-batch-norm", tuple(foldable), text, edit, "G4", True, "fold-batch-norm", (), expected)


def _folds_into(norm: CostedOp, before: CostedOp, network: Network) -> bool:
    """It takes kept statistics, not those of the batch at hand, and the convolution is run once, for it alone."""
    is_alone = network.only_reader(before) is norm and network.uses(before.call.tensor("weight")) <= 1
    return before.kind in _CONVOLUTIONS and is_alone and norm.call.arguments.get("training") is not True


def _not_in_place(network: Network) -> Iterator[Draft]:
    ops = [op for op in _activations(network) if not op.call.written and _is_last_reader(op, network)]
    if ops:
        text = (
            f"{subject(ops, 'activation')} {verb(ops, 'writes', 'write')} to new memory, though nobody else reads the "
            "input."
        )
        edit = "Run them in place (inplace=True): less memory is touched, and none is allocated."
        expected = _gain_in_place(ops, network)
        yield Draft("G4-not-in-place", tuple(ops), text, edit, "G4", True, "in-place", (), expected)


def _gain_in_place(ops: Sequence[CostedOp], network: Network) -> tuple[float, Source] | None:
    """By the ceilings: as a copy into other memory takes longer than an update in place, so do these calls."""
    if network.roofs is None:
        return None
    gain_s = 0.0
    for op in ops:
        now = footprint_of(op.call)
        as_copy_s, as_update_s = network.roofs.memory_s(now), network.roofs.memory_s(now.in_place())
        if 0 < as_update_s < as_copy_s:
            gain_s += (op.time_s or 0.0) * (1 - as_update_s / as_copy_s)
    return gain_s, "calibration"


def _is_last_reader(op: CostedOp, network: Network) -> bool:
    source = op.call.inputs[0]
    before = network.producer(source)
    if before is None or before.call.is_view or len(network.readers(source)) != 1:
        return False
    # The convolution before gave memory of its own, which no other tensor looks into.
    return before.kind in _CONVOLUTIONS or before.call.op == "batch_norm"


def _before_halving(network: Network) -> Iterator[Draft]:
    """Activations of which only a part is read, or the largest of every window."""
    ops, spared_s = [], 0.0
    for op in _activations(network):
        reader = network.only_reader(op)
        kept = None if reader is None else _kept(op, reader)
        if kept is not None:
            ops.append(op)
            spared_s += (op.time_s or 0.0) * (1 - kept)
    if ops:
        text = f"{subject(ops, 'activation')} {verb(ops, 'runs', 'run')} on maps that are made smaller right after."
        edit = "Run them after the pooling or the stride: the same numbers from a smaller map."
        yield Draft("G4-before-halving", tuple(ops), text, edit, "G4", True, expected=(spared_s, "run"))


def _kept(op: CostedOp, reader: CostedOp) -> float | None:
    """The share of the map that is left where the activation could run as well."""
    if reader.call.op.startswith("max_pool") and op.call.op in _MONOTONE and reader.call.outputs:
        after, before = pixels(reader.call.outputs[0]), pixels(reader.call.inputs[0])
        return after / before if 0 < after < before else None
    is_sampling = reader.kind == "pointwise" and max(window(reader.call, "stride")) > 1
    if is_sampling and not any(window(reader.call, "padding", 0)):
        after, before = pixels(reader.call.outputs[0]), pixels(reader.call.inputs[0])
        return after / before if 0 < after < before else None
    return None


def _large_maps(network: Network) -> Iterator[Draft]:
    ops = [
        op
        for op in network.working()
        if op.category is Category.ELEMWISE
        and op.kind in ("activation", "arithmetic")
        and op.call.outputs
        and image_pixels(op.call.outputs[0]) >= LARGE_MAP
    ]
    time_s = time_of(ops)
    if time_s >= MUCH * network.whole:
        text = (
            f"{counted(len(ops), 'activation or addition', 'activations and additions')} on maps of 28 x 28 and more "
            f"({places(ops)}) {verb(ops, 'takes', 'take')} {share_text(time_s, network.whole)} of the "
            f"{network.whole_name}."
        )
        edit = "Leave out those that accuracy does not need: after narrow layers, or every second one."
        yield Draft("G4-large-maps", tuple(ops), text, edit, "G4")


def _gates(network: Network) -> Iterator[Draft]:
    """Squeeze-and-excitation scaling and activations that are more than a comparison."""
    scalings = [op for op in network.working() if op.call.op == "mul" and _scales_channels(op)]
    slow = [op for op in _activations(network) if op.call.op in _SLOW_ACTIVATIONS]
    ops = scalings + slow
    time_s = time_of(ops)
    if time_s < MUCH * network.whole:
        return
    text = (
        f"{counted(len(scalings), 'channel scaling')} and {counted(len(slow), 'smooth activation')} ({places(ops)}) "
        f"take {share_text(time_s, network.whole)} of the {network.whole_name}."
    )
    edit = "Use ReLU on large maps, and gates only in the later, smaller stages (as MobileNetV3 does)."
    yield Draft("G4-gates", tuple(ops), text, edit, "G4")


def _scales_channels(op: CostedOp) -> bool:
    shapes = [spec.shape for spec in op.call.inputs]
    return len(shapes) == 2 and any(len(s) == 4 and s[2:] == (1, 1) for s in shapes) and shapes[0] != shapes[1]


def _activations(network: Network) -> Sequence[CostedOp]:
    return [
        op
        for op in network.working()
        if op.category is Category.ELEMWISE and op.kind == "activation" and len(op.call.inputs) == 1
    ]
