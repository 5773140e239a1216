"""`effprof devices`: the text at 80 columns of made-up machines, and of this one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from machine_trees import rk3588, write, xeon

from effprof.cli import main
from effprof.commands.devices import as_text, describe_cpu
from effprof.machine_records import GpuState

MEMORY = {"cores": 8, "available_memory_bytes": 7_900_000_000, "allocator": "glibc 2.36"}


def test_a_board(tmp_path: Path) -> None:
    write(rk3588(tmp_path), {"proc/device-tree/model": "Radxa ROCK 5B\0"})
    assert as_text({**describe_cpu(tmp_path, "aarch64"), **MEMORY}) == (
        "cpu   available\n"
        "      Radxa ROCK 5B\n"
        "      aarch64 · 8 usable cores · 7.90 GB memory available · allocator glibc 2.36\n"
        "      instructions  NEON fp16 dotprod\n"
        "      cores         0-3 · little · Cortex-A55 · 0.41 to 1.80 GHz ·\n"
        "                    now 1.01 GHz · governor ondemand\n"
        "      cores         4-5 · big · Cortex-A76 · 0.41 to 2.40 GHz · now 2.35 GHz ·\n"
        "                    governor performance\n"
        "      cores         6-7 · big · Cortex-A76 · 0.41 to 2.40 GHz · now 2.35 GHz ·\n"
        "                    governor performance\n"
        "      temperatures  soc-thermal 45 °C · bigcore0-thermal 46 °C\n"
        "      energy        unknown: the kernel has no energy counters of this CPU (no\n"
        "                    intel-rapl package in /sys/class/powercap, as on virtual\n"
        "                    machines and most ARM boards)\n"
    )


def test_an_emulated_processor_says_so(tmp_path: Path) -> None:
    text = as_text({**describe_cpu(xeon(tmp_path), "aarch64"), **MEMORY})
    assert text.startswith("cpu   available\n      emulated aarch64\n")
    flat = " ".join(text.split())
    assert "times here are no measurement: programs are told aarch64, /proc/sys/kernel/arch says x86_64" in flat
    assert "instructions unknown" in flat
    assert "Xeon" not in text


def test_clocks_of_many_cores_are_a_range(tmp_path: Path) -> None:
    text = as_text({**describe_cpu(xeon(tmp_path, mhz=1900.0, cores=64), "x86_64"), **MEMORY})
    assert "cores         0-63 · now 1.90 to 1.96 GHz\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_gpu() -> None:
    state = GpuState(
        name="Fast 9000",
        uuid="GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
        driver="570.86.15",
        sm_clock_hz=1_410_000_000,
        max_sm_clock_hz=1_980_000_000,
        temperature_c=64,
        other_processes=2,
        missing={"power_limit_w": "this GPU does not support it"},
    )
    cuda = {"kind": "cuda", "available": False, "reason": "not yet", "name": state.name, "gpu_reason": None}
    assert as_text({**cuda, "gpu": asdict(state)}) == (
        "cuda  not available: not yet\n"
        "      Fast 9000\n"
        "      NVML          GPU-8932f937-d72c-4106-c12f-20bd9faed9f6 ·\n"
        "                    driver 570.86.15 · SM clock 1.41 of 1.98 GHz · 64 °C ·\n"
        "                    2 processes\n"
        "      unknown       power_limit_w: this GPU does not support it\n"
    )


def test_hostile_names_are_tamed(tmp_path: Path) -> None:
    hostile = {"proc/device-tree/model": "a\x1b[31mb\nc", "sys/class/thermal/thermal_zone0/type": "\x1b]x"}
    write(rk3588(tmp_path), hostile)
    assert "\x1b" not in as_text({**describe_cpu(tmp_path, "aarch64"), **MEMORY})


def test_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert main(["devices", "--json"]) == 0
    cpu, cuda, _ = json.loads(capsys.readouterr().out)["devices"]
    assert (cpu["energy"]["source"] is None) != (cpu["energy"]["reason"] is None)
    assert {cpu for group in cpu["core_groups"] for cpu in group["cpus"]} or "cores" in cpu["missing"]
    assert (cuda["gpu"] is None) == (cuda["gpu_reason"] is not None)
