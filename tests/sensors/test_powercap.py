"""Energy counters of packages in made-up /sys/class/powercap trees: each package once, wraps, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.sensors import SensorSilent
from effprof.sensors.powercap import FOLDER, PowercapMeter


def zone(root: Path, folder: str, name: str, energy_uj: object, range_uj: int | None = 262_143_328_850) -> Path:
    path = root / FOLDER / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    if range_uj is not None:
        (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return path


def advance(path: Path, energy_uj: object) -> None:
    (path / "energy_uj").write_text(f"{energy_uj}\n")


def test_packages_are_added_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 7)
    inside = [
        zone(tmp_path, "intel-rapl:0:0", "core", 0),
        zone(tmp_path, "intel-rapl:0:1", "dram", 0),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0),
        zone(tmp_path, "intel-rapl:2", "psys", 0),
    ]
    meter = PowercapMeter(tmp_path)
    advance(first, 7_500_000)
    advance(second, 1_000_007)
    for path in inside:
        advance(path, 99_000_000)
    assert meter.stop_j() == pytest.approx(2.5 + 1.0, abs=1e-12)


def test_the_mmio_road_where_it_is_the_only_one(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    meter = PowercapMeter(tmp_path)
    advance(package, 3_000_000)
    assert meter.stop_j() == 3.0


@given(start=st.integers(0, 999), used=st.integers(0, 999))
def test_a_counter_that_starts_again(tmp_path_factory: pytest.TempPathFactory, start: int, used: int) -> None:
    root = tmp_path_factory.mktemp("sys")
    package = zone(root, "intel-rapl:0", "package-0", start, range_uj=1000)
    meter = PowercapMeter(root)
    advance(package, (start + used) % 1000)
    assert meter.stop_j() == pytest.approx(used * 1e-6, abs=1e-15)


def test_a_counter_that_starts_again_nobody_knows_where(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 900, range_uj=None)
    meter = PowercapMeter(tmp_path)
    advance(package, 3)
    with pytest.raises(SensorSilent, match="ran backwards"):
        meter.stop_j()


def test_no_powercap(tmp_path: Path) -> None:
    with pytest.raises(SensorSilent, match="the kernel has no energy counters of this CPU"):
        PowercapMeter(tmp_path)


def test_counters_that_a_container_hides(tmp_path: Path) -> None:
    """Docker puts an empty folder over /sys/devices/virtual/powercap, to which the names in /sys/class lead."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for name in ("intel-rapl", "intel-rapl:0", "intel-rapl:0:0"):
        (folder / name).symlink_to(f"../../devices/virtual/powercap/intel-rapl/{name}")
    with pytest.raises(SensorSilent, match=r"counters of this CPU are hidden .*/intel-rapl:0 leads nowhere"):
        PowercapMeter(tmp_path)


def test_no_package_among_the_zones(tmp_path: Path) -> None:
    zone(tmp_path, "dtpm:0", "cpu", 5)
    zone(tmp_path, "intel-rapl:0", "psys", 5)
    with pytest.raises(SensorSilent, match="no intel-rapl package"):
        PowercapMeter(tmp_path)


def test_a_counter_for_root_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom no mode keeps out."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    read_text = Path.read_text

    def refusing(self: Path, *args: object, **kwargs: object) -> str:
        if self == package / "energy_uj":
            raise PermissionError(13, "Permission denied", str(self))
        return read_text(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", refusing)
    with pytest.raises(SensorSilent, match=r"can be read by root only; as root: chmod o\+r .*energy_uj"):
        PowercapMeter(tmp_path)


@pytest.mark.parametrize("content", ["", "many", "-5", "1e9", "9" * 40])
def test_a_counter_that_holds_no_number(tmp_path: Path, content: str) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", content)
    with pytest.raises(SensorSilent, match="holds no number"):
        PowercapMeter(tmp_path)


def test_a_counter_that_goes_away(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    meter = PowercapMeter(tmp_path)
    (package / "energy_uj").unlink()
    with pytest.raises(SensorSilent, match="cannot be read: No such file"):
        meter.stop_j()
