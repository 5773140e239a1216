"""Does the machine run on its battery? Laptops hold their clocks down then. From /sys/class/power_supply (Linux)."""

from __future__ import annotations

from pathlib import Path

from effprof.sensors.files import ROOT, read_text

FOLDER = "sys/class/power_supply"
ONLINE = ("1", "2")
"""Fixed, and programmable (USB power delivery)."""


def on_battery(root: Path = ROOT) -> bool:
    """A battery is discharging and nothing is plugged in. False also where nobody tells.

    Types, scopes and statuses: Documentation/ABI/testing/sysfs-class-power in Linux. The scope of batteries of mice and
    keyboards is `Device`.
    """
    supplies = [path for path in (root / FOLDER).glob("*") if read_text(path / "scope") != "Device"]
    batteries = [path for path in supplies if read_text(path / "type") == "Battery"]
    if any(read_text(path / "online") in ONLINE for path in supplies if path not in batteries):
        return False
    return any(read_text(path / "status") == "Discharging" for path in batteries)
