"""NVML by nvidia-ml-py's own ctypes calls, against a stand-in for the driver's library that is compiled here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import required

SOURCE = Path(__file__).with_name("nvml_standin.c")
ROOT = SOURCE.parents[2]
UUIDS = ("GPU-aaaa1111-0000", "GPU-bbbb2222-0000", "GPU-bbbb3333-0000")
ONE = f"Fast 9000,{UUIDS[0]},65"
THREE = f"Fast 9000,{UUIDS[0]},9;Fast 9000,{UUIDS[1]},4;Fast 9000,{UUIDS[2]},7"
"""Not in the order of their PCI addresses: that is 1, 2, 0."""
STATE = "from effprof.sensors.nvml import gpu_state; import dataclasses; answer = dataclasses.asdict(gpu_state({}))"
ENERGY = """
from effprof.sensors import SensorSilent
from effprof.sensors.nvml import GpuMeter
try:
    meter = GpuMeter({})
    answer = [meter.stop_j(), None]
except SensorSilent as silent:
    answer = [None, str(silent)]
"""
Ask = Callable[..., Any]
compiler = required.compiler()
needs_compiler = pytest.mark.skipif(
    compiler is None or sys.platform != "linux", reason="needs a C compiler, and Linux' way to find libraries"
)


def build(folder: Path, *flags: str) -> Path:
    assert compiler is not None
    library = folder / "libnvidia-ml.so.1"
    command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-shared", "-fPIC", *flags]
    subprocess.run([*command, "-o", str(library), str(SOURCE)], check=True)
    return folder


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("driver"))


def asked(folder: Path, code: str, **settings: str) -> Any:
    """What `code` leaves in `answer`, in a process that finds the library in `folder` and nowhere else."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("NVML_", "CUDA_"))}
    environ |= {"LD_LIBRARY_PATH": str(folder), **settings}
    script = f"{code}\nimport json; print(json.dumps(answer))"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def ask(driver: Path) -> Ask:
    return lambda code, **settings: asked(driver, code, **settings)


@needs_compiler
def test_state_of_a_gpu(ask: Ask) -> None:
    state = ask(STATE.format(""), NVML_GPUS=ONE, NVML_EVENTS="0x44", NVML_MODE="3", NVML_COMPUTE="11 12")
    assert state == {
        "name": "Fast 9000",
        "uuid": UUIDS[0],
        "driver": "570.86.15",
        "temperature_c": 64,
        "sm_clock_hz": 1_410_000_000,
        "max_sm_clock_hz": 1_980_000_000,
        "memory_clock_hz": 1_215_000_000,
        "max_memory_clock_hz": 2_619_000_000,
        "power_limit_w": 350.5,
        "clock_events": ["sw_power_cap", "hw_thermal_slowdown"],
        "compute_mode": "exclusive_process",
        "other_processes": 2,
        "missing": {},
    }


@needs_compiler
@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlDeviceGetTemperature", "temperature_c"),
        ("nvmlDeviceGetEnforcedPowerLimit", "power_limit_w"),
        ("nvmlDeviceGetName", "name"),
        ("nvmlSystemGetDriverVersion", "driver"),
        ("nvmlDeviceGetComputeMode", "compute_mode"),
        ("nvmlDeviceGetGraphicsRunningProcesses_v3", "other_processes"),
    ],
)
def test_one_refusal_leaves_the_rest(ask: Ask, function: str, field: str) -> None:
    whole = ask(STATE.format(""), NVML_GPUS=ONE)
    state = ask(STATE.format(""), NVML_GPUS=ONE, NVML_REFUSE=f"{function}=3")
    assert state.pop("missing") == {field: "this GPU does not support it"}
    assert whole.pop("missing") == {}
    assert state == {**whole, field: None}


@needs_compiler
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (18, "the NVIDIA driver and its library are of different versions: reboot, or load the new driver"),
        (9, "the NVIDIA driver is not loaded"),
        (4, "the driver does not permit it to this user"),
        (999, "NVML says: Unknown Error"),
    ],
)
def test_a_driver_that_refuses_to_start(ask: Ask, error: int, reason: str) -> None:
    state = ask(STATE.format(""), NVML_GPUS=ONE, NVML_REFUSE=f"nvmlInitWithFlags={error}")
    assert state.pop("missing") == {"nvml": reason}
    assert set(state.values()) == {None}


@needs_compiler
def test_a_driver_without_a_gpu(ask: Ask) -> None:
    assert ask(STATE.format(""), NVML_GPUS="")["missing"] == {"nvml": "no GPU was found"}


def test_no_driver_at_all(tmp_path: Path) -> None:
    """A library of that name that is none: the real one, if this machine has it, is not found either."""
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    missing = asked(tmp_path, STATE.format(""))["missing"]
    assert missing == {"nvml": "there is no NVIDIA driver here (libnvidia-ml.so.1 was not found)"}


def test_without_nvidia_ml_py(tmp_path: Path) -> None:
    code = f"import sys; sys.modules['pynvml'] = None; {STATE.format('')}"
    assert asked(tmp_path, code)["missing"] == {"nvml": "nvidia-ml-py is not installed"}


@needs_compiler
def test_an_old_driver_knows_the_older_name_of_clock_events(tmp_path: Path) -> None:
    old = build(tmp_path, "-DOLD_DRIVER")
    state = asked(old, STATE.format(""), NVML_GPUS=ONE, NVML_EVENTS="0x1", NVML_LOG=str(tmp_path / "log"))
    assert state["clock_events"] == ["gpu_idle"]
    assert "nvmlDeviceGetCurrentClocksThrottleReasons" in (tmp_path / "log").read_text().split()


@needs_compiler
def test_clock_events_of_a_later_driver_are_not_lost(ask: Ask) -> None:
    state = ask(STATE.format(""), NVML_GPUS=ONE, NVML_EVENTS=hex(1 << 40 | 1 << 8))
    assert state["clock_events"] == ["display_clocks", f"unknown_{1 << 40:#x}"]


@needs_compiler
@pytest.mark.parametrize(
    ("settings", "ordinal", "expected"),
    [
        ({}, 0, UUIDS[1]),
        ({}, 2, UUIDS[0]),
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, 0, UUIDS[0]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-bbbb3,GPU-a"}, 0, UUIDS[2]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-bbbb3,GPU-a"}, 1, UUIDS[0]),
        ({"CUDA_VISIBLE_DEVICES": f"MIG-{UUIDS[1]}/1/0"}, 0, UUIDS[1]),
        ({"CUDA_VISIBLE_DEVICES": "MIG-77", "NVML_MIG": "MIG-77"}, 0, UUIDS[0]),
    ],
)
def test_the_gpu_that_cuda_means(ask: Ask, settings: dict[str, str], ordinal: int, expected: str) -> None:
    assert ask(STATE.format(ordinal), NVML_GPUS=THREE, **settings)["uuid"] == expected


@needs_compiler
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"CUDA_VISIBLE_DEVICES": ""}, "there is no cuda:0: 0 of 3 GPUs are visible (CUDA_VISIBLE_DEVICES='')"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "there is no cuda:0: 0 of 3 GPUs are visible (CUDA_VISIBLE_DEVICES='-1')"),
        (
            {"CUDA_VISIBLE_DEVICES": "GPU-bbbb"},
            "there is no cuda:0: 0 of 3 GPUs are visible (CUDA_VISIBLE_DEVICES='GPU-bbbb')",
        ),
        ({"CUDA_VISIBLE_DEVICES": "MIG-78"}, "NVML says: Not Found"),
    ],
)
def test_no_gpu_that_cuda_could_mean(ask: Ask, settings: dict[str, str], reason: str) -> None:
    assert ask(STATE.format(0), NVML_GPUS=THREE, **settings)["missing"] == {"nvml": reason}


@needs_compiler
def test_unlike_gpus_are_not_confused(ask: Ask) -> None:
    """CUDA numbers them fastest first, NVML by address: with unlike ones only an order or a UUID tells which is
    which."""
    mixed = f"Slow 100,{UUIDS[0]},1;Fast 9000,{UUIDS[1]},2"
    reason = "CUDA numbers unlike GPUs fastest first, which NVML does not know: set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    assert ask(STATE.format(0), NVML_GPUS=mixed)["missing"] == {"nvml": reason}
    assert ask(STATE.format(0), NVML_GPUS=mixed, CUDA_DEVICE_ORDER="PCI_BUS_ID")["uuid"] == UUIDS[0]
    assert ask(STATE.format(0), NVML_GPUS=mixed, CUDA_VISIBLE_DEVICES="GPU-bb")["uuid"] == UUIDS[1]
    by_uuid = STATE.format(f"uuid={UUIDS[1].removeprefix('GPU-')!r}")
    assert ask(by_uuid, NVML_GPUS=mixed)["uuid"] == UUIDS[1]


@needs_compiler
@pytest.mark.parametrize(
    ("holds_context", "compute", "graphics", "others"),
    [
        (False, "{own}", "", 0),
        (True, "{own} 12", "12 13", 2),
        (False, "12", "", 1),
        (True, "12 13", "", 1),  # in a container: one of these is us, by the host's number
        (True, "", "", 0),
    ],
)
def test_other_processes(ask: Ask, holds_context: bool, compute: str, graphics: str, others: int) -> None:
    own = "import os; os.environ['NVML_COMPUTE'] = os.environ['NVML_COMPUTE'].format(own=os.getpid())"
    code = f"{own}\n{STATE.format(f'holds_context={holds_context}')}"
    assert ask(code, NVML_GPUS=ONE, NVML_COMPUTE=compute, NVML_GRAPHICS=graphics)["other_processes"] == others


@needs_compiler
def test_energy_is_the_change_of_the_counter(ask: Ask) -> None:
    assert ask(ENERGY.format(""), NVML_GPUS=ONE, NVML_ENERGY="1000500 1002750") == [2.25, None]


@needs_compiler
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"NVML_REFUSE": "nvmlDeviceGetTotalEnergyConsumption=3"},
            "no energy counter: this GPU does not support it",
        ),
        ({"NVML_ENERGY": "5000 4"}, "the energy counter ran backwards: the driver was loaded anew meanwhile"),
        (
            {"CUDA_VISIBLE_DEVICES": "MIG-77", "NVML_MIG": "MIG-77"},
            "a MIG part of a GPU has no energy counter of its own",
        ),
        ({"NVML_GPUS": ""}, "no GPU was found"),
    ],
)
def test_no_energy(ask: Ask, settings: dict[str, str], reason: str) -> None:
    assert ask(ENERGY.format(""), **{"NVML_GPUS": ONE, **settings}) == [None, reason]


@needs_compiler
@pytest.mark.parametrize("settings", [{}, {"NVML_REFUSE": "nvmlDeviceGetTotalEnergyConsumption=3"}])
def test_every_session_is_closed(ask: Ask, tmp_path: Path, settings: dict[str, str]) -> None:
    log = tmp_path / "log"
    ask(ENERGY.format(""), NVML_GPUS=ONE, NVML_ENERGY="1 2", NVML_LOG=str(log), **settings)
    called = log.read_text().split()
    assert called.count("nvmlInitWithFlags") == called.count("nvmlShutdown") == 1
    assert called[-1] == "nvmlShutdown"


@needs_compiler
def test_a_name_that_is_no_text(ask: Ask) -> None:
    code = f"import os; os.environb[b'NVML_GPUS'] = b'\\xff\\xfe,{UUIDS[0]},1'\n{STATE.format('')}"
    state = ask(code)
    assert state["name"] is None
    assert state["missing"] == {"name": "the driver's answer is not text"}
