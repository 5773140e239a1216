"""What the machine told, in the report: energy, cores, instruction set, emulation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from figure_texts import shown_texts
from small_profile import ROUND, TIMED
from small_sweep import planned_sweep

from effprof.analyze import analyze
from effprof.analyze.energy import energy_of, mean_power_w
from effprof.errors import BadFileError
from effprof.guidelines import judge
from effprof.machine_records import CoreGroup, CpuState, Temperature
from effprof.records import DeviceInfo, Energy, Profile, Round
from effprof.report import Report
from effprof.report.chart import build_figure
from effprof.report.guidelines_chart import build_guidelines_figure
from effprof.report.guidelines_text import render_guidelines_text
from effprof.report.text import TextStyle, render_comparison, render_text
from effprof.store import dumps_profile, loads_profile

COUNTED = Energy(0.5, 5.0, 100, "powercap")


def with_energy(*energies: Energy | None) -> Profile:
    return replace(TIMED, rounds=tuple(replace(ROUND, energy=energy) for energy in energies))


def report_of(profile: Profile) -> Report:
    return Report(profile, analyze(profile))


def test_energy_of_one_round() -> None:
    content = report_of(with_energy(COUNTED)).to_dict()["energy"]
    assert content == {
        "energy_j": 0.5,
        "mean_power_w": 10.0,  # 100 runs of half a joule in five seconds
        "window_s": 5.0,
        "runs": 100,
        "source": "powercap",
        "reason": None,
    }


def test_energy_of_several_rounds() -> None:
    rounds = with_energy(COUNTED, Energy(0.9, 6.0, 50, "powercap"), Energy(0.6, 5.0, 90, "powercap"), None).rounds
    assert energy_of(rounds) == Energy(0.6, 16.0, 240, "powercap")
    assert mean_power_w(energy_of(rounds)) == pytest.approx(0.6 * 240 / 16.0)


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ((), "nothing was run here"),
        ((ROUND,), "not recorded when this was measured"),
        ((replace(ROUND, energy=Energy(None, reason="no counter")), ROUND), "no counter"),
    ],
)
def test_no_energy_has_a_reason(rounds: tuple[Round, ...], reason: str) -> None:
    assert energy_of(rounds) == Energy(None, reason=reason)
    assert mean_power_w(energy_of(rounds)) is None


def test_power_beyond_all_numbers_is_unknown() -> None:
    assert mean_power_w(Energy(1e308, 1e-300, 10, "powercap")) is None


@pytest.mark.parametrize("bad", [Energy(-1.0, 5.0, 10, "x"), Energy(1.0, -5.0, 10, "x")])
def test_energy_below_nothing_is_refused(bad: Energy) -> None:
    with pytest.raises(ValueError, match="in its energy"):
        dumps_profile(with_energy(bad))
    data = dumps_profile(with_energy(Energy(1.25, 5.0, 10, "x"))).replace(b"1.25", b"-1.25")
    with pytest.raises(BadFileError, match="in its energy"):
        loads_profile(data)


def lines(profile: Profile, **style: Any) -> list[str]:
    return render_text(report_of(profile), TextStyle(**style)).splitlines()


def test_energy_in_the_summary() -> None:
    assert "  energy    500.0 mJ a run · 10.0 W · counted over 5.00 s (powercap)" in lines(with_energy(COUNTED))
    assert not any(line.startswith("  energy") for line in lines(with_energy(Energy(None, reason="no counter"))))


def test_one_big_core_in_the_summary() -> None:
    """The paper's ARM set-up: device, core type and instruction set are shown."""
    board = DeviceInfo("cpu", "ROCK 5B", "aarch64", 1, core_types=("Cortex-A76",), isa=("NEON", "i8mm", "bf16"))
    profile = replace(TIMED, device=board, spec=replace(TIMED.spec, cpus=(4,)))
    text = lines(profile)
    assert "  device    ROCK 5B · cpu · 1 thread · core 4 · Cortex-A76 · NEON i8mm bf16" in text
    assert max(map(len, text)) <= 80
    assert report_of(profile).to_dict()["setting"]["cpus"] == [4]


def test_core_types_that_are_the_name_are_not_repeated() -> None:
    board = DeviceInfo("cpu", "Cortex-A55 + Cortex-A76", "aarch64", 2, core_types=("Cortex-A55", "Cortex-A76"))
    assert "  device    Cortex-A55 + Cortex-A76 · cpu · 2 threads" in lines(replace(TIMED, device=board))


def test_hostile_names_are_tamed() -> None:
    hostile = DeviceInfo("cpu", "x", "aarch64", 1, core_types=("\x1b[31mred",), isa=("a\nb",))
    text = "\n".join(lines(replace(TIMED, device=hostile)))
    assert "\x1b" not in text
    assert "a\nb" not in text


def test_the_state_of_the_machine_is_saved_and_read_back() -> None:
    state = CpuState(
        (CoreGroup((0, 1), "Cortex-A76", "big", 1024, "performance", 1, 2, (2, None)),),
        (Temperature("soc-thermal", 45.3),),
        {"isa": "not told"},
    )
    environment = replace(TIMED.environment, emulated="programs are told aarch64", cpu_state=state)
    profile = replace(with_energy(COUNTED), environment=environment, spec=replace(TIMED.spec, cpus=(0, 1)))
    assert loads_profile(dumps_profile(profile)) == profile
    content = report_of(profile).to_dict()["environment"]
    assert content["emulated"] == "programs are told aarch64"
    assert content["cpu_state"]["core_groups"][0]["clocks_hz"] == [2, None]
    assert content["cpu_state"]["missing"] == {"isa": "not told"}


EMULATED = replace(TIMED.environment, emulated="programs are told aarch64")
BOARD = DeviceInfo("cpu", "emulated aarch64", "aarch64", 1)
NO_MEASUREMENT = "times are no measurement"


def test_emulated_times_are_no_measurement_in_every_view() -> None:
    profile = replace(TIMED, environment=EMULATED, device=BOARD)
    assert f"  device    emulated aarch64 · cpu · 1 thread · {NO_MEASUREMENT}" in lines(profile)
    assert NO_MEASUREMENT in report_of(profile)._repr_html_()
    assert any(NO_MEASUREMENT in text.get_text() for text in shown_texts(build_figure([report_of(profile)])))
    assert f" · {NO_MEASUREMENT} · " in render_comparison([report_of(profile)] * 2, TextStyle(100))


def test_make_believe_times_do_not_come_from_an_emulator() -> None:
    profile = replace(TIMED, environment=EMULATED, device=replace(BOARD, kind="fake"))
    assert not any(NO_MEASUREMENT in line for line in lines(profile))


def test_emulated_guidelines_are_no_measurement_in_every_view() -> None:
    sweep = planned_sweep()
    result = judge(replace(sweep, device=BOARD, environment=replace(sweep.environment, emulated="told aarch64")))
    assert NO_MEASUREMENT in render_guidelines_text(result, TextStyle())
    assert any(NO_MEASUREMENT in text.get_text() for text in shown_texts(build_guidelines_figure(result)))
