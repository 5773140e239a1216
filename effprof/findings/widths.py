"""Channel widths that this device's kernels do not like, seen by the rates of the network's other convolutions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from math import prod

from effprof.finding_records import Source
from effprof.findings.drafting import Draft, subject, verb
from effprof.findings.network import Network, image_pixels, weight_shape, window
from effprof.findings.twins import BLOCK, filled
from effprof.records import CostedOp

ALIKE = 4.0
"""Maps of up to so many times as many places have much the same rate."""
NEAR = 2.0
"""So have widths of up to so many times as many channels; far wider layers use what they have read far more often."""
LEAST_GAIN = 0.1
"""Of a convolution's time: less is within what its rate scatters by."""


def drafts(network: Network) -> Iterator[Draft]:
    if not network.is_timed:
        return
    plain = [op for op in network.working() if _is_plain(op)]
    full = [op for op in plain if _fills(op)]
    judged = [(op, _gain_s(op, full)) for op in plain if not _fills(op)]
    gaining = [(op, gain_s) for op, gain_s in judged if gain_s is not None and gain_s >= LEAST_GAIN * _time_s(op)]
    if not gaining:
        return
    ops = tuple(op for op, _ in gaining)
    widths = sorted({width for op in ops for width in weight_shape(op.call)[:2] if width % BLOCK})
    shown = ", ".join(map(str, widths[:3])) + (" ..." if len(widths) > 3 else "")
    text = (
        f"{subject(ops, 'convolution')} of {shown} channels {verb(ops, 'takes', 'take')} longer for a multiply-add "
        f"than those of multiples of {BLOCK}: the next multiple would be faster in spite of more work."
    )
    edit = f"Round the widths up to multiples of {BLOCK}; `effprof cliffs --layer` shows which neighbours are free."
    expected: tuple[float, Source] = (sum(gain_s for _, gain_s in gaining), "run")
    yield Draft("width-cliff", ops, text, edit, expected=expected)


def _is_plain(op: CostedOp) -> bool:
    """One group, more than one place, and more channels than a stem has."""
    widths = weight_shape(op.call)[:2]
    has_map = bool(op.call.outputs) and len(op.call.outputs[0].shape) == 4 and image_pixels(op.call.outputs[0]) > 1
    return op.call.op == "conv2d" and op.kind in ("pointwise", "dense") and min(widths, default=0) >= BLOCK and has_map


def _fills(op: CostedOp) -> bool:
    return not any(width % BLOCK for width in weight_shape(op.call)[:2])


def _gain_s(op: CostedOp, full: Sequence[CostedOp]) -> float | None:
    """At the next multiples, at the median rate of those alike; None where there is none."""
    rates = [(other.cost.mult_adds or 0) / _time_s(other) for other in full if _time_s(other) > 0 and _alike(op, other)]
    widths = weight_shape(op.call)[:2]
    if not rates or op.cost.mult_adds is None or statistics.median(rates) <= 0:
        return None
    work = op.cost.mult_adds * prod(map(filled, widths)) / prod(widths)
    return _time_s(op) - work / statistics.median(rates)


def _alike(op: CostedOp, other: CostedOp) -> bool:
    places, others = image_pixels(op.call.outputs[0]), image_pixels(other.call.outputs[0])
    widths = zip(weight_shape(op.call)[:2], weight_shape(other.call)[:2], strict=True)
    is_near = all(max(pair) <= NEAR * min(pair) for pair in widths)
    return _form(op) == _form(other) and is_near and max(places, others) <= ALIKE * min(places, others)


def _form(op: CostedOp) -> tuple[object, ...]:
    geometry = tuple(window(op.call, name) for name in ("stride", "dilation"))
    return weight_shape(op.call)[2:], geometry, op.call.outputs[0].dtype, op.call.backend


def _time_s(op: CostedOp) -> float:
    return op.time_s or 0.0
