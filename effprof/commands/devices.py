"""`effprof devices`: what --device knows, what of it is here, and why the rest is not. Imports no torch."""

from __future__ import annotations

import argparse
import platform
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effprof.commands.stdout import json_text, write_out
from effprof.sensors.cuda_ready import why_no_cuda
from effprof.units import format_bytes

FORMAT = "effprof.devices/1"
WIDTH, INDENT, LABEL = 80, 6, 14
KEPT = "␣"
"""Stands for a blank at which no line may end."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    devices = [describe_cpu(), _cuda(), _fake()]
    write_out(json_text({"format": FORMAT, "devices": devices}) if args.json else "".join(map(as_text, devices)))
    return 0


def describe_cpu(root: Path = Path("/"), machine: str | None = None) -> dict[str, Any]:
    """What /proc and /sys below `root` tell of a CPU on which programs are told that they run on `machine`."""
    from effprof.devices.cpuinfo import available_memory_bytes, cpu_name, usable_cores
    from effprof.sensors.cores import core_types, cpu_state, instruction_set
    from effprof.sensors.emulation import find_emulation

    return {
        "kind": "cpu",
        "available": True,
        "reason": None,
        "name": cpu_name(root, machine),
        "arch": machine or platform.machine(),
        "cores": usable_cores(),
        "available_memory_bytes": available_memory_bytes(),
        "allocator": " ".join(filter(None, platform.libc_ver())) or None,
        "emulated": find_emulation(root, machine),
        "core_types": core_types(None, root, machine) or None,
        "isa": instruction_set(root, machine),
        **asdict(cpu_state(root, machine)),
        "energy": _energy(root),
    }


def _energy(root: Path) -> dict[str, Any]:
    from effprof.sensors import SensorSilent
    from effprof.sensors.powercap import PowercapMeter

    try:
        return {"source": PowercapMeter(root).source, "reason": None}
    except SensorSilent as silent:
        return {"source": None, "reason": str(silent)}


def _cuda() -> dict[str, Any]:
    from effprof.sensors.nvml import gpu_state

    state, reason = gpu_state(), why_no_cuda()
    known = None if "nvml" in state.missing else asdict(state)
    return {
        "kind": "cuda",
        "available": reason is None,
        "reason": reason,
        "name": state.name,
        "gpu": known,
        "gpu_reason": state.missing.get("nvml"),
    }


def _fake() -> dict[str, Any]:
    return {
        "kind": "fake",
        "available": True,
        "reason": None,
        "name": "a make-believe clock; fake:PLAN.json gives each operator its cost",
    }


def as_text(device: dict[str, Any]) -> str:
    """For a terminal of 80 columns."""
    status = "available" if device["available"] else _printable(f"not available: {device['reason']}")
    lines = textwrap.wrap(
        f"{device['kind']:<{INDENT}}{status}", WIDTH, subsequent_indent=" " * INDENT, break_on_hyphens=False
    )
    if device.get("name") is not None:
        lines.append(f"{'':{INDENT}}{_printable(device['name'])}")
    details = {"cpu": _cpu_details, "cuda": _gpu_details}.get(device["kind"])
    for label, text in details(device) if details is not None else ():
        lead = f"{'':{INDENT}}{label:<{LABEL if label else 0}}"
        wrapped = textwrap.wrap(_printable(text), WIDTH - len(lead), break_on_hyphens=False)
        lines += [f"{lead if i == 0 else ' ' * len(lead)}{line.replace(KEPT, ' ')}" for i, line in enumerate(wrapped)]
    return "".join(f"{line}\n" for line in lines)


def _cpu_details(cpu: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(label, text) of each line below the name."""
    memory = cpu["available_memory_bytes"]
    parts = [
        cpu["arch"],
        f"{cpu['cores']} usable cores",
        "memory unknown" if memory is None else f"{format_bytes(memory)} memory available",
        f"allocator {cpu['allocator'] or 'unknown'}",
    ]
    yield "", _joined(parts)
    if cpu["emulated"] is not None:
        yield "emulated", f"times here are no measurement: {cpu['emulated']}"
    yield "instructions", " ".join(cpu["isa"]) if cpu["isa"] else "unknown"
    for group in cpu["core_groups"]:
        yield "cores", _group(group)
    if cpu["temperatures"]:
        yield "temperatures", _joined(f"{one['sensor']} {one['celsius']:.0f} °C" for one in cpu["temperatures"])
    energy = cpu["energy"]
    yield "energy", f"counted ({energy['source']})" if energy["source"] is not None else f"unknown: {energy['reason']}"
    shown = {what: reason for what, reason in cpu["missing"].items() if what not in ("isa", "core_types")}
    for reason in dict.fromkeys(shown.values()):
        yield "unknown", f"{', '.join(what for what, why in shown.items() if why == reason)}: {reason}"


def _group(group: dict[str, Any]) -> str:
    from effprof.sensors.files import cpu_ranges

    clocks = [clock for clock in group["clocks_hz"] if clock is not None]
    lowest, highest = group["min_clock_hz"], group["max_clock_hz"]
    parts = [
        cpu_ranges(group["cpus"]),
        group["size"],
        group["core_type"],
        None if lowest is None or highest is None else f"{lowest / 1e9:.2f} to {highest / 1e9:.2f} GHz",
        f"now {min(clocks) / 1e9:.2f}{_upper(clocks)} GHz" if clocks else None,
        None if group["governor"] is None else f"governor {group['governor']}",
    ]
    return _joined(part for part in parts if part is not None)


def _upper(clocks_hz: list[int]) -> str:
    high = f"{max(clocks_hz) / 1e9:.2f}"
    return "" if high == f"{min(clocks_hz) / 1e9:.2f}" else f" to {high}"


def _gpu_details(cuda: dict[str, Any]) -> Iterator[tuple[str, str]]:
    gpu = cuda["gpu"]
    if gpu is None:
        if cuda["gpu_reason"] != cuda["reason"]:
            yield "NVML", f"nothing known: {cuda['gpu_reason']}"
        return
    ghz = {name: None if gpu[name] is None else f"{gpu[name] / 1e9:.2f}" for name in ("sm_clock_hz", "max_sm_clock_hz")}
    parts = [
        gpu["uuid"],
        None if gpu["driver"] is None else f"driver {gpu['driver']}",
        None if ghz["sm_clock_hz"] is None else f"SM clock {ghz['sm_clock_hz']} of {ghz['max_sm_clock_hz'] or '?'} GHz",
        None if gpu["temperature_c"] is None else f"{gpu['temperature_c']} °C",
        None if gpu["power_limit_w"] is None else f"power limit {gpu['power_limit_w']:.0f} W",
        None if gpu["other_processes"] is None else f"{gpu['other_processes']} processes",
    ]
    yield "NVML", _joined(part for part in parts if part is not None)
    for what, reason in gpu["missing"].items():
        yield "unknown", f"{what}: {reason}"


def _joined(parts: Iterable[str]) -> str:
    """With dots between, at which alone a line may end."""
    return f"{KEPT}· ".join(part.replace(" ", KEPT) for part in parts)


def _printable(text: str) -> str:
    from effprof.report.untrusted import printable

    return printable(text)
