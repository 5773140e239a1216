"""Whether CUDA can be used, found out before anything slow starts: neither torch nor CUDA is loaded for it.

What torch was built for stands in a file of its own; the driver, the GPUs and their compute modes are asked through
NVML. What neither can tell is left to torch, in the process that measures.
"""

from __future__ import annotations

import ast
import ctypes
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from effprof.sensors import SensorSilent
from effprof.sensors.nvml import REASONS, Nvml, nvml_session

CUDA_LIBRARY = "libcuda.so.1"
# Where NVML says so there is no CUDA either. Other silences are its own (no NVML on some boards, no nvidia-ml-py).
CERTAIN = (REASONS[9], REASONS[18], REASONS[28])


@dataclass(frozen=True)
class TorchBuild:
    """What an installed torch was built for."""

    version: str
    cuda: str | None
    """`13.0`; None in a build for the CPU alone."""
    hip: str | None
    """The same of ROCm."""


def why_no_cuda(ordinal: int = 0, environ: Mapping[str, str] = os.environ) -> str | None:
    """Why `cuda:<ordinal>` cannot be used, on one line; None where nothing speaks against it."""
    build = torch_build()
    if build is not None and build.hip is not None:
        return f"torch {build.version} is built for ROCm, on which effprof measures nothing yet"
    try:
        with nvml_session() as nvml:
            reason = _by_nvml(nvml, ordinal, build, environ)
    except SensorSilent as silent:
        reason = str(silent) if str(silent) in CERTAIN or not _has_library(CUDA_LIBRARY) else None
    return reason or _by_build(build)


def torch_folder() -> Path | None:
    """Where torch is installed, without importing it."""
    found = importlib.util.find_spec("torch")
    return None if found is None or found.origin is None else Path(found.origin).parent


def torch_build() -> TorchBuild | None:
    """From torch's version.py; None where there is no torch, or the file does not tell."""
    folder = torch_folder()
    if folder is None:
        return None
    try:
        said = dict(_constants((folder / "version.py").read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        return None
    version, cuda, hip = said.get("__version__"), said.get("cuda"), said.get("hip")
    if not isinstance(version, str):
        return None
    return TorchBuild(version, cuda if isinstance(cuda, str) else None, hip if isinstance(hip, str) else None)


def _constants(source: str) -> Iterator[tuple[str, object]]:
    """Of each `name = 'text'` and `name: type = 'text'` of a module."""
    for node in ast.parse(source).body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant):
            yield from ((target.id, value.value) for target in targets if isinstance(target, ast.Name))


def _by_nvml(nvml: Nvml, ordinal: int, build: TorchBuild | None, environ: Mapping[str, str]) -> str | None:
    reason = nvml.why_not_visible(ordinal, environ) or _too_old(nvml, build)
    if reason is not None:
        return reason
    try:
        return nvml.gpu(ordinal, environ=environ).why_closed()
    except SensorSilent:
        return None  # which GPU is meant, or its mode, is not known: torch will see


def _too_old(nvml: Nvml, build: TorchBuild | None) -> str | None:
    """A driver runs what was built for any CUDA of its own major version (NVIDIA, CUDA Compatibility, section 2)."""
    if build is None or build.cuda is None:
        return None
    try:
        major, minor = nvml.cuda_version()
    except SensorSilent:
        return None
    wanted = build.cuda.partition(".")[0]
    if not wanted.isdecimal() or int(wanted) <= major:
        return None
    return (
        f"the driver knows CUDA up to {major}.{minor}, and torch {build.version} is built for CUDA {build.cuda}: "
        "update the driver, or install a torch for an older CUDA"
    )


def _by_build(build: TorchBuild | None) -> str | None:
    if build is None:
        return "torch is not installed"
    if build.cuda is None:
        return f"torch {build.version} is built for the CPU alone: install one that is built for CUDA"
    return None


def _has_library(name: str) -> bool:
    """Whether the driver's library is there; loading it starts nothing."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
