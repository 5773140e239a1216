"""From a path to a `Result`: a run folder, its profile.json or report.json, a guidelines folder or one of its files."""

from __future__ import annotations

import codecs
import math
import unicodedata
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from effprof.compare.from_run import ReportFile, result_of_profile, result_of_report
from effprof.compare.from_sweep import GuidelinesFile, result_of_guidelines, result_of_sweep
from effprof.compare.words import Facts, Result
from effprof.errors import BadFileError
from effprof.foreign import describe, one_line
from effprof.store import loads_profile, loads_sweep, read_at_most
from effprof.store.decoding import decoded

FILES = ("profile.json", "sweep.json", "report.json", "guidelines.json")
"""What is looked for in a folder: raw records first."""
MAX_BYTES = 512 * 2**20
MAX_QUANTITIES = 1000
"""Of a guidelines result at three scales there are 63, of a run 19; to judge and show very many would take minutes."""
LONGEST_NAME = 10_000
_CONTROLS = ("Cc", "Cf", "Cs")
"""Unicode's categories of what is not shown, or moves what is: in no name of a device, network or setting."""
SHORTEST_S, LONGEST_S = 1e-12, 1e9
"""Times outside were never measured, and their ratios would overflow."""
_LARGEST_SHARE = 100.0
_WIDEST = math.log(1e6)
"""Half-width of an interval in the logarithm; the bounds of a ratio would overflow."""
_NULL = msgspec.Raw(b"null")
_MARKS = ((codecs.BOM_UTF8, "UTF-8"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_ARITHMETIC = (ArithmeticError, LookupError, TypeError, ValueError)


class _Head(msgspec.Struct):
    format: str
    device_trace: msgspec.Raw = _NULL
    """In the profile of an imported trace."""
    device_time: msgspec.Raw = _NULL
    """In the report of one, and in that of a measurement on a GPU."""
    model: msgspec.Raw = _NULL


def read_result(path: Path | str) -> Result:
    """Raises BadFileError, with the path and what would be right, for anything that cannot be compared."""
    found = find_result(path)
    try:
        data = read_at_most(found, MAX_BYTES)
        if data is None:
            raise BadFileError(f"it is larger than {MAX_BYTES // 2**20} MiB")
        return loads_result(data, str(found))
    except OSError as error:
        raise BadFileError(f"Cannot read {found}: {error.strerror or error}. Give {_RIGHT}.") from error
    except BadFileError as error:
        raise BadFileError(f"Cannot compare {found}: {one_line(str(error))}. Give {_RIGHT}.") from error


def find_result(path: Path | str) -> Path:
    """The file meant by a folder or by the path of a file. Raises BadFileError where there is none."""
    given = Path(path)
    try:
        if not given.is_dir():
            if given.exists():
                return given
            raise BadFileError(f"There is no {given}. Give {_RIGHT}.")
        for name in FILES:
            if (given / name).exists():
                return given / name
        inside = sorted(child.parent for name in FILES[:2] for child in given.glob(f"*/{name}"))
    except (OSError, ValueError) as error:  # ValueError: a null byte
        raise BadFileError(f"Cannot look for {str(given)!r}: {error}. Give {_RIGHT}.") from error
    if inside:
        raise BadFileError(f"{given} holds {len(inside)} results. Give one of them, for instance {inside[0]}.")
    raise BadFileError(f"There is none of {', '.join(FILES)} in {given}. Give {_RIGHT}.")


def loads_result(data: bytes, path: str = "") -> Result:
    """The result saved as `data`. Raises BadFileError."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            raise BadFileError(f"it begins with a byte order mark of {encoding}; JSON is UTF-8 without one")
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFileError(f"it is no JSON with a format: {error}") from error
    name = head.format.partition("/")[0]
    if name not in _LOADERS:
        raise BadFileError(f"its format is {head.format!r}; comparable are {', '.join(_LOADERS)}")
    if bytes(head.device_trace) != b"null" or _is_imported_report(head):
        raise BadFileError("an imported trace cannot be compared yet")
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            result = _LOADERS[name](data, path)
    except _ARITHMETIC as error:
        # Types and counts are checked; what contradicts itself beyond that shows when it is computed with.
        raise BadFileError(f"its numbers contradict each other: {describe(error)}") from error
    problem = _problem(result)
    if problem is not None:
        raise BadFileError(problem)
    return result


def _is_imported_report(head: _Head) -> bool:
    if bytes(head.device_time) == b"null":
        return False
    model = msgspec.json.decode(head.model)
    return isinstance(model, dict) and model.get("source") == "trace"


def _profile(data: bytes, path: str) -> Result:
    return result_of_profile(loads_profile(data), path)


def _sweep(data: bytes, path: str) -> Result:
    return result_of_sweep(loads_sweep(data), path)


def _report(data: bytes, path: str) -> Result:
    return result_of_report(decoded(data, ReportFile, _must_be("effprof.report/1"), "report"), path)


def _guidelines(data: bytes, path: str) -> Result:
    content = decoded(data, GuidelinesFile, _must_be("effprof.guidelines/1"), "guidelines result")
    return result_of_guidelines(content, path)


_LOADERS: dict[str, Callable[[bytes, str], Result]] = {
    "effprof.profile": _profile,
    "effprof.sweep": _sweep,
    "effprof.report": _report,
    "effprof.guidelines": _guidelines,
}
_RIGHT = "a folder of `effprof run` or `effprof guidelines`, or its profile.json, report.json or guidelines.json"


def _must_be(known: str) -> Callable[[str], None]:
    def check(found: str) -> None:
        if found != known:
            raise BadFileError(f"its format is {found!r}; this effprof knows {known!r}")

    return check


def _names(result: Result) -> Facts:
    return ("network", result.name), ("device", result.device.name), *result.setting, *result.circumstances


def _problem(result: Result) -> str | None:
    """What would make the arithmetic of the comparison meaningless."""
    if len(result.quantities) > MAX_QUANTITIES:
        return f"it tells {len(result.quantities)} quantities; no result of effprof has more than {MAX_QUANTITIES}"
    for what, name in (*_names(result), *(("quantity", quantity.name) for quantity in result.quantities)):
        if len(name) > LONGEST_NAME or any(unicodedata.category(letter) in _CONTROLS for letter in name):
            return f"its {what} has a name that effprof did not write: {name!a}"
    seen: set[str] = set()
    for quantity in result.quantities:
        if quantity.name in seen:
            return f"it tells {quantity.name} twice"
        seen.add(quantity.name)
        for value in (*quantity.processes, quantity.within):
            if not math.isfinite(value):
                return f"{quantity.name} is {value}"
        if quantity.within > _WIDEST:
            return f"the interval of {quantity.name} reaches further than a million times its value"
        for value in quantity.processes:
            if quantity.unit == "share":
                if abs(value) > _LARGEST_SHARE:
                    return f"{quantity.name} is {value}"
            elif value and not SHORTEST_S <= abs(value) <= LONGEST_S:
                return f"{quantity.name} is {value}, which cannot have been measured"
    return None
