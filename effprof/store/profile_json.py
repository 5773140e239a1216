"""`profile.json`: the raw record as JSON, one line a call, with its format and version on top.

Reading checks everything that later arithmetic relies on, so that a damaged file is one clear line and no traceback.
Members that this version does not know are ignored: a later effprof may add some within the same version.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

import msgspec

from effprof.device_records import DeviceTrace, GpuRound
from effprof.errors import BadFileError
from effprof.records import Argument, ModelInfo, OpCall, Profile, Round
from effprof.store.checks import find_problem
from effprof.store.decoding import decoded
from effprof.store.files import read_whole
from effprof.store.folders import PROFILE_JSON, find_profile

FORMAT_NAME = "effprof.profile"
FORMAT_VERSION = 1
FORMAT = f"{FORMAT_NAME}/{FORMAT_VERSION}"
# 1: as in effprof/records.py

_SPREAD_OUT = (Profile, ModelInfo, Round, GpuRound, DeviceTrace)
"""Records written as one line a field; all others take one line, so that a diff shows which call changed."""


def dumps_profile(profile: Profile) -> bytes:
    """The profile as UTF-8 JSON, floats with full precision. Raises ValueError on one that could not be read back."""
    writable = replace(profile, format=FORMAT, calls=tuple(map(_with_finite_arguments, profile.calls)))
    problem = find_problem(writable)
    if problem is not None:
        raise ValueError(f"not a sound profile: {problem}")
    return "".join(_pretty(writable, "")).encode() + b"\n"


def loads_profile(data: bytes) -> Profile:
    """The profile saved as `data`.

    Raises BadFileError when it is not whole JSON, is of another format or version, or holds values of a wrong type,
    times that are negative or not finite, or positions that point nowhere.
    """
    profile = decoded(data, Profile, _check_format, "profile")
    problem = find_problem(profile)
    if problem is not None:
        raise BadFileError(f"the profile contradicts itself: {problem}")
    return profile


def read_profile(path: Path | str) -> Profile:
    """The profile in a run folder or file. Raises BadFileError, with the path, on anything but a sound profile."""
    found = find_profile(path)
    try:
        return loads_profile(read_whole(found))
    except OSError as error:
        raise BadFileError(f"Cannot read {found}: {error.strerror or error}. Give a run folder.") from error
    except BadFileError as error:
        raise BadFileError(f"Cannot read {found}: {error}. Give a {PROFILE_JSON} as `effprof run` wrote it.") from error


def _check_format(found: str) -> None:
    if found == FORMAT:
        return
    name, _, version = found.partition("/")
    if name != FORMAT_NAME:
        raise BadFileError(f"its format is {found!r}, not {FORMAT!r}")
    if version.isascii() and version.isdigit() and int(version[:9]) > FORMAT_VERSION:
        raise BadFileError(f"it has format version {version}; this effprof knows {FORMAT_VERSION}, so update effprof")
    raise BadFileError(f"it has the unknown format version {version!r}; this effprof knows {FORMAT_VERSION}")


def _with_finite_arguments(call: OpCall) -> OpCall:
    """JSON has no infinity (`masked_fill(value=-inf)`): it is written as its text, as OpCall.arguments promises."""
    if all(_is_finite(value) for value in call.arguments.values()):
        return call
    return replace(call, arguments={name: _finite(value) for name, value in call.arguments.items()})


def _is_finite(value: Argument) -> bool:
    values: Iterable[object] = value if isinstance(value, tuple) else (value,)
    return all(not isinstance(item, float) or math.isfinite(item) for item in values)


def _finite(value: Argument) -> Argument:
    if isinstance(value, tuple):
        return tuple(item if _is_finite(item) else str(item) for item in value)
    return value if _is_finite(value) else str(value)


def _pretty(value: object, indent: str) -> Iterable[str]:
    inner = indent + " "
    if isinstance(value, _SPREAD_OUT):
        members = [(field.name, getattr(value, field.name)) for field in fields(value)]
        # The format comes first, so that the head of the file tells what it is.
        members.sort(key=lambda member: member[0] != "format")
        yield "{"
        for position, (name, member) in enumerate(members):
            yield f"{',' if position else ''}\n{inner}\"{name}\": "
            yield from _pretty(member, inner)
        yield f"\n{indent}}}"
    elif isinstance(value, tuple) and value and hasattr(value[0], "__dataclass_fields__"):
        yield "["
        for position, item in enumerate(value):
            yield f"{',' if position else ''}\n{inner}"
            yield from _pretty(item, inner)
        yield f"\n{indent}]"
    else:
        yield _line(value)


def _line(value: object) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=_base_type).decode()
    except UnicodeEncodeError:
        # A file name that is not UTF-8 reaches Python with lone surrogates, which JSON cannot hold.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value, enc_hook=_base_type))).decode()


def _base_type(value: object) -> object:
    """Of a subclass of a plain type, as torch's version or a numpy float is one: the plain value."""
    for base in (str, float, int):
        if isinstance(value, base):
            return base(value)
    raise TypeError(f"{type(value).__name__} cannot be saved")


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, (list, tuple)) else value
