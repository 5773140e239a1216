"""What the states of a GPU before and after say about a measurement."""

from __future__ import annotations

import pytest

from effprof.machine_records import GpuState
from effprof.sensors.gpu_notes import REMEDIES, gpu_notes
from effprof.sensors.nvml import CLOCK_EVENTS


def test_throttling_seen_at_either_end() -> None:
    before = GpuState(clock_events=("sw_power_cap",))
    events = ("gpu_idle", "hw_thermal_slowdown")
    after = GpuState(clock_events=events, sm_clock_hz=1_410_000_000, max_sm_clock_hz=1_980_000_000)
    (note,) = gpu_notes(before, after)
    assert note.code == "gpu-throttled"
    assert note.text == (
        "The GPU held its clocks down (SM clock 1.41 of 1.98 GHz): sw_power_cap, hw_thermal_slowdown."
    )
    assert "nvidia-smi -pl" in note.remedy
    assert "cool down" in note.remedy


@pytest.mark.parametrize("events", [None, (), ("gpu_idle",), ("application_clocks",), ("unknown_0x10000",)])
def test_no_throttling(events: tuple[str, ...] | None) -> None:
    assert gpu_notes(GpuState(clock_events=events), GpuState(clock_events=events)) == ()


def test_other_processes() -> None:
    (one,) = gpu_notes(GpuState(other_processes=0), GpuState(other_processes=1))
    assert (one.code, one.text) == ("gpu-other-processes", "While we measured another process was on the GPU.")
    (many,) = gpu_notes(GpuState(other_processes=3), GpuState(other_processes=None))
    assert many.text == "While we measured 3 other processes were on the GPU."


def test_nothing_told() -> None:
    assert gpu_notes(GpuState(missing={"nvml": "no driver"}), GpuState(missing={"nvml": "no driver"})) == ()


def test_every_remedy_is_for_an_event_that_nvml_names() -> None:
    assert set(REMEDIES) < set(CLOCK_EVENTS)
