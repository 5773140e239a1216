"""Memory that activations need at once, from the recorded order of calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effprof.cost.tensors import tensor_bytes
from effprof.records import OpCall

_KEPT_ROLES = ("parameter", "buffer")


def peak_activation_bytes(calls: Sequence[OpCall]) -> int:
    """The most bytes of inputs and activations alive during any call; weights and buffers are not counted.

    A storage lives from the call that first gives it (an input of the network: from the start) to the last call that
    reads it. What no call reads is held to be the network's result and lives to the end, save the second and further
    outputs of a call, such as the indices of a pooling, which nobody keeps. Its size is that of the largest tensor in
    it. Scratch memory inside operators is not seen.
    """
    changes = [0] * (len(calls) + 1)
    for size, first, last in _lifetimes(calls):
        changes[first] += size
        changes[last + 1] -= size
    live = peak = 0
    for change in changes:
        live += change
        peak = max(peak, live)
    return peak


def _lifetimes(calls: Sequence[OpCall]) -> Iterator[tuple[int, int, int]]:
    """(bytes, first call, last call) of every storage that is no weight."""
    sizes: dict[int, int] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    weights: set[int] = set()
    results: set[int] = set()
    for position, call in enumerate(calls):
        for spec in (*call.inputs, *call.outputs):
            sizes[spec.storage] = max(sizes.get(spec.storage, 0), tensor_bytes(spec))
            if spec.role in _KEPT_ROLES:
                weights.add(spec.storage)
        for spec in call.inputs:
            first.setdefault(spec.storage, 0)
            last[spec.storage] = position
            results.discard(spec.storage)
        for spec in call.outputs:
            first.setdefault(spec.storage, position)
            last[spec.storage] = position
        if call.outputs:
            results.add(call.outputs[0].storage)
    for storage in sizes.keys() - weights:
        yield sizes[storage], first[storage], len(calls) - 1 if storage in results else last[storage]
