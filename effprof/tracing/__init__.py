"""Live traces: torch.profiler around runs of the user's network, and whose work each event of them is.

The profiler tells no shapes (recording them would lengthen every op), and the capture pass no times. So both are made
and joined: every op of the trace must be the next call of the capture pass, by name and layer, or it is an error. The
trace is read and attributed by `importers`, as a recorded one is; what has no torch in it (`join`, `device`) is tested
on traces written by hand.
"""

from __future__ import annotations

from effprof.tracing.device import device_trace_of
from effprof.tracing.expected import expected_calls
from effprof.tracing.join import ExpectedCall, JoinedRun, JoinedTrace, join
from effprof.tracing.session import trace_runs

__all__ = [
    "ExpectedCall",
    "JoinedRun",
    "JoinedTrace",
    "device_trace_of",
    "expected_calls",
    "join",
    "trace_runs",
]
