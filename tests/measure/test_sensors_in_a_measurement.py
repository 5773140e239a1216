"""Sensors in a whole measurement: a planted counter and a planted GPU, and what the report says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_profile import TIMED
from torch import nn

import effprof
from effprof.machine_records import GpuState
from effprof.measure import energy as energy_module
from effprof.measure.environment import GpuWatch


class Counter:
    """Six joules, whatever ran."""

    source = "planned"

    def __init__(self, device: str, emulated: str | None, uuid: str | None) -> None:
        assert (device, uuid) == ("cpu", None)

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def stop_j(self) -> float:
        return 6.0


def measured(min_time: float) -> effprof.Report:
    return effprof.profile(nn.ReLU(), torch.zeros(8), min_time=min_time, max_time=0.2, warmup=1)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy_module, "WINDOW_S", 0.05)
    monkeypatch.setattr("effprof.measure.session.start_meter", Counter)


@pytest.mark.usefixtures("counted")
def test_energy_reaches_the_report() -> None:
    report = measured(min_time=0.05)
    energy = report.to_dict()["energy"]
    assert energy["energy_j"] * energy["runs"] == pytest.approx(6.0)
    assert energy["mean_power_w"] * energy["window_s"] == pytest.approx(6.0)
    assert energy["window_s"] >= 0.05
    assert energy["reason"] is None
    assert not report.profile.partial
    assert "a run" in next(line for line in report.text().splitlines() if line.startswith("  energy"))


@pytest.mark.usefixtures("counted")
def test_a_short_measurement_says_how_to_get_energy() -> None:
    energy = measured(min_time=0.01).to_dict()["energy"]
    assert energy["energy_j"] is None
    assert "give --min-time 0.05 or more" in energy["reason"]


@pytest.mark.usefixtures("counted")
def test_an_interrupt_during_the_window_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Counter) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Counter, "stop_j", interrupted)
    report = measured(min_time=0.05)
    assert report.profile.partial
    assert report.analysis.latency is not None
    assert report.to_dict()["energy"]["reason"] == "interrupted"


def test_a_gpu_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [GpuState(clock_events=()), GpuState(clock_events=("sw_power_cap",), other_processes=1)]
    asked = []

    def state(ordinal: int, uuid: str | None = None, holds_context: bool = False) -> GpuState:
        asked.append((ordinal, uuid, holds_context))
        return states[len(asked) - 1]

    monkeypatch.setattr("effprof.measure.environment.gpu_state", state)
    environment, notes = GpuWatch("cuda:1", "77").finish(TIMED.environment)
    assert asked == [(1, "77", True), (1, "77", True)]
    assert environment == replace(TIMED.environment, gpu_before=states[0], gpu_after=states[1])
    assert [note.code for note in notes] == ["gpu-throttled", "gpu-other-processes"]


@pytest.mark.parametrize("device", ["cpu", "fake", "fake:plan.json"])
def test_no_gpu_is_asked_about_other_devices(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effprof.measure.environment.gpu_state", lambda *_, **__: pytest.fail("asked"))
    assert GpuWatch(device).finish(TIMED.environment) == (TIMED.environment, ())
