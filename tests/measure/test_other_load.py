"""How busy other programs may keep the machine before it is noted, on clocks whose every tick is known."""

from __future__ import annotations

import pytest

from effprof.measure import environment as environment_module
from effprof.measure.environment import LoadWatch
from effprof.records import DeviceInfo, Note

DEVICE = DeviceInfo("cpu", "Imaginary CPU", "x86_64", 1)
TICKS = 1000
"""That every core counts while we measure."""


def notes(
    monkeypatch: pytest.MonkeyPatch, cores: int, others: float, own: float = 1.0, steal: float = 0.0
) -> list[Note]:
    """Of a measurement during which we and others kept so many cores busy, and the hypervisor took some."""
    busy, stolen, own_ticks = (round(TICKS * part) for part in (own + others, steal, own))
    before = {"busy": 7, "idle": 7, "steal": 7}
    after = {"busy": 7 + busy, "idle": 7 + TICKS * cores - busy - stolen, "steal": 7 + stolen}
    readings, own_readings = iter([before, after]), iter([3, 3 + own_ticks])
    monkeypatch.setattr(environment_module, "cpu_times", lambda: next(readings))
    monkeypatch.setattr(environment_module, "_own_ticks", lambda: next(own_readings))
    monkeypatch.setattr(environment_module.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(environment_module, "usable_cores", lambda: cores)
    monkeypatch.setattr(environment_module, "governor", lambda: None)
    monkeypatch.setattr(environment_module, "on_battery", lambda: False)
    return LoadWatch().notes(DEVICE)


@pytest.mark.parametrize(
    ("cores", "others", "noted"),
    [
        (64, 6.0, True),  # 9 % of the machine
        (64, 1.0, True),  # a single neighbour
        (64, 0.6, True),
        (64, 0.4, False),
        (8, 0.6, True),
        (4, 0.45, True),  # over a tenth of four cores
        (4, 0.35, False),
        (2, 0.25, True),
        (2, 0.15, False),
        (1, 0.0, False),
    ],
)
def test_half_a_core_or_a_tenth_of_a_small_machine(
    cores: int, others: float, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [note.code for note in notes(monkeypatch, cores, others)]
    assert codes == (["other-load"] if noted else [])


def test_the_note_says_how_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    (note,) = notes(monkeypatch, 64, 6.0, own=4.0)
    assert note.text == "Other processes kept 6.0 of this machine's 64 cores busy while we measured."


def test_our_own_work_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notes(monkeypatch, 8, 0.0, own=8.0) == []
    assert notes(monkeypatch, 8, -0.2, own=1.0) == []  # our clock ticks finer than the machine's


def test_stolen_time_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [note.code for note in notes(monkeypatch, 4, 0.0, steal=0.2)] == ["cpu-steal"]
