"""qemu-user is seen by what it hands through from the machine below, and is not suspected where it is not."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from machine_trees import ARM_BLOCK, CPU, rk3588, write, xeon

from effprof.sensors.emulation import family, find_emulation

HOST_MAPS = """55d0c0000000-55d0c0400000 r-xp 00000000 08:01 131 /usr/bin/qemu-aarch64-static
7f1200000000-7f1200021000 rw-p 00000000 00:00 0
7f1210000000-7f1210021000 r-xp 00000000 08:01 99 /usr/lib/aarch64-linux-gnu/libc.so.6"""


def test_kernel_of_another_architecture(tmp_path: Path) -> None:
    found = find_emulation(xeon(tmp_path), "aarch64", thread=1)
    assert found == "programs are told aarch64, /proc/sys/kernel/arch says x86_64"


def test_an_older_kernel_does_not_name_its_architecture(tmp_path: Path) -> None:
    xeon(tmp_path)
    (tmp_path / "proc/sys/kernel/arch").unlink()
    assert find_emulation(tmp_path, "aarch64", thread=1) == (
        "programs are told aarch64, /sys/devices/system/cpu/modalias says x86"
    )
    (tmp_path / CPU / "modalias").unlink()
    assert find_emulation(tmp_path, "armv7l", thread=1) == "programs are told armv7l, /proc/cpuinfo says x86"


def test_an_emulator_that_answers_for_cpuinfo_is_mapped(tmp_path: Path) -> None:
    """qemu-user from 8.2 on describes the emulated processor in /proc/cpuinfo; here nothing else tells."""
    write(tmp_path, {"proc/cpuinfo": ARM_BLOCK.format(number=0, part="0xd07", more="")})
    assert find_emulation(tmp_path, "aarch64", thread=7) is None
    write(tmp_path, {"proc/self/task/7/maps": HOST_MAPS})
    assert find_emulation(tmp_path, "aarch64", thread=7) == "qemu-aarch64-static is mapped into this process"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/usr/libexec/qemu-binfmt/aarch64-binfmt-P", True),
        ("/usr/bin/qemu-arm", True),
        ("/usr/bin/qemu-aarch64-static (deleted)", True),
        ("/usr/bin/qemu-system-aarch64", False),
        ("/home/me/qemu-aarch64-static/libc.so.6", False),
        ("/home/me/my qemu-arm notes", False),
    ],
)
def test_what_counts_as_an_emulator(tmp_path: Path, path: str, seen: bool) -> None:
    write(tmp_path, {"proc/self/task/7/maps": f"7f1210000000-7f1210021000 r-xp 00000000 08:01 99 {path}"})
    assert (find_emulation(tmp_path, "aarch64", thread=7) is not None) is seen


@pytest.mark.parametrize(
    ("machine", "kernel", "modalias"),
    [
        ("aarch64", "aarch64", "cpu:type:aarch64:feature:"),
        ("armv7l", "aarch64", "cpu:type:aarch64:feature:"),  # a 32-bit program
        ("i686", "x86_64", "cpu:type:x86,ven0000fam0006mod008F:feature:"),
        ("ppc64le", "ppc64le", "cpu:type:power9:feature:"),
        ("riscv64", "riscv64", ""),
        ("sparc64", "sparc64", "cpu:type:x86"),  # an architecture in no table: nothing can be said
    ],
)
def test_no_false_alarm(tmp_path: Path, machine: str, kernel: str, modalias: str) -> None:
    write(tmp_path, {"proc/sys/kernel/arch": kernel, f"{CPU}/modalias": modalias})
    assert find_emulation(tmp_path, machine, thread=1) is None


def test_a_real_board(tmp_path: Path) -> None:
    assert find_emulation(rk3588(tmp_path), "aarch64", thread=1) is None


def test_families() -> None:
    assert {family(name) for name in ("x86_64", "AMD64", "i686", "x86")} == {"x86"}
    assert {family(name) for name in ("aarch64", "arm64", "armv7l")} == {"arm"}
    assert family("vax") is None


def test_here() -> None:
    """Whatever this machine is, the answer is of the right kind; where the kernel says that it is ours, none."""
    arch = Path("/proc/sys/kernel/arch")
    found = find_emulation()
    assert found is None or found
    if arch.exists() and family(arch.read_text().strip()) != family(platform.machine()):
        assert found is not None
