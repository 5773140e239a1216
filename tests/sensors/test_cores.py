"""Cores, clocks, temperatures and instruction sets of made-up boards and servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_trees import ARM_BLOCK, CPU, hybrid_laptop, rk3588, write, xeon

from effprof.machine_records import CoreGroup, Temperature
from effprof.sensors.arm_cores import core_name, midr_name
from effprof.sensors.cores import core_types, cpu_state, instruction_set


def test_a_board_with_three_clusters(tmp_path: Path) -> None:
    state = cpu_state(rk3588(tmp_path), "aarch64")
    little = CoreGroup(
        cpus=(0, 1, 2, 3),
        core_type="Cortex-A55",
        size="little",
        capacity=414,
        governor="ondemand",
        min_clock_hz=408_000_000,
        max_clock_hz=1_800_000_000,
        clocks_hz=(1_008_000_000,) * 4,
    )
    bigs = [
        CoreGroup(pair, "Cortex-A76", "big", 1024, "performance", 408_000_000, 2_400_000_000, (2_352_000_000,) * 2)
        for pair in ((4, 5), (6, 7))
    ]
    assert state.core_groups == (little, *bigs)
    # In the order of their numbers; a broken sensor below absolute zero is left out.
    assert state.temperatures == (Temperature("soc-thermal", 45.307), Temperature("bigcore0-thermal", 46.23))
    assert state.missing == {}


def test_three_sizes(tmp_path: Path) -> None:
    capacities = {f"{CPU}/cpu{number}/cpu_capacity": value for number, value in enumerate((200, 700, 1024))}
    write(tmp_path, {f"{CPU}/online": "0-2", **capacities})
    assert [group.size for group in cpu_state(tmp_path, "aarch64").core_groups] == ["little", "middle", "big"]


def test_a_core_of_unknown_capacity_is_of_no_size(tmp_path: Path) -> None:
    """A core that goes offline while it is looked at, or a kernel that tells of some only."""
    root = rk3588(tmp_path)
    (root / f"{CPU}/cpu6/cpu_capacity").unlink()
    write(root, {f"{CPU}/cpu7/cpu_capacity": -5})
    groups = cpu_state(root, "aarch64").core_groups
    assert [(group.cpus, group.size) for group in groups] == [((0, 1, 2, 3), "little"), ((4, 5), "big"), ((6, 7), None)]


def test_little_cores_alone_are_of_no_size(tmp_path: Path) -> None:
    root = rk3588(tmp_path)
    write(root, {f"{CPU}/online": "0-3"})
    assert [group.size for group in cpu_state(root, "aarch64").core_groups] == [None]


def test_a_laptop_with_two_kinds_of_cores(tmp_path: Path) -> None:
    root = hybrid_laptop(tmp_path)
    groups = cpu_state(root, "x86_64").core_groups
    assert [(group.cpus, group.core_type, group.max_clock_hz) for group in groups] == [
        ((0, 1, 2, 3), "P-core", 4_700_000_000),
        ((4, 5, 6, 7), "E-core", 3_500_000_000),
    ]
    assert core_types(None, root, "x86_64") == ("P-core", "E-core")
    assert core_types((5,), root, "x86_64") == ("E-core",)
    assert "core_types" not in cpu_state(root, "x86_64").missing


def test_a_virtual_server(tmp_path: Path) -> None:
    state = cpu_state(xeon(tmp_path), "x86_64")
    (group,) = state.core_groups
    assert group == CoreGroup((0, 1, 2, 3), clocks_hz=(2_000_000_000, 2_001_000_000, 2_002_000_000, 2_003_000_000))
    assert state.temperatures == ()
    assert set(state.missing) == {"governor", "temperatures", "core_types"}


def test_cores_that_are_offline_are_left_out(tmp_path: Path) -> None:
    root = rk3588(tmp_path)
    write(root, {f"{CPU}/online": "0-3,6"})
    assert [group.cpus for group in cpu_state(root, "aarch64").core_groups] == [(0, 1, 2, 3), (6,)]


def test_nothing_there(tmp_path: Path) -> None:
    state = cpu_state(tmp_path, "arm64")
    assert state.core_groups == state.temperatures == ()
    assert set(state.missing) == {"cores", "clocks", "governor", "temperatures", "core_types", "isa"}
    assert instruction_set(tmp_path, "arm64") is None
    assert core_types(None, tmp_path, "arm64") == ()


@pytest.mark.parametrize("junk", ["", "n/a", "-1", "9" * 400, "1 2", "\x00\xff"])
def test_odd_files_are_unknown(tmp_path: Path, junk: str) -> None:
    root = rk3588(tmp_path)
    odd = ("cpu_capacity", "cpufreq/scaling_cur_freq", "cpufreq/scaling_max_freq", "regs/identification/midr_el1")
    write(root, {f"{CPU}/cpu{number}/{name}": junk for number in range(8) for name in odd})
    write(root, {f"{CPU}/online": junk, "sys/class/thermal/thermal_zone0/temp": junk})
    state = cpu_state(root, "aarch64")
    assert {cpu for group in state.core_groups for cpu in group.cpus} <= set(range(8))
    assert all(group.max_clock_hz is None for group in state.core_groups)


def test_emulated_cores_are_not_those_of_the_machine_below(tmp_path: Path) -> None:
    state = cpu_state(xeon(tmp_path), "aarch64")
    assert (state.core_groups, state.temperatures) == ((), ())
    assert "another processor is emulated" in state.missing["clocks"]
    assert instruction_set(tmp_path, "aarch64") is None
    assert core_types(None, tmp_path, "aarch64") == ()


def test_instruction_sets(tmp_path: Path) -> None:
    assert instruction_set(rk3588(tmp_path / "board"), "aarch64") == ("NEON", "fp16", "dotprod")
    assert instruction_set(xeon(tmp_path / "server"), "x86_64") == (
        "AVX", "AVX2", "FMA", "AVX-512", "AVX-512-VNNI", "AVX-512-bf16", "AMX", "AMX-bf16", "AMX-int8",
    )  # fmt: skip


def test_only_what_every_core_has(tmp_path: Path) -> None:
    blocks = [ARM_BLOCK.format(number=n, part="0xd4f", more=more) for n, more in enumerate((" sve i8mm bf16", " i8mm"))]
    write(tmp_path, {"proc/cpuinfo": "\n".join(blocks)})
    assert instruction_set(tmp_path, "aarch64") == ("NEON", "fp16", "dotprod", "i8mm")


def test_core_types_of_the_cores_in_use(tmp_path: Path) -> None:
    root = rk3588(tmp_path)
    assert core_types(None, root, "aarch64") == ("Cortex-A55", "Cortex-A76")
    assert core_types((6,), root, "aarch64") == ("Cortex-A76",)


def test_core_types_without_registers_in_sys(tmp_path: Path) -> None:
    write(tmp_path, {"proc/cpuinfo": ARM_BLOCK.format(number=0, part="0xd03", more="")})
    assert core_types(None, tmp_path, "aarch64") == ("Cortex-A53",)


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        (0x41, 0xD0B, "Cortex-A76"),
        (0x61, 0x023, "Firestorm-M1"),
        (0x41, 0xFFF, "ARM part 0xfff"),
        (0x99, 0x001, "implementer 0x99 part 0x001"),
    ],
)
def test_names_of_cores(implementer: int, part: int, name: str) -> None:
    assert core_name(implementer, part) == name
    assert midr_name(implementer << 24 | 0xF << 16 | part << 4 | 3) == name
