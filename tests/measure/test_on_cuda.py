"""What is made ready for a GPU, and what is read from its traces, as far as no GPU is needed."""

from __future__ import annotations

from io import BytesIO

import pytest
import torch
from small_trace import activity, launch, op, step, trace
from torch import nn

from effprof.capture import Inputs
from effprof.importers.reading import read_events
from effprof.importers.stream import Source
from effprof.measure.guard import left_as_found
from effprof.measure.on_cuda import PROFILED_RUNS, _how_many, _runs_of, moved
from effprof.measure.prepare import with_setting
from effprof.measure.rounds import Limits
from effprof.records import RunSpec
from effprof.tracing import ExpectedCall, JoinedTrace, join

META = torch.device("meta")


@pytest.mark.parametrize("settings", [{}, {"precision": "fp16"}, {"channels_last": True}])
def test_a_network_is_moved_on_a_copy(settings: dict[str, object]) -> None:
    """Meta stands for the GPU: another device that the network is not on."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    inputs = Inputs((torch.zeros(1, 3, 8, 8),))
    spec = RunSpec("net", **settings)  # type: ignore[arg-type]
    with left_as_found(network):
        there, moved_inputs = moved(*with_setting(network, inputs, spec), META)
        assert {tensor.device.type for tensor in there.state_dict().values()} == {"meta"}
        assert {tensor.device.type for tensor in moved_inputs.tensors()} == {"meta"}
        moved_inputs.run(there)
    assert there is not network
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"cpu"}


def test_a_network_that_is_there_is_taken_as_it_is() -> None:
    network = nn.Conv2d(3, 4, 3, device="meta")
    there, _ = moved(network, Inputs((torch.zeros(1, 3, 8, 8),)), META)
    assert there is network


@pytest.mark.parametrize(
    ("run_s", "max_time_s", "runs"),
    [(0.001, 5.0, PROFILED_RUNS), (1.0, 5.0, 5), (60.0, 5.0, 3), (0.0, 5.0, PROFILED_RUNS)],
)
def test_how_many_runs_are_profiled(run_s: float, max_time_s: float, runs: int) -> None:
    assert _how_many(Limits(max_time_s=max_time_s), run_s) == runs


def joined(record: str) -> JoinedTrace:
    """Two runs of one relu; the event before each is recorded 30 us after the run's range has begun, in 2 us."""
    events = []
    for number, began in enumerate((0.0, 1000.0)):
        events += [
            step(number, began, began + 500), launch(10 + number, began + 30, began + 32, name=record),
            op("aten::relu", began + 40, began + 60), launch(20 + number, began + 50, began + 55),
            activity("relu_kernel", began + 70, began + 90, 20 + number),
            launch(30 + number, began + 65, began + 66, name=record),
        ]  # fmt: skip
    expected = (ExpectedCall(0, "aten::relu", ""),)
    return join(read_events(Source(BytesIO(trace(events)))), expected, check_layers=False)


@pytest.mark.parametrize(
    ("record", "starts_us"),
    [
        ("cudaEventRecord", (-38.0, 962.0)),
        ("cudaEventRecordWithFlags", (-38.0, 962.0)),
        ("somethingElse", (-70.0, 930.0)),  # not recorded: the range's beginning is the best that is known
    ],
)
def test_a_run_begins_with_its_event(record: str, starts_us: tuple[float, float]) -> None:
    runs = tuple(_runs_of(joined(record)))
    assert [run.start_s * 1e6 for run in runs] == pytest.approx(starts_us)
    assert [run.end_s * 1e6 for run in runs] == pytest.approx((430.0, 1430.0))
