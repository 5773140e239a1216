"""Why CUDA cannot be used, each reason planted: a torch that says what it was built for, a driver compiled here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from effprof.sensors import cuda_ready
from effprof.sensors.cuda_ready import TorchBuild, torch_build

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("nvml_standin.c")
ONE = "Fast 9000,GPU-aaaa1111-0000,65"
TWO = f"{ONE};Fast 9000,GPU-bbbb2222-0000,4"
compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(
    compiler is None or sys.platform != "linux", reason="needs a C compiler, and Linux' way to find libraries"
)
ASK = """
from effprof.sensors import cuda_ready
from effprof.sensors.cuda_ready import TorchBuild
cuda_ready.torch_build = lambda: {build}
cuda_ready._has_library = lambda name: {has_library}
print(__import__("json").dumps(cuda_ready.why_no_cuda({ordinal})))
"""
FOR_12 = TorchBuild("2.9.1+cu128", "12.8", None)
FOR_13 = TorchBuild("2.14.1+cu130", "13.0", None)
FOR_CPU = TorchBuild("2.9.1+cpu", None, None)
FOR_ROCM = TorchBuild("2.9.1+rocm6.4", None, "6.4.0")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert compiler is not None
    folder = tmp_path_factory.mktemp("driver")
    command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1")]
    subprocess.run([*command, str(SOURCE)], check=True)
    return folder


def ask(
    folder: Path, build: TorchBuild | None = FOR_12, ordinal: int = 0, has_library: bool = True, **settings: str
) -> str | None:
    """`why_no_cuda` in a process that finds the NVML in `folder` and nowhere else."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("NVML_", "CUDA_"))}
    environ |= {"LD_LIBRARY_PATH": str(folder), **settings}
    code = ASK.format(build=build, ordinal=ordinal, has_library=has_library)
    done = subprocess.run([sys.executable, "-c", code], env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: str | None = json.loads(done.stdout)
    return answer


@needs_compiler
def test_a_gpu_that_can_be_used(driver: Path) -> None:
    assert ask(driver, NVML_GPUS=ONE) is None
    assert ask(driver, NVML_GPUS=TWO, ordinal=1) is None


@needs_compiler
@pytest.mark.parametrize(
    ("settings", "ordinal", "build", "reason"),
    [
        ({}, 2, FOR_12, "there is no cuda:2: 2 of 2 GPUs are visible"),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0, FOR_12,
         "there is no cuda:0: 0 of 2 GPUs are visible (CUDA_VISIBLE_DEVICES='')"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1, FOR_12,
         "there is no cuda:1: 1 of 2 GPUs are visible (CUDA_VISIBLE_DEVICES='1')"),
        ({"NVML_MODE": "3", "NVML_COMPUTE": "4711"}, 0, FOR_12,
         "it is in compute mode exclusive_process, and another process has it: wait, or nvidia-smi -c 0"),
        ({"NVML_MODE": "2"}, 0, FOR_12,
         "its compute mode is prohibited: no program may use it (nvidia-smi -c 0 allows it)"),
        ({"NVML_CUDA": "12040"}, 0, FOR_13,
         "the driver knows CUDA up to 12.4, and torch 2.14.1+cu130 is built for CUDA 13.0: update the driver, or "
         "install a torch for an older CUDA"),
        ({}, 0, FOR_CPU, "torch 2.9.1+cpu is built for the CPU alone: install one that is built for CUDA"),
        ({}, 0, FOR_ROCM, "torch 2.9.1+rocm6.4 is built for ROCm, on which effprof measures nothing yet"),
        ({}, 0, None, "torch is not installed"),
        ({"NVML_GPUS": ""}, 0, FOR_12, "no GPU was found"),
        ({"NVML_REFUSE": "nvmlInitWithFlags=9"}, 0, FOR_12, "the NVIDIA driver is not loaded"),
    ],
)  # fmt: skip
def test_why_not(driver: Path, settings: dict[str, str], ordinal: int, build: TorchBuild | None, reason: str) -> None:
    assert ask(driver, build, ordinal, **{"NVML_GPUS": TWO, **settings}) == reason


@needs_compiler
@pytest.mark.parametrize(
    "settings",
    [
        {"NVML_MODE": "3"},  # exclusive, and nobody there
        {"NVML_MODE": "0", "NVML_COMPUTE": "4711"},  # shared
        {"NVML_CUDA": "12000"},  # an older minor version of the same CUDA
        {"NVML_REFUSE": "nvmlDeviceGetComputeMode=3"},
        {"NVML_REFUSE": "nvmlSystemGetCudaDriverVersion=3"},
    ],
)
def test_what_speaks_not_against_it(driver: Path, settings: dict[str, str]) -> None:
    assert ask(driver, NVML_GPUS=ONE, **settings) is None


@needs_compiler
def test_its_own_process_does_not_keep_it_out(driver: Path) -> None:
    own = "import os; os.environ['NVML_COMPUTE'] = str(os.getpid())"
    code = f"{own}\n{ASK.format(build=FOR_12, ordinal=0, has_library=True)}"
    environ = {**os.environ, "LD_LIBRARY_PATH": str(driver), "NVML_GPUS": ONE, "NVML_MODE": "3"}
    environ.pop("CUDA_VISIBLE_DEVICES", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "null\n"


def test_no_driver_at_all(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    reason = ask(tmp_path, FOR_CPU, has_library=False)
    assert reason == "there is no NVIDIA driver here (libnvidia-ml.so.1 was not found)"


def test_a_board_without_nvml_is_left_to_torch(tmp_path: Path) -> None:
    """Jetson boards have CUDA and not always NVML."""
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    assert ask(tmp_path) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("__version__ = '2.9.1+cu128'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", FOR_12),
        ("__version__ = '2.9.1+cpu'\ncuda = None\nhip = None", FOR_CPU),
        ("__version__ = '2.9.1+rocm6.4'\ncuda: str | None = None\nhip: str | None = '6.4.0'", FOR_ROCM),
        ("cuda = '12.8'", None),
        ("__version__ = ", None),
        ("\0", None),
    ],
)
def test_what_a_torch_says_it_was_built_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, expected: TorchBuild | None
) -> None:
    (tmp_path / "version.py").write_text(source)
    monkeypatch.setattr(cuda_ready, "torch_folder", lambda: tmp_path)
    assert torch_build() == expected


def test_the_torch_that_is_installed() -> None:
    import torch

    build = torch_build()
    assert build is not None
    assert (build.version, build.cuda, build.hip) == (str(torch.__version__), torch.version.cuda, torch.version.hip)


def test_it_is_said_at_once(tmp_path: Path) -> None:
    """Without torch, which takes longer to import than all of this may: the time is printed, not judged."""
    started = time.monotonic()
    code = "import sys; from effprof.cli import main; code = main(sys.argv[1:]); assert 'torch' not in sys.modules; "
    code += "sys.exit(code)"
    command = [sys.executable, "-c", code, "run", "--model", "mobilenetv2", "--device", "cuda:999"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(f"{time.monotonic() - started:.2f} s")
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("effprof: Device 'cuda:999' is not available: ")
    assert len(done.stderr.splitlines()) == 1
