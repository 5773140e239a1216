"""The CPU's name, governor and quota on made-up machines: servers, boards, containers, an emulated one."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_trees import ARM_BLOCK, CPU, rk3588, write, xeon

from effprof.devices.cpuinfo import cpu_name, governor, usable_cores


def test_server(tmp_path: Path) -> None:
    assert cpu_name(xeon(tmp_path), "x86_64") == "Intel(R) Xeon(R) Platinum 8480+"


def test_board_by_its_device_tree(tmp_path: Path) -> None:
    write(rk3588(tmp_path), {"proc/device-tree/model": "Radxa ROCK 5B\0"})
    assert cpu_name(tmp_path, "aarch64") == "Radxa ROCK 5B"


def test_board_by_its_cores(tmp_path: Path) -> None:
    assert cpu_name(rk3588(tmp_path), "aarch64") == "Cortex-A55 + Cortex-A76"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("Hardware\t: BCM2835\nModel\t: Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi 4 Model B Rev 1.4"),
        ("Hardware\t: BCM2835", "BCM2835"),
        ("", "Cortex-A72"),
    ],
)
def test_board_by_proc_cpuinfo(tmp_path: Path, more: str, name: str) -> None:
    block = "model name\t: ARMv7 Processor rev 3 (v7l)\n" + ARM_BLOCK.format(number=0, part="0xd08", more="")
    write(tmp_path, {"proc/cpuinfo": f"{block}\n{more}"})
    assert cpu_name(tmp_path, "armv7l") == name


def test_emulated(tmp_path: Path) -> None:
    assert cpu_name(xeon(tmp_path), "aarch64") == "emulated aarch64"


def test_the_governor_is_that_of_the_cores_in_use(tmp_path: Path) -> None:
    """Clusters have their own: on this board the little cores' is ondemand, the big ones' performance."""
    root = rk3588(tmp_path)
    assert governor(root, (4, 5)) == "performance"
    assert governor(root, (0,)) == "ondemand"
    assert governor(root, range(8)) == governor(root, (7, 0)) == "ondemand"  # the one that is a reason for doubt


def test_the_governor_where_some_cores_are_off_or_none_has_one(tmp_path: Path) -> None:
    root = rk3588(tmp_path / "board")
    (root / f"{CPU}/cpu0/cpufreq/scaling_governor").unlink()
    assert governor(root, (0, 6)) == "performance"
    assert governor(root, (0,)) is None
    assert governor(xeon(tmp_path / "server"), (0, 1)) is None


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "1600000 100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": "100000 0"}, 8),
        ({"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000}, 8),
        ({"cpu/cpu.cfs_quota_us": 300000, "cpu/cpu.cfs_period_us": 100000}, 3),
        ({"cpu/cpu.cfs_quota_us": 300000}, 8),
    ],
)
def test_a_container_with_a_quota_has_fewer_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, object], cores: int
) -> None:
    monkeypatch.setattr("effprof.devices.cpuinfo.usable_cpus", lambda: tuple(range(8)))
    write(tmp_path, {f"sys/fs/cgroup/{name}": content for name, content in files.items()})
    assert usable_cores(tmp_path) == cores


def test_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    assert cpu_name(tmp_path, "arm64") is None
