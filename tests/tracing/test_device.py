"""Kernels of a live trace, written by hand, under the captured calls that launched them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from small_trace import CONV_KERNEL, UNKNOWN_KERNEL, US, Event, activity, event, launch, op, step, trace

from effprof.importers.decoding import NO_ID
from effprof.importers.reading import read_events
from effprof.importers.stream import Source
from effprof.records import OpCall
from effprof.tracing.device import device_trace_of
from effprof.tracing.join import ExpectedCall, JoinedTrace, join

OTHER_THREAD = 9
CALLS = tuple(
    OpCall(index, name, f"aten::{name}", layer, None, (), (), ())
    for index, (name, layer) in enumerate(
        [("size", ""), ("conv2d", "conv"), ("to", "fc"), ("linear", "fc"), ("view", "")]
    )
)
EXPECTED = tuple(ExpectedCall(call.index, call.aten, call.layer) for call in CALLS if call.op != "size")


def run(number: int, zero: float) -> list[Event]:
    """One run of 100 us: conv2d (kernel 20 us, fill 1 us), to (copy 4 us) within an autocast linear (kernel 10 us),
    view; and a kernel of 5 us from another thread."""
    first = 10 * number
    host = [
        step(number, 0, 100),
        event("cpu_op", "effprof.layer:conv", 1, 20),
        op("aten::conv2d", 2, 19), op("aten::cudnn_convolution", 3, 18),
        launch(first + 1, 4, 5, name="cudaMemsetAsync"), launch(first + 2, 6, 8),
        event("cpu_op", "effprof.layer:fc", 21, 50),
        op("aten::linear", 22, 49), op("aten::to", 23, 30), op("aten::copy_", 24, 29),
        launch(first + 3, 25, 26, name="cudaMemcpyAsync"),
        op("aten::linear", 31, 48), op("aten::addmm", 32, 47), launch(first + 4, 33, 35),
        op("aten::view", 60, 61),
        launch(first + 5, 62, 63, OTHER_THREAD),
    ]  # fmt: skip
    device = [
        activity("Memset (Device)", 10, 11, first + 1, category="gpu_memset"),
        activity(CONV_KERNEL, 12, 32, first + 2),
        activity("Memcpy HtoD (Pageable -> Device)", 33, 37, first + 3, category="gpu_memcpy", bytes=64),
        activity("ampere_sgemm_128x64_tn", 40, 50, first + 4),
        activity(UNKNOWN_KERNEL, 110, 115, first + 5),  # after the run ended, and yet its work
    ]
    return [{**one, "ts": one["ts"] + zero} for one in [*host, *device]]


def joined(*events: Event) -> JoinedTrace:
    return join(read_events(Source(BytesIO(trace([*run(0, 0), *run(1, 1000), *events])))), EXPECTED)


def test_device_time_is_of_the_call_that_launched_it() -> None:
    found = joined()
    # conv2d, to, linear, view
    assert found.device_times_s() / US == pytest.approx(np.array([[21, 4, 10, 0], [21, 4, 10, 0]]))
    assert found.unlinked_s() / US == pytest.approx(np.array([5, 5]))
    calls = sorted(zip(found.events.device.start.tolist(), found.activity_call.tolist(), strict=True))
    assert [call for _, call in calls] == [1, 1, 2, 3, NO_ID] * 2


def test_a_kernel_is_of_the_run_that_launched_it_whenever_it_ran() -> None:
    stray = activity("stray(int)", 500, 501)
    found = joined(stray)
    runs = sorted(zip(found.events.device.start.tolist(), found.activity_run.tolist(), strict=True))
    assert [run for _, run in runs] == [0] * 5 + [NO_ID] + [1] * 5


def test_the_record_names_captured_calls_and_adds_others() -> None:
    record, calls = device_trace_of(joined(), CALLS)
    assert calls[: len(CALLS)] == CALLS
    assert [call.index for call in calls] == list(range(len(calls)))
    rows = [(record.names[a.name], calls[a.call].op, calls[a.call].layer) for a in record.activities[:5]]
    assert rows == [
        ("Memset (Device)", "Memset (Device)", "conv"),
        (CONV_KERNEL, "conv2d", "conv"),
        ("Memcpy HtoD (Pageable -> Device)", "Memcpy HtoD (Pageable -> Device)", "fc"),
        ("ampere_sgemm_128x64_tn", "linear", "fc"),
        (UNKNOWN_KERNEL, "frobnicate", ""),
    ]
    added = {call.op: call.count for call in calls[len(CALLS) :]}
    assert added == {"Memset (Device)": 2, "Memcpy HtoD (Pageable -> Device)": 2, "frobnicate": 2}
    assert [(one.number, one.time_s / US) for one in record.steps] == [(0, pytest.approx(100)), (1, pytest.approx(100))]
    assert record.activities[1].launched_s == pytest.approx(-2 * US)  # at 8, counted from the first activity at 10
    assert [(one.rank, one.number) for one in record.devices] == [(0, 0)]


def test_without_layers_the_record_is_the_same_but_for_the_layers_of_what_was_added() -> None:
    events = read_events(Source(BytesIO(trace([one for one in run(0, 0) if "effprof.layer" not in one["name"]]))))
    found = join(events, tuple(replace(one, layer="?") for one in EXPECTED), check_layers=False)
    record, calls = device_trace_of(found, CALLS)
    kernels = [a for a in record.activities if a.kind == "kernel"]
    assert [calls[a.call].op for a in kernels] == ["conv2d", "linear", "frobnicate"]


def test_a_trace_of_the_host_alone_has_no_such_record() -> None:
    host = [one for one in run(0, 0) if one["cat"] in ("cpu_op", "user_annotation")]
    found = join(read_events(Source(BytesIO(trace(host)))), EXPECTED)
    assert found.attribution is None
    assert found.device_times_s().tolist() == [[0, 0, 0, 0]]
    assert found.unlinked_s().tolist() == [0]
    with pytest.raises(ValueError, match="no device activities"):
        device_trace_of(found, CALLS)
