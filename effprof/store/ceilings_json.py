"""`effprof.ceilings/1`: what a device can do at best as JSON, and where it is kept between runs.

One file for each device, number of threads and precision, in the user's data folder (`platformdirs`), or below
EFFPROF_DATA_HOME where that is set. A run folder holds a copy of the one its report was made with.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from effprof.ceiling_records import (
    COMPUTE_KINDS,
    DISPATCH_KINDS,
    TRAFFIC_KINDS,
    Ceilings,
    CeilingSpec,
    Estimate,
)
from effprof.errors import BadFileError, EffprofError
from effprof.records import DeviceInfo
from effprof.store.decoding import decoded
from effprof.store.files import read_whole, write_atomically
from effprof.store.folders import folder_name

CEILINGS_JSON = "ceilings.json"
"""In a run folder."""
FORMAT = "effprof.ceilings/1"
HOME_VARIABLE = "EFFPROF_DATA_HOME"
_LARGEST_RATE = 1e18
_LARGEST_BYTES = 2**50
_LONGEST_S = 1e6


def dumps_ceilings(ceilings: Ceilings) -> bytes:
    """As UTF-8 JSON, floats with full precision. Raises ValueError for what could not be read back."""
    problem = next(_problems(ceilings), None)
    if problem is not None:
        raise ValueError(f"not sound ceilings: {problem}")
    members = msgspec.to_builtins(ceilings)
    ordered = {"format": FORMAT} | {name: value for name, value in members.items() if name != "format"}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n"


def loads_ceilings(data: bytes) -> Ceilings:
    """The ceilings saved as `data`.

    Raises BadFileError when it is not whole JSON, is of another format, or cannot have been measured.
    """
    ceilings = decoded(data, Ceilings, _check_format, "calibration")
    problem = next(_problems(ceilings), None)
    if problem is not None:
        raise BadFileError(f"the calibration contradicts itself: {problem}")
    return ceilings


def read_ceilings(path: Path | str) -> Ceilings | None:
    """None where there is no such file. Raises BadFileError, with the path, on anything but a sound calibration."""
    try:
        return loads_ceilings(read_whole(Path(path)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFileError(f"Cannot read {path}: {error.strerror or error}.") from error
    except BadFileError as error:
        raise BadFileError(f"Cannot read {path}: {error}. `effprof calibrate --force` writes it anew.") from error


def ceilings_folder() -> Path:
    """Where calibrations are kept; need not exist."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home) / "ceilings"
    import platformdirs  # not at the top: --help shall be quick

    return platformdirs.user_data_path("effprof", appauthor=False) / "ceilings"


def ceilings_path(device: DeviceInfo, spec: CeilingSpec) -> Path:
    """The one file of this device, its number of threads and the precision of `spec`."""
    return ceilings_folder() / f"{_device_part(device, spec)}-{_setting_part(device, spec)}.json"


def other_devices(device: DeviceInfo, spec: CeilingSpec) -> Iterator[Path]:
    """Calibrations of other devices of the same kind with the same setting: of another CPU in a shared home folder."""
    own = ceilings_path(device, spec)
    pattern = f"{device.kind}-*-{_setting_part(device, spec)}.json"
    return (path for path in sorted(own.parent.glob(pattern)) if path.name != own.name)


def save_ceilings(ceilings: Ceilings) -> Path:
    """Write them to their place, whole or not at all. Raises EffprofError where they or the place do not allow it."""
    path = ceilings_path(ceilings.device, ceilings.spec)
    problem = next(_problems(ceilings), None)
    if problem is not None:
        raise EffprofError(f"What was measured cannot be a calibration and is not kept: {problem}. Calibrate again.")
    claim_ceilings_folder(path)
    write_atomically(path, dumps_ceilings(ceilings))
    return path


def claim_ceilings_folder(path: Path) -> None:
    """The folder of `path`, made where it is missing; asked before anything slow. Raises EffprofError.

    So it does where a folder, a pipe or a device is in the file's place.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(path.parent, os.W_OK)
        in_the_way = path.exists() and not path.is_file()
    except OSError as error:
        raise EffprofError(_unwritable(path, error.strerror or str(error))) from error
    if not writable:
        raise EffprofError(_unwritable(path, "no permission"))
    if in_the_way:
        raise EffprofError(f"{path} is in the place of a calibration and no regular file. Move it away.")


def _unwritable(path: Path, why: str) -> str:
    return f"Calibrations are kept in {path.parent}, which cannot be written: {why}. Name another by {HOME_VARIABLE}."


def _device_part(device: DeviceInfo, spec: CeilingSpec) -> str:
    """Readable, and different for different names; make-believe devices differ by their plan."""
    name = spec.device.partition(":")[2] if device.kind == "fake" else device.name
    whole = "\n".join((device.name, device.arch, name))
    digest = hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{device.kind}-{folder_name(name)[:40]}-{digest}"


def _setting_part(device: DeviceInfo, spec: CeilingSpec) -> str:
    return f"{device.threads}t-{spec.precision}"


def _check_format(found: str) -> None:
    version = found.removeprefix("effprof.ceilings/")
    if version != found and version.isascii() and version.isdigit() and int(version[:9]) > 1:
        raise BadFileError(f"it has format version {version[:9]}; this effprof knows 1, so update effprof")
    if found != FORMAT:
        raise BadFileError(f"its format is {found!r}, not {FORMAT!r}")


def _problems(ceilings: Ceilings) -> Iterator[str]:
    if [ceiling.kind for ceiling in ceilings.compute] != list(COMPUTE_KINDS):
        yield f"it needs the compute ceilings {', '.join(COMPUTE_KINDS)}"
    if [ceiling.kind for ceiling in ceilings.dispatch] != list(DISPATCH_KINDS):
        yield f"it needs the dispatch of {', '.join(DISPATCH_KINDS)}"
    for kind in TRAFFIC_KINDS:
        sizes = [ceiling.working_set_bytes for ceiling in ceilings.traffic_of(kind)]
        if not sizes or sizes != sorted(set(sizes)) or not 0 < sizes[0] <= sizes[-1] <= _LARGEST_BYTES:
            yield f"the working sets of {kind} are {sizes[:3]}"
    rates = (*(c.mult_adds_per_s for c in ceilings.compute), *(c.bytes_per_s for c in ceilings.traffic))
    if not all(_is_sound(rate, 0.0, _LARGEST_RATE) for rate in rates):
        yield f"a rate is not above 0 and up to {_LARGEST_RATE:g} a second"
    calls = (ceiling.seconds_per_call for ceiling in ceilings.dispatch)
    if not all(_is_sound(call, -1.0, _LONGEST_S) for call in calls):
        yield f"the time of a call is not from 0 to {_LONGEST_S:g} s"
    if not all(_is_share(value) for spread in ceilings.spreads for value in (spread.spread, *spread.ci95)):
        yield "a spread between processes is negative"
    if any(spread.processes < 2 for spread in ceilings.spreads):
        yield "a spread is of a single process"


def _is_sound(estimate: Estimate, low: float, high: float) -> bool:
    """Values above `low` (-1: from 0 up) and not above `high`."""
    values: Iterable[float] = (estimate.value, *estimate.ci95, *estimate.processes)
    return all((value >= 0 if low < 0 else value > low) and value <= high for value in values)


def _is_share(value: float) -> bool:
    return 0 <= value < math.inf
