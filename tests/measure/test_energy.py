"""Energy of one run: a planted counter, a planted clock, and every way to have no figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.measure.energy import WINDOW_S, measure_energy, start_meter
from effprof.records import Energy
from effprof.sensors import SensorSilent
from effprof.sensors.powercap import FOLDER, PowercapMeter


class Machine:
    """A clock, a counter and a network that takes `run_s` seconds and `run_j` joules a run."""

    input_shape, spans, timer = ((1,),), (), "planned"

    def __init__(self, run_s: float, run_j: float, interrupted_at: int | None = None) -> None:
        self.run_s, self.run_j, self.interrupted_at = run_s, run_j, interrupted_at
        self.now_s = self.counter_j = 0.0
        self.runs = self.let_go = 0

    def plain(self) -> PlainRun:
        if self.runs == self.interrupted_at:
            raise KeyboardInterrupt
        self.runs += 1
        self.now_s += self.run_s
        self.counter_j += self.run_j
        return PlainRun(self.run_s, None)

    def timed(self) -> TimedRun:
        raise AssertionError("energy is of plain runs")

    def span_cost(self) -> SpanCost:
        raise AssertionError("energy is of plain runs")

    def clock(self) -> float:
        return self.now_s


class Counter:
    source = "planned"

    def __init__(self, machine: Machine, broken: bool = False) -> None:
        self.machine, self.broken, self.started_j = machine, broken, machine.counter_j

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *error: object) -> None:
        self.machine.let_go += 1

    def stop_j(self) -> float:
        if self.broken:
            raise SensorSilent("the counter fell silent")
        return self.machine.counter_j - self.started_j


def measured(machine: Machine, min_time_s: float = WINDOW_S, broken: bool = False) -> Energy:
    return measure_energy(machine, lambda: Counter(machine, broken), min_time_s, machine.clock)


def test_energy_of_one_run() -> None:
    machine = Machine(run_s=0.25, run_j=3.0)
    assert measured(machine) == Energy(3.0, 5.0, 20, "planned", None)


def test_a_run_longer_than_the_window() -> None:
    assert measured(Machine(run_s=7.0, run_j=100.0)) == Energy(100.0, 7.0, 1, "planned", None)


def test_too_short_a_measurement_runs_nothing() -> None:
    machine = Machine(0.25, 3.0)
    energy = measured(machine, min_time_s=1.0)
    assert energy == Energy(
        None, reason="energy takes a window of 5 s, and --min-time is 1 s: give --min-time 5 or more"
    )
    assert machine.runs == 0


def test_without_a_counter_nothing_is_run() -> None:
    machine = Machine(0.25, 3.0)

    def none() -> Counter:
        raise SensorSilent("there is none")

    assert measure_energy(machine, none, WINDOW_S, machine.clock) == Energy(None, reason="there is none")
    assert machine.runs == 0


def test_a_counter_that_falls_silent() -> None:
    assert measured(Machine(0.25, 3.0), broken=True) == Energy(None, reason="the counter fell silent")


def test_an_interrupt_leaves_no_figure_and_no_open_counter() -> None:
    machine = Machine(0.25, 3.0, interrupted_at=7)
    assert measured(machine) == Energy(None, reason="interrupted")
    assert machine.let_go == 1


@pytest.mark.parametrize(
    ("device", "emulated", "reason"),
    [
        ("fake", None, "make-believe"),
        ("fake:plan.json", None, "make-believe"),
        ("cpu", "programs are told aarch64", "counters are of the machine below"),
    ],
)
def test_devices_without_a_counter(device: str, emulated: str | None, reason: str) -> None:
    with pytest.raises(SensorSilent, match=reason):
        start_meter(device, emulated)


@pytest.mark.parametrize(("device", "ordinal"), [("cuda", 0), ("cuda:1", 1)])
def test_a_gpu_is_asked_for_its_own_counter(device: str, ordinal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effprof.measure.energy.GpuMeter", lambda number, uuid: f"meter of cuda:{number} {uuid}")
    assert start_meter(device, None, "77") == f"meter of cuda:{ordinal} 77"


def test_a_package_counter_end_to_end(tmp_path: Path) -> None:
    zone = tmp_path / FOLDER / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("100000000\n")
    (zone / "energy_uj").write_text("90000000\n")

    class Counted(Machine):
        def plain(self) -> PlainRun:
            run = super().plain()
            (zone / "energy_uj").write_text(f"{round(90e6 + self.counter_j * 1e6) % 100_000_000}\n")
            return run

    machine = Counted(run_s=0.5, run_j=2.0)
    energy = measure_energy(machine, lambda: PowercapMeter(tmp_path), WINDOW_S, machine.clock)
    assert energy.energy_j == pytest.approx(2.0, rel=1e-12)
    assert (energy.window_s, energy.runs, energy.source) == (5.0, 10, "powercap")
