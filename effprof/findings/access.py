"""G1, equal channel widths: 1x1 convolutions whose traffic is far from the least that the work needs.

Equation (1) of Ma et al. 2018: of all c1 and c2 with the same mult_adds B = hw c1 c2, c1 = c2 reads and writes least.
"""

from __future__ import annotations

from collections.abc import Iterator

from effprof.finding_records import Source
from effprof.findings.drafting import Draft, places
from effprof.findings.expectations import access_over_bound
from effprof.findings.network import Network, is_plain_pointwise, pixels, time_of, weight_shape
from effprof.records import Category, CostedOp
from effprof.units import counted

FAR = 1.15
"""Access over its bound from which a layer counts: widths from about 1:3 on, at large maps."""


def drafts(network: Network) -> Iterator[Draft]:
    far = [op for op in network.working() if is_plain_pointwise(op) and over_bound(op) >= FAR]
    paired = {op.call.index for widening in far for op in narrow_wide_pair(widening, network)}
    yield from _draft(
        network,
        "G1-narrow-wide",
        [op for op in far if op.call.index in paired],
        "widening and narrowing again, as in inverted residuals",
        "Use a smaller expansion at the same work, or a block that keeps its width (as ShuffleNetV2's).",
    )
    yield from _draft(
        network,
        "G1-unequal-widths",
        [op for op in far if op.call.index not in paired],
        "with input and output widths far apart",
        "Bring the two widths together at the same work: both at the root of their product.",
    )


def over_bound(op: CostedOp) -> float:
    outputs, inputs = weight_shape(op.call)[:2]
    return access_over_bound(pixels(op.call.outputs[0]), inputs, outputs)


def narrow_wide_pair(widening: CostedOp, network: Network) -> tuple[CostedOp, ...]:
    """(widening, narrowing): a 1x1 convolution to more channels and the one that takes them back.

    In between lie only depthwise convolutions and element-wise calls, one after another. Empty when there is none.
    """
    outputs, inputs = weight_shape(widening.call)[:2]
    if outputs <= inputs:
        return ()
    following = network.only_reader(widening)
    while following is not None and _is_between(following):
        following = network.only_reader(following)
    if following is None or not is_plain_pointwise(following):
        return ()
    back, middle = weight_shape(following.call)[:2]
    return (widening, following) if middle == outputs and back < middle else ()


def _is_between(op: CostedOp) -> bool:
    return op.kind == "depthwise" or op.category is Category.ELEMWISE


def _draft(network: Network, code: str, ops: list[CostedOp], what: str, edit: str) -> Iterator[Draft]:
    if not ops:
        return
    gains = [network.slowdowns.gain_s("G1", over_bound(op), op.time_s or 0.0) for op in ops]
    known = [gain for gain in gains if gain is not None]
    if not known:
        return
    expected: tuple[float, Source] = (sum(gain_s for gain_s, _ in known), known[0][1])
    worst = max(ops, key=over_bound)
    outputs, inputs = weight_shape(worst.call)[:2]
    mean = sum(over_bound(op) * (op.time_s or 0.0) for op in ops) / (time_of(ops) or 1.0)
    text = (
        f"{counted(len(ops), '1x1 convolution')} {what} ({places(ops)}; up to {inputs} to {outputs} channels), "
        f"moving {mean:.2f} times the least memory that their work needs."
    )
    yield Draft(code, tuple(ops), text, edit, "G1", evidence=(("access_over_bound", mean),), expected=expected)
