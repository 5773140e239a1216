"""`--guidelines`: this device's own verdicts, which findings take what they expect from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.devices.cpuinfo import cpu_name
from effprof.errors import UsageError
from effprof.remote.target import is_remote
from effprof.settings import parse_device

if TYPE_CHECKING:
    from effprof.records import Profile
    from effprof.sweep_records import Sweep, Verdict

SWEEP_JSON = "sweep.json"


def saved_sweep(text: str) -> Sweep:
    """Of a folder of `effprof guidelines`, or its sweep.json. Raises BadFileError."""
    from effprof.store.sweep_json import read_sweep

    path = Path(text)
    return read_sweep(path / SWEEP_JSON if path.is_dir() else path)


def require_alike(args: argparse.Namespace) -> None:
    """What can be known before anything is measured. Raises UsageError for verdicts of another device or setting."""
    if args.guidelines is None:
        return
    device = args.guidelines.device
    kind = parse_device(args.device)[0] if not is_remote(args.device) else None
    _require("kind of device", kind, device.kind)
    _require("number of threads", args.threads, device.threads)
    if kind == "cpu":
        _require("device", cpu_name(), device.name)


def verdicts_for(profile: Profile, sweep: Sweep | None) -> tuple[Verdict, ...]:
    """The sweep's verdicts. Raises UsageError where they are of another device than the profile's."""
    if sweep is None or profile.device is None:
        return ()
    from effprof.guidelines import judge

    _require("device", profile.device.name, sweep.device.name)
    _require("number of threads", profile.device.threads, sweep.device.threads)
    return judge(sweep).verdicts


def _require(what: str, own: object, other: object) -> None:
    """None is not known."""
    if None not in (own, other) and own != other:
        raise UsageError(f"--guidelines is of another {what} ({other}) than the run ({own}). Measure them alike.")
