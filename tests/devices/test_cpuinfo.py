"""The CPU's name on made-up machines: a server, boards, an emulated one."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_trees import ARM_BLOCK, rk3588, write, xeon

from effprof.devices.cpuinfo import cpu_name


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


def test_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    assert cpu_name(tmp_path, "arm64") is None
