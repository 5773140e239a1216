"""What an accelerator did in a live trace, as the record that imported traces fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from effprof.device_records import DeviceTrace
from effprof.importers.calls import CallTable
from effprof.importers.decoding import NO_ID
from effprof.importers.events import Ints, TraceEvents
from effprof.importers.profile import device_trace_of_process
from effprof.records import OpCall
from effprof.tracing.join import JoinedTrace


def device_trace_of(joined: JoinedTrace, calls: Sequence[OpCall]) -> tuple[DeviceTrace, tuple[OpCall, ...]]:
    """All device activities of a trace, kernels under the captured calls that launched them.

    Copies and fills, and kernels that no captured call launched, get calls of their own, as in imported traces.

    Args:
        calls: of the capture pass, in order.

    Returns:
        The record, and `calls` followed by those that were added.

    Raises ValueError for a trace without device activities.
    """
    if joined.attribution is None:
        raise ValueError("the trace holds no device activities")
    table = _CapturedCalls(calls, joined.call_of_op)
    captured = np.where(joined.activity_call != NO_ID, joined.attribution.innermost, NO_ID)
    trace = device_trace_of_process(joined.events, replace(joined.attribution, op=captured), table)
    return trace, table.calls()


class _CapturedCalls(CallTable):
    """An op of the trace is (part of) a captured call, whose index is known."""

    def __init__(self, calls: Sequence[OpCall], call_of_op: Ints) -> None:
        super().__init__(calls)
        self._call_of_op = call_of_op

    def of_op(self, events: TraceEvents, op: int, is_backward: bool, layer: str) -> int:
        return int(self._call_of_op[op])
