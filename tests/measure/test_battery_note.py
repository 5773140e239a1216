"""A laptop on its battery says so beside its figures."""

from __future__ import annotations

import pytest

from effprof.measure import environment as environment_module
from effprof.measure.environment import LoadWatch
from effprof.records import DeviceInfo


@pytest.mark.parametrize(("kind", "battery", "noted"), [("cpu", True, 1), ("cpu", False, 0), ("fake", True, 0)])
def test_on_battery(monkeypatch: pytest.MonkeyPatch, kind: str, battery: bool, noted: int) -> None:
    monkeypatch.setattr(environment_module, "on_battery", lambda: battery)
    found = [note for note in LoadWatch().notes(DeviceInfo(kind, "a laptop", "x86_64", 1)) if note.code == "on-battery"]
    assert len(found) == noted
    assert all(note.remedy == "Plug it in for figures that repeat." for note in found)
