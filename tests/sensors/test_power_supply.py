"""Running on the battery, by made-up /sys/class/power_supply trees of laptops, desktops and boards."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_trees import write

from effprof.sensors.power_supply import FOLDER, on_battery

Supply = dict[str, object]
MAINS, UNPLUGGED = {"type": "Mains", "online": 1}, {"type": "Mains", "online": 0}
FULL, DISCHARGING = {"type": "Battery", "status": "Full"}, {"type": "Battery", "status": "Discharging"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ((), False),
        ((UNPLUGGED, DISCHARGING), True),
        ((MAINS, {"type": "Battery", "status": "Charging"}), False),
        ((MAINS, {"type": "Battery", "status": "Not charging"}), False),  # held at a threshold
        ((UNPLUGGED, {"type": "USB", "online": 2}, DISCHARGING), False),  # a weak charger, and it is busy
        ((UNPLUGGED, {"type": "USB", "online": 0}, DISCHARGING, FULL), True),  # two batteries
        ((MAINS, MOUSE), False),
        ((MOUSE,), False),  # a desktop that names no mains
        ((DISCHARGING,), True),  # many ARM laptops name none either
        (({"type": "Battery", "status": "Unknown"},), False),
        (({"status": "Discharging"}, {}), False),
    ],
)
def test_supplies(tmp_path: Path, supplies: tuple[Supply, ...], expected: bool) -> None:
    for number, supply in enumerate(supplies):
        write(tmp_path, {f"{FOLDER}/supply{number}/{name}": content for name, content in supply.items()})
        (tmp_path / FOLDER / f"supply{number}").mkdir(parents=True, exist_ok=True)
    assert on_battery(tmp_path) is expected
