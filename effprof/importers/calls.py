"""The calls of a trace: one for each op that launched something, and one for what has no op and is alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from effprof.analyze.kernel_names import kernel_name, short_name
from effprof.device_records import ActivityKind
from effprof.importers.events import TraceEvents
from effprof.importers.shapes import OperandTable
from effprof.records import OpCall


class CallTable:
    """Hands out the index of the call that an activity belongs to; made call by call in the order of activities."""

    def __init__(self, known: Sequence[OpCall] = ()) -> None:
        """`known` come first, under the indices that they have."""
        self._operands = OperandTable()
        self._calls: list[OpCall] = list(known)
        self._counts: list[int] = [call.count for call in known]
        self._known: dict[tuple[object, ...], int] = {}
        self._events: TraceEvents | None = None
        self._by_op: list[int | None] = []

    def of_op(self, events: TraceEvents, op: int, is_backward: bool, layer: str) -> int:
        """The call of one op of a process; its kernels, however many, are its work. One process after the other."""
        if events is not self._events:
            self._events, self._by_op = events, [None] * len(events.ops)
        index = self._by_op[op]
        if index is None:
            index = self._by_op[op] = len(self._calls)
            aten, recorded = events.names[events.ops.name[op]], int(events.details.tensors[op])
            operands = self._operands.operands(aten, events.tensors[recorded] if recorded >= 0 else None)
            self._add(
                OpCall(
                    index=index,
                    op=operands.op,
                    aten=aten,
                    layer=layer,
                    source=None,
                    inputs=operands.inputs,
                    input_names=operands.input_names,
                    outputs=operands.outputs,
                    arguments=operands.arguments,
                    written=operands.written,
                    direction="backward" if is_backward else "forward",
                    tensors=operands.state,
                )
            )
        return index

    def of_activity(self, name: str, kind: ActivityKind, around: str, is_backward: bool, layer: str) -> int:
        """The call that stands for a kernel without a known op, or a copy or fill, together with others alike.

        Args:
            around: the unknown op around its launch, empty where there is none.
        """
        is_backward = is_backward or (kind == "kernel" and not around and kernel_name(name).is_backward)
        key = (name, kind, around, is_backward, layer)
        index = self._known.get(key)
        if index is not None:
            self._counts[index] += 1
            return index
        index = self._known[key] = len(self._calls)
        self._add(
            OpCall(
                index=index,
                op=short_name(name) if kind == "kernel" else name,
                aten=around if kind == "kernel" else "",
                layer=layer,
                source=None,
                inputs=(),
                input_names=(),
                outputs=(),
                direction="backward" if is_backward else "forward",
                tensors="unknown",
            )
        )
        return index

    @property
    def lacks_inputs(self) -> bool:
        """Inputs of some calls were recorded and are not kept, because there are too many different ones."""
        return self._operands.is_full

    def calls(self) -> tuple[OpCall, ...]:
        """All calls, in order."""
        counted = zip(self._calls, self._counts, strict=True)
        return tuple(call if count == call.count else replace(call, count=count) for call, count in counted)

    def _add(self, call: OpCall) -> None:
        self._calls.append(call)
        self._counts.append(1)
