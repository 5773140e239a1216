"""Chunks of JSON to typed events. Members that nobody asks for are skipped, odd events of other tools too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from effprof.errors import BadFileError

NOTHING = msgspec.Raw()
NO_ID = -1
"""Where an event has no such number."""


Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What arithmetic on floats can take, and a saved profile."""


class Args(msgspec.Struct, gc=False):
    """What an event says of itself, in the spellings of all versions."""

    correlation: int | None = NO_ID
    stream: int | None = NO_ID
    device: int | None = NO_ID
    bytes: int | None = NO_ID
    external_id: int | None = msgspec.field(name="External id", default=NO_ID)
    sequence: int | None = msgspec.field(name="Sequence number", default=NO_ID)
    fwd_thread: int | None = msgspec.field(name="Fwd thread id", default=NO_ID)
    dims: msgspec.Raw = msgspec.field(name="Input Dims", default=NOTHING)
    old_dims: msgspec.Raw = msgspec.field(name="Input dims", default=NOTHING)
    types: msgspec.Raw = msgspec.field(name="Input type", default=NOTHING)
    strides: msgspec.Raw = msgspec.field(name="Input Strides", default=NOTHING)
    values: msgspec.Raw = msgspec.field(name="Concrete Inputs", default=NOTHING)


class Event(msgspec.Struct, gc=False):
    """One entry of the list; times in microseconds."""

    ph: str = ""
    cat: str = ""
    name: str = ""
    ts: float | None = None
    dur: float | None = None
    pid: int | float | str | None = None
    tid: int | float | str | None = None
    args: Args | None = None


class DeviceProperties(msgspec.Struct):
    id: int | None = None
    name: str | None = None
    major: int | None = msgspec.field(name="computeMajor", default=None)
    minor: int | None = msgspec.field(name="computeMinor", default=None)


class DistributedInfo(msgspec.Struct):
    rank: Number | None = None


class Surroundings(msgspec.Struct):
    """What stands around the list of events."""

    devices: msgspec.Raw = msgspec.field(name="deviceProperties", default=NOTHING)
    distributed: msgspec.Raw = msgspec.field(name="distributedInfo", default=NOTHING)
    base_ns: msgspec.Raw = msgspec.field(name="baseTimeNanoseconds", default=NOTHING)


_EVENTS: msgspec.json.Decoder[list[Event]] = msgspec.json.Decoder(list[Event], strict=False)
_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event, strict=False)
_RAW_EVENTS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)


def decode_events(chunk: bytes, is_needed: Any) -> list[Event]:
    """The events of a JSON list.

    Args:
        is_needed: whether events of a category, as written, are looked at; others may be of any form.

    Raises BadFileError on what is not JSON, and on an event that is needed and of another form.
    """
    try:
        return _EVENTS.decode(chunk)
    except msgspec.ValidationError:
        return list(_one_by_one(chunk, is_needed))
    except _BROKEN as error:
        raise BadFileError(f"it is not JSON: {error}") from error


def decode_surroundings(data: bytes) -> Surroundings:
    """Raises BadFileError where the file is not whole JSON."""
    if data.lstrip().startswith(b"["):
        if data.strip() != b"[]":
            raise BadFileError("it is not JSON: something follows its list of events")
        return Surroundings()
    try:
        return msgspec.json.decode(data, type=Surroundings)
    except _BROKEN as error:
        raise BadFileError(f"it is not whole JSON: {error}") from error


def decode_lenient(raw: msgspec.Raw | bytes, kind: Any) -> Any:
    """`raw` as that kind; None where it is absent or of another form."""
    if not bytes(raw):
        return None
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except _BROKEN:
        return None


def _one_by_one(chunk: bytes, is_needed: Any) -> Iterator[Event]:
    try:
        raws = _RAW_EVENTS.decode(chunk)
    except _BROKEN as error:
        raise BadFileError(f"it is not JSON: {error}") from error
    for raw in raws:
        try:
            yield _EVENT.decode(raw)
        except msgspec.ValidationError as error:
            content = decode_lenient(raw, dict)
            if content is None or (content.get("ph") == "X" and is_needed(content.get("cat"))):
                raise BadFileError(f"an event of its list is not as a profiler writes it: {error}") from error
            if content.get("ph") == "X" and isinstance(content.get("cat"), str):
                yield Event("X", content["cat"])
        except _BROKEN as error:
            raise BadFileError(f"it is not JSON: {error}") from error
