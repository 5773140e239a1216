"""Copies that change nothing, and channel shuffles that are written out between concatenation and split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effprof.analyze.arrangement import identity
from effprof.analyze.data_flow import sources
from effprof.analyze.shuffle import MAX_ORIGINS, Descent, Family, descend, with_itself
from effprof.finding_records import Source
from effprof.findings.drafting import Draft, share_text, subject, verb
from effprof.findings.network import Network, time_of
from effprof.records import Category, CostedOp, OpCall, TensorSpec


def drafts(network: Network) -> Iterator[Draft]:
    yield from _redundant(network)
    yield from _shuffles(network)


def _redundant(network: Network) -> Iterator[Draft]:
    """The last copy on each way that leads back to an ancestor: same elements, places in memory and type."""
    returned = dict(_returns([op.call for op in network.ops]))
    ops = [op for op in network.working() if op.call.index in returned and op.category is not Category.SHUFFLE]
    ops = [op for op in ops if _may_share(op, returned[op.call.index], network)]
    if not ops:
        return
    text = (
        f"{subject(ops, 'copy', 'copies')} {verb(ops, 'brings', 'bring')} a tensor to the shape, order and type that "
        "it already had before."
    )
    edit = "Leave out the copy, or both of the conversions there and back."
    expected: tuple[float, Source] = (network.time_without(ops), "run")
    yield Draft("copies-redundant", tuple(ops), text, edit, None, True, "drop-copies", (), expected)


def _returns(calls: Sequence[OpCall]) -> Iterator[tuple[int, TensorSpec]]:
    """(index of a copy, the ancestor that its output equals)."""
    families: dict[int, Family] = {}
    for call in calls:
        parents = [with_itself(source, families.get(source.id, ())) for source in sources(call)]
        for position, output in enumerate(call.outputs if parents else ()):
            family = tuple(descend(call, position, parents))[:MAX_ORIGINS]
            families[output.id] = family
            same = [descent.origin for descent in family if _is_equal(descent, output)]
            if same and not call.is_view and len(call.outputs) == 1 and not call.written:
                yield call.index, same[0]


def _is_equal(descent: Descent, output: TensorSpec) -> bool:
    origin = descent.origin
    alike = (origin.shape, origin.strides, origin.dtype) == (output.shape, output.strides, output.dtype)
    return alike and descent.arrangement == identity(origin.shape)


def _may_share(op: CostedOp, ancestor: TensorSpec, network: Network) -> bool:
    """Nobody writes into the copy or into what it is a copy of; else the copy is needed."""
    return not any(_is_written(spec, network) for spec in (op.call.outputs[0], ancestor))


def _is_written(spec: TensorSpec, network: Network) -> bool:
    return any(
        any(reader.call.inputs[at].storage == spec.storage for at in reader.call.written)
        for reader in network.readers(spec)
    )


def _shuffles(network: Network) -> Iterator[Draft]:
    ops = [op for op in network.working() if op.category is Category.SHUFFLE]
    if ops:
        text = (
            f"{subject(ops, 'channel shuffle')} {verb(ops, 'is', 'are')} written out in memory: "
            f"{share_text(time_of(ops), network.whole)} of the {network.whole_name} for moving channels."
        )
        edit = "Give the next layer's weights the shuffled order, or shuffle where a concatenation writes anyway."
        yield Draft("G4-shuffle-copies", tuple(ops), text, edit, "G4")
