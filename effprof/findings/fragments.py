"""G3, little fragmentation: siblings that could be one convolution, and time between calls instead of in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from effprof.cost.tensors import tensor_bytes
from effprof.finding_records import Source
from effprof.findings.drafting import Draft, places, share_text, verb
from effprof.findings.network import Network, weight_shape, window
from effprof.records import CostedOp, TensorSpec
from effprof.units import counted

MUCH_OVERHEAD = 0.15
"""Of the latency."""


def drafts(network: Network) -> Iterator[Draft]:
    yield from _siblings(network)
    yield from _small_ops(network)


def sibling_groups(network: Network) -> list[tuple[CostedOp, ...]]:
    """Convolutions of one group that read the same tensor through windows of the same shape."""
    groups: dict[tuple[object, ...], list[CostedOp]] = defaultdict(list)
    for op in network.working():
        if op.kind in ("pointwise", "dense") and op.call.inputs:
            geometry = (*(window(op.call, name) for name in ("stride", "dilation")), _padding(op))
            groups[(_input(op).id, weight_shape(op.call)[2:], geometry)].append(op)
    return [tuple(ops) for ops in groups.values() if len(ops) > 1]


def _siblings(network: Network) -> Iterator[Draft]:
    groups = sibling_groups(network)
    if not groups:
        return
    ops = tuple(op for group in groups for op in group)
    text = (
        f"{counted(len(ops), 'convolution')} ({places(ops)}) read the same input as a sibling of the same shape, in "
        f"{counted(len(groups), 'group')}: each group could be one wider convolution."
    )
    edit = "Merge each group into one convolution and split its output (the same numbers)."
    bytes_per_s = network.moved_bytes_per_s
    expected: tuple[float, Source] | None = None
    if bytes_per_s is not None:
        spared = [(len(group) - 1, tensor_bytes(_input(group[0]))) for group in groups]
        gain_s = sum(times * (size / bytes_per_s + network.overhead_per_call_s) for times, size in spared)
        expected = (gain_s, "run")
    evidence = (("groups_of_siblings", len(groups)),)
    yield Draft("G3-siblings", ops, text, edit, "G3", True, "merge-siblings", evidence, expected)


def _small_ops(network: Network) -> Iterator[Draft]:
    working = list(network.working())
    share = network.overhead_s / network.whole
    if share < MUCH_OVERHEAD or not working:
        return
    small = [op for op in working if (op.time_s or 0.0) < network.overhead_per_call_s]
    per_call_us = network.overhead_per_call_s * 1e6
    part = share_text(network.overhead_s, network.whole)
    calls = counted(len(working), "call")
    text = f"{part} of the {network.whole_name} is between the {calls}, {per_call_us:.0f} µs for each"
    if small:
        themselves = verb(small, "itself", "themselves")
        text += f"; {counted(len(small), 'call')} {verb(small, 'takes', 'take')} less than that {themselves}"
    edit = "Use fewer, larger operators: merge branches, fold batch-norms, raise the batch, or compile the network."
    evidence = (("overhead_s", network.overhead_s), ("overhead_per_call_s", network.overhead_per_call_s))
    yield Draft(
        "G3-small-ops", tuple(small or working), f"{text}.", edit, "G3", evidence=evidence,
        at_stake_s=network.overhead_s, time_s=network.overhead_s,
    )  # fmt: skip


def _padding(op: CostedOp) -> object:
    given = op.call.arguments.get("padding")
    return given if isinstance(given, str) else window(op.call, "padding")


def _input(op: CostedOp) -> TensorSpec:
    return op.call.inputs[0]
