"""Which ceilings a report is made with: what `effprof calibrate` saved of this device, or the copy in a run folder.

Whether they belong to a profile and are recent enough is judged against the profile, not against today: a report made
again says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from effprof.ceiling_records import Ceilings, CeilingSpec
from effprof.errors import BadFileError
from effprof.records import DeviceInfo, Environment, Profile
from effprof.store.ceilings_json import CEILINGS_JSON, ceilings_path, other_devices, read_ceilings
from effprof.units import counted

KINDS = ("cpu", "fake")
"""Devices that can be calibrated."""
DISTURBING = ("other-load", "cpu-steal")
"""Notes of a calibration that make its ceilings too low."""
MAX_AGE = timedelta(days=90)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Found:
    """The ceilings for a profile, and one line about them where there is something to say."""

    ceilings: Ceilings | None
    said: str | None = None


def ceilings_for(profile: Profile) -> Found:
    """What is saved for the profile's device, threads and precision. Raises nothing: what is wrong with it is said."""
    device = profile.device
    if device is None or device.kind not in KINDS or profile.device_trace is not None:
        return Found(None)
    spec = CeilingSpec(profile.spec.device, device.threads, profile.spec.precision)
    try:
        found = read_ceilings(ceilings_path(device, spec))
        elsewhere = found is None and any(other_devices(device, spec))
    except (BadFileError, OSError) as error:
        return Found(None, f"No ceilings: {error}")
    command, setting = how_to(profile), setting_text(device, profile.spec.precision)
    if found is None and device.host is not None:
        return Found(None)  # nothing that could be run here would help
    if found is None:
        why = "the calibration that is there is of another CPU" if elsewhere else "not calibrated yet"
        return Found(None, f"No ceilings for {device.name} ({setting}): {why}. `{command}` measures them.")
    reason = why_not(found, profile)
    if reason is not None:
        return Found(None, f"No ceilings for {device.name} ({setting}): {reason}. `{command} --force` measures them.")
    old = why_old(found, profile.environment)
    if old is not None:
        return Found(found, f"The ceilings are old: {old}. `{command}` measures them anew.")
    if any(note.code in DISTURBING for note in found.notes):
        return Found(found, f"The ceilings were measured beside busy programs. `{command} --force` on a quiet machine.")
    return Found(found)


def ceilings_beside(profile_file: Path, profile: Profile) -> Ceilings | None:
    """The copy in a run folder. None where there is none, or one that is of something else.

    Raises BadFileError on a damaged one.
    """
    found = read_ceilings(profile_file.parent / CEILINGS_JSON)
    return None if found is None or why_not(found, profile) is not None else found


def why_not(ceilings: Ceilings, profile: Profile) -> str | None:
    """What makes them those of something else; None where they belong to the profile."""
    device, other = profile.device, ceilings.device
    if device is None or profile.device_trace is not None:
        return "nothing was timed"
    if (device.kind, device.arch) != (other.kind, other.arch) or _is_other_plan(ceilings, profile):
        return f"the calibration is of another device ({other.kind}, {other.arch})"
    if device.name != other.name:
        return f"the calibration is of another CPU ({other.name})"
    if device.threads != other.threads:
        return f"the calibration is of {threads_text(other)}"
    if profile.spec.precision != ceilings.spec.precision:
        return f"the calibration is of {ceilings.spec.precision}"
    state = profile.environment.cpu_state
    if profile.spec.cpus and state is not None and len(state.core_groups) > 1:
        return "the calibration is of all cores, and this run was kept to some of several kinds"
    return None


def why_old(ceilings: Ceilings, now: Environment) -> str | None:
    """Another torch, or more than 90 days before `now`; None where neither is so."""
    then = ceilings.environment
    if then.torch != now.torch:
        return f"calibrated with torch {then.torch}, and this is {now.torch}"
    try:
        age = datetime.strptime(now.started_utc, _TIME) - datetime.strptime(then.started_utc, _TIME)
    except ValueError:  # not known
        return None
    return f"calibrated {age.days} days before" if age > MAX_AGE else None


def how_to(profile: Profile) -> str:
    """The command that calibrates what the profile ran on."""
    words = ["effprof calibrate"]
    device = profile.device
    if profile.spec.device.partition(":")[0] == "fake":
        words.append(f"--device {profile.spec.device}")
    if device is not None and device.threads is not None:
        words.append(f"--threads {device.threads}")
    if profile.spec.precision != "fp32":
        words.append(f"--precision {profile.spec.precision}")
    return " ".join(words)


def setting_text(device: DeviceInfo, precision: str) -> str:
    """`1 thread, fp32`."""
    return f"{threads_text(device)}, {precision}"


def threads_text(device: DeviceInfo) -> str:
    if device.threads is None:
        return "an unknown number of threads"
    return counted(device.threads, "thread")


def _is_other_plan(ceilings: Ceilings, profile: Profile) -> bool:
    """Of two make-believe devices the plans are all that differs."""
    return ceilings.device.kind == "fake" and ceilings.spec.device != profile.spec.device
