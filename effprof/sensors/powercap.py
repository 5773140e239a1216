"""Energy of the CPU's packages from the kernel's powercap tree (RAPL on Intel and AMD processors).

Zones: `intel-rapl:0` is a package (named `package-0`; the driver serves AMD too), `intel-rapl:0:1` a part of it
(cores, uncore) and is counted in it. `intel-rapl-mmio:0` is the same package by another road. `psys`, the whole
platform, holds the packages. So: the packages alone, each once. (Documentation/power/powercap in Linux.)
DRAM is not in a package's counter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from effprof.sensors import SensorSilent
from effprof.sensors.files import ROOT, read_int, read_text

FOLDER = "sys/class/powercap"
_ROADS = (r"intel-rapl:[0-9]+", r"intel-rapl-mmio:[0-9]+")


@dataclass(frozen=True)
class _Package:
    zone: Path
    wraps_at_uj: int | None
    """The counter starts again from 0 after this; None where the kernel does not tell."""
    started_uj: int


class PowercapMeter:
    """Reads each package's counter when made, and again in `stop_j`.

    Raises:
        SensorSilent: there are no counters, or this user may not read them.
    """

    source = "powercap"

    def __init__(self, root: Path = ROOT) -> None:
        self._packages = tuple(
            _Package(zone, read_int(zone / "max_energy_range_uj"), _counter_uj(zone)) for zone in _packages(root)
        )

    def __enter__(self) -> PowercapMeter:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is held open between readings."""

    def stop_j(self) -> float:
        """Joules since it was made, of all packages together; the counter may have started again once meanwhile."""
        return sum(map(_since_uj, self._packages)) * 1e-6


def _packages(root: Path) -> list[Path]:
    folder = root / FOLDER
    for road in _ROADS:
        zones = {read_text(path / "name"): path for path in sorted(folder.glob("*")) if re.fullmatch(road, path.name)}
        packages = [path for name, path in zones.items() if name is not None and name.startswith("package")]
        if packages:
            return packages
        if None in zones:
            raise SensorSilent(
                f"the energy counters of this CPU are hidden from this process ({zones[None]} leads nowhere), as from "
                "containers"
            )
    raise SensorSilent(
        "the kernel has no energy counters of this CPU (no intel-rapl package in /sys/class/powercap, as on virtual "
        "machines and most ARM boards)"
    )


def _counter_uj(zone: Path) -> int:
    path = zone / "energy_uj"
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except PermissionError:
        raise SensorSilent(
            f"the energy counter ({path}) can be read by root only; as root: chmod o+r {path}"
        ) from None
    except OSError as error:
        raise SensorSilent(f"the energy counter ({path}) cannot be read: {error.strerror or error}") from None
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise SensorSilent(f"the energy counter ({path}) holds no number")
    return int(text)


def _since_uj(package: _Package) -> int:
    change_uj = _counter_uj(package.zone) - package.started_uj
    if change_uj >= 0:
        return change_uj
    if package.wraps_at_uj is None or change_uj + package.wraps_at_uj < 0:
        raise SensorSilent(f"the energy counter ({package.zone}/energy_uj) ran backwards")
    return change_uj + package.wraps_at_uj
