"""`effprof devices`: what --device knows, what of it is here, and why the rest is not. Imports no torch."""

from __future__ import annotations

import argparse
import platform
from typing import Any

from effprof.commands.stdout import json_text, write_out
from effprof.settings import CUDA_REASON
from effprof.units import format_bytes

FORMAT = "effprof.devices/1"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    devices = [_cpu(), _cuda(), _fake()]
    write_out(json_text({"format": FORMAT, "devices": devices}) if args.json else "".join(map(_as_text, devices)))
    return 0


def _cpu() -> dict[str, Any]:
    from effprof.devices.cpuinfo import available_memory_bytes, cpu_name, usable_cores

    return {
        "kind": "cpu",
        "available": True,
        "reason": None,
        "name": cpu_name(),
        "arch": platform.machine(),
        "cores": usable_cores(),
        "available_memory_bytes": available_memory_bytes(),
        "allocator": " ".join(filter(None, platform.libc_ver())) or None,
    }


def _cuda() -> dict[str, Any]:
    return {"kind": "cuda", "available": False, "reason": CUDA_REASON}


def _fake() -> dict[str, Any]:
    return {
        "kind": "fake",
        "available": True,
        "reason": None,
        "name": "a make-believe clock; fake:PLAN.json gives each operator its cost",
    }


def _as_text(device: dict[str, Any]) -> str:
    lines = [f"{device['kind']:<6}{'available' if device['available'] else 'not available: ' + device['reason']}"]
    if device.get("name") is not None:
        lines.append(f"      {device['name']}")
    if device["kind"] == "cpu":
        memory = device["available_memory_bytes"]
        parts = [f"{device['arch']}", f"{device['cores']} usable cores"]
        parts.append("memory unknown" if memory is None else f"{format_bytes(memory)} memory available")
        parts.append(f"allocator {device['allocator'] or 'unknown'}")
        lines.append(f"      {' · '.join(parts)}")
    return "".join(f"{line}\n" for line in lines)
