"""A profile comes back as it was saved, and a damaged file is one clear line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_profile import CALLS, ROUND, TIMED

from effprof.errors import BadFileError
from effprof.records import (
    Calibration,
    CalibrationPoint,
    Crosscheck,
    DeviceInfo,
    Environment,
    MeasuredOp,
    ModelInfo,
    ModuleInfo,
    Note,
    OpCall,
    Profile,
    Round,
    RunSpec,
    Samples,
    TensorSpec,
)
from effprof.store import dumps_profile, loads_profile, read_profile

INT64 = st.integers(-(2**63), 2**63 - 1)
COUNT = st.integers(0, 2**40)
TEXT = st.text(max_size=8)
TIME = st.floats(0, 1e6, allow_nan=False)
TIMES = st.lists(TIME, max_size=3).map(tuple)
SHAPES = st.lists(st.lists(st.integers(1, 999), max_size=4).map(tuple), max_size=2).map(tuple)
SCALAR = st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ARGUMENTS = st.dictionaries(TEXT, SCALAR | st.lists(SCALAR, max_size=3).map(tuple), max_size=3)
NOTES = st.lists(st.builds(Note, TEXT, TEXT, TEXT), max_size=2).map(tuple)
SPECS = st.builds(
    RunSpec,
    model=TEXT,
    batch_size=st.integers(1, 99),
    input_shape=SHAPES,
    img_size=st.none() | st.integers(1, 999),
    threads=st.none() | st.integers(1, 99),
    min_time_s=TIME,
    max_time_s=TIME,
    seed=COUNT,
    command=TEXT,
)


@st.composite
def tensors(draw: st.DrawFn) -> TensorSpec:
    shape = draw(st.lists(st.integers(0, 999), max_size=4))
    strides = draw(st.lists(st.integers(0, 2**40), min_size=len(shape), max_size=len(shape)))
    values = draw(st.none() | st.lists(INT64, max_size=3).map(tuple))
    role = draw(st.sampled_from(["activation", "parameter", "buffer", "input"]))
    return TensorSpec(draw(COUNT), draw(COUNT), tuple(shape), tuple(strides), draw(TEXT), 4, role, values)


@st.composite
def calls(draw: st.DrawFn, index: int) -> OpCall:
    inputs = draw(st.lists(tensors(), max_size=2).map(tuple))
    return OpCall(
        index=index,
        op=draw(TEXT),
        aten=draw(TEXT),
        layer=draw(TEXT),
        source=draw(st.none() | TEXT),
        inputs=inputs,
        input_names=tuple(draw(TEXT) for _ in inputs),
        outputs=draw(st.lists(tensors(), max_size=2).map(tuple)),
        arguments=draw(ARGUMENTS),
        written=tuple(range(draw(st.integers(0, len(inputs))))),
        is_view=draw(st.booleans()),
        direction=draw(st.sampled_from(["forward", "backward"])),
    )


@st.composite
def rounds(draw: st.DrawFn, call_count: int) -> Round:
    runs = draw(TIMES)
    indices = st.lists(st.integers(0, call_count - 1), max_size=2).map(tuple) if call_count else st.just(())
    ops = st.builds(MeasuredOp, indices, st.lists(TIME, min_size=len(runs), max_size=len(runs)).map(tuple))
    plain = draw(TIMES)
    faults = draw(st.booleans())
    return Round(
        plain=Samples(plain, draw(TIMES), tuple(draw(COUNT) for _ in plain) if faults else ()),
        instrumented=Samples(runs, draw(TIMES)),
        ops=draw(st.lists(ops, max_size=2).map(tuple)),
        calibration=Calibration(
            draw(st.floats(-1, 1)),
            draw(st.floats(-1, 1)),
            draw(TEXT),
            draw(st.lists(st.builds(CalibrationPoint, SHAPES, COUNT, TIMES, TIMES), max_size=2).map(tuple)),
        ),
        order="A" * len(plain) + "B" * len(runs),
        stopped_because=draw(TEXT),
        timer=draw(TEXT),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    call_count = draw(st.integers(0, 3))
    modules = st.lists(st.builds(ModuleInfo, TEXT, TEXT, COUNT), max_size=2).map(tuple)
    return Profile(
        spec=draw(SPECS),
        model=draw(st.builds(ModelInfo, TEXT, TEXT, COUNT, COUNT, SHAPES, TEXT, TEXT, modules)),
        environment=draw(st.builds(Environment, *[TEXT] * 2, st.none() | TEXT, TEXT, st.none() | TEXT, *[TEXT] * 3)),
        device=draw(st.none() | st.builds(DeviceInfo, TEXT, TEXT, TEXT, st.none() | COUNT)),
        calls=tuple(draw(calls(index)) for index in range(call_count)),
        rounds=draw(st.lists(rounds(call_count), max_size=2).map(tuple)),
        notes=draw(NOTES),
        partial=draw(st.booleans()),
        crosscheck=draw(st.none() | st.builds(Crosscheck, st.none() | COUNT, st.none() | COUNT, st.none() | TEXT)),
    )


@settings(deadline=None, max_examples=60)
@given(profiles())
def test_what_was_saved_comes_back_exactly(profile: Profile) -> None:
    data = dumps_profile(profile)
    again = loads_profile(data)
    assert again == profile
    # == holds for 1 and 1.0 and True; the text does not
    assert dumps_profile(again) == data


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_file_is_an_error_or_a_sound_profile(data: st.DataObject) -> None:
    whole = bytearray(dumps_profile(TIMED))
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[position:]
    else:
        whole[position] = data.draw(st.integers(0, 255))
    try:
        result = loads_profile(bytes(whole))
    except BadFileError:
        return
    assert loads_profile(dumps_profile(result)) == result


def test_the_file_starts_with_its_format_and_has_one_line_a_call() -> None:
    lines = dumps_profile(TIMED).decode().splitlines()
    assert lines[:2] == ["{", ' "format": "effprof.profile/1",']
    assert [json.loads(line.rstrip(","))["op"] for line in lines if '"aten"' in line] == ["conv2d", "relu"]


def test_a_change_of_one_call_changes_one_line() -> None:
    moved = replace(TIMED, calls=(CALLS[0], replace(CALLS[1], layer="other")))
    pairs = zip(dumps_profile(TIMED).splitlines(), dumps_profile(moved).splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 1


def test_infinity_among_arguments_is_saved_as_text() -> None:
    call = replace(CALLS[1], arguments={"value": -math.inf, "both": (math.inf, 1.5), "fine": 2.5})
    again = loads_profile(dumps_profile(replace(TIMED, calls=(CALLS[0], call))))
    assert again.calls[1].arguments == {"value": "-inf", "both": ("inf", 1.5), "fine": 2.5}


def test_text_that_is_not_unicode_is_saved_as_its_escape() -> None:
    # what Python makes of the byte FF in a path
    call = replace(CALLS[1], source="n\udcff.py:1", arguments={"\udcff": ("\udcff", 1)})
    again = loads_profile(dumps_profile(replace(TIMED, calls=(CALLS[0], call))))
    assert again.calls[1].source == "n\\udcff.py:1"
    assert again.calls[1].arguments == {"\\udcff": ("\\udcff", 1)}


def test_what_passes_for_text_or_a_number_is_saved_as_one() -> None:
    class Version(str):
        __slots__ = ()

    class Milliseconds(float): ...

    environment = replace(TIMED.environment, torch=Version("2.14.1"))
    plain = replace(ROUND.plain, times_s=(Milliseconds(0.5), 0.25))
    again = loads_profile(dumps_profile(replace(TIMED, environment=environment, rounds=(replace(ROUND, plain=plain),))))
    assert again.environment.torch == "2.14.1"
    assert again.rounds[0].plain.times_s == (0.5, 0.25)


def test_members_of_a_later_effprof_are_ignored() -> None:
    content = json.loads(dumps_profile(TIMED))
    content["mood"] = "good"
    content["calls"][0]["colour"] = [1, 2]
    assert loads_profile(json.dumps(content).encode()) == TIMED


def traced(activities: list[dict[str, Any]]) -> dict[str, Any]:
    return {"names": ["gemm"], "devices": [{"rank": 0, "number": 0, "name": None}], "activities": activities}


def activity(call: int, **members: Any) -> dict[str, Any]:
    usual = {"name": 0, "kind": "kernel", "device": 0, "stream": 7, "start_s": 0, "duration_s": 1, "launched_s": None}
    return {**usual, "call": call, **members}


Edit = Callable[[dict[str, Any]], object]

BROKEN: dict[str, tuple[Edit, str]] = {
    "a newer version": (lambda c: c.update(format="effprof.profile/2"), "version 2; this effprof knows 1, so update"),
    "no version": (lambda c: c.update(format="effprof.profile"), "unknown format version ''"),
    "a strange version": (lambda c: c.update(format="effprof.profile/x"), "unknown format version 'x'"),
    "another format": (lambda c: c.update(format="effprof.report/1"), "'effprof.report/1', not 'effprof.profile/1'"),
    "no format": (lambda c: c.pop("format"), "format"),
    "a missing member": (lambda c: c.pop("environment"), "environment"),
    "a wrong type": (lambda c: c["spec"].update(batch_size="four"), r"Expected `int`, got `str` - at `\$.spec.batch"),
    "a float that should be whole": (lambda c: c["model"].update(parameters=1.5), "parameters"),
    "an unknown role": (lambda c: c["calls"][0]["inputs"][0].update(role="guest"), "guest"),
    "no batch": (lambda c: c["spec"].update(batch_size=0), "batch size is 0"),
    "a negative limit": (lambda c: c["spec"].update(min_time_s=-1), "min_time_s is -1"),
    "an index out of step": (lambda c: c["calls"][1].update(index=0), "call 1 says that its index is 0"),
    "a nameless input": (lambda c: c["calls"][0].update(input_names=["input"]), "2 inputs and 1 input names"),
    "a write to nowhere": (lambda c: c["calls"][1].update(written=[1]), "writes to input 1 of 1"),
    "a missing stride": (lambda c: c["calls"][1]["outputs"][0].update(strides=[1]), "4 axes and 1 strides"),
    "a negative axis": (lambda c: c["calls"][1]["outputs"][0].update(shape=[1, 4, -8, 8]), "shape"),
    "a negative run": (lambda c: c["rounds"][0]["plain"].update(times_s=[1, -1]), "-1.0 among its plain"),
    "a negative warm-up": (lambda c: c["rounds"][0]["plain"].update(warmup_s=[-0.5]), "-0.5 among its plain"),
    "negative page faults": (lambda c: c["rounds"][0]["plain"].update(page_faults=[0, -3]), "-3 page faults"),
    "missing page faults": (lambda c: c["rounds"][0]["plain"].update(page_faults=[0]), "2 plain runs and 1 page"),
    "a missing time": (lambda c: c["rounds"][0]["ops"][1].update(times_s=[1]), "2 instrumented runs but 1 times"),
    "a negative time": (lambda c: c["rounds"][0]["ops"][1].update(times_s=[1, -2]), "time -2.0 for op 1"),
    "a call too far": (lambda c: c["rounds"][0]["ops"][1].update(calls=[2]), "names call 2 in op 1; there are 2"),
    "a call before": (lambda c: c["rounds"][0]["ops"][1].update(calls=[-1]), "names call -1 in op 1"),
    "a strange order": (lambda c: c["rounds"][0].update(order="ABC"), "'C' in its order"),
    "an endless run": (lambda c: c["rounds"][0]["plain"].update(times_s=[1, 1e308]), r"1e\+308 among its plain"),
    "an endless guess": (lambda c: c["rounds"][0]["calibration"].update(outside_s=-1e308), r"calibration .*-1e\+308"),
    "a batch beyond number": (lambda c: c["spec"].update(batch_size=2**61), f"batch size is {2**61}"),
    "a model beyond number": (lambda c: c["model"].update(weights_bytes=2**61), f"or their bytes are {2**61}"),
    "a module below nothing": (lambda c: c["model"]["modules"][0].update(parameters=-1), "a module has -1 parameters"),
    "page faults beyond number": (
        lambda c: c["rounds"][0]["plain"].update(page_faults=[0, 2**61]), f"{2**61} page faults",
    ),
    "a tensor beyond number": (
        lambda c: c["calls"][1]["outputs"][0].update(shape=[2**31, 2**31, 0, 1]), "tensor of shape",
    ),
    "no execution": (lambda c: c["calls"][0].update(count=0), "call 0 was executed 0 times"),
    "an endless activity": (
        lambda c: c.update(device_trace=traced([activity(0, duration_s=1e308), activity(1, duration_s=1e308)])),
        r"device activity 0 has the time 1e\+308",
    ),
    "a launch before time": (
        lambda c: c.update(device_trace=traced([activity(0, launched_s=-1e308)])), r"launched at -1e\+308",
    ),
    "a copy of less than nothing": (
        lambda c: c.update(device_trace=traced([activity(0, moved_bytes=-1)])), "device activity 0 moved -1 bytes",
    ),
    "a negative point": (
        lambda c: c["rounds"][0]["calibration"]["points"][0].update(plain_s=[-1]),
        "-1.0 in a calibration point",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_contradiction_is_named(case: str) -> None:
    edit, message = BROKEN[case]
    content = json.loads(dumps_profile(TIMED))
    edit(content)
    with pytest.raises(BadFileError, match=message):
        loads_profile(json.dumps(content).encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format":"\xff"}', b"[" * 100_000, b'{"format": NaN}', b"PNG"],
    ids=repr,
)
def test_what_is_not_a_profile_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(BadFileError):
        loads_profile(data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_time_that_is_no_number_is_refused(number: str) -> None:
    text = dumps_profile(TIMED).decode().replace("0.0031", number)
    with pytest.raises(BadFileError):
        loads_profile(text.encode())


@pytest.mark.parametrize("bad_s", [math.nan, math.inf, -1e-9])
def test_a_profile_that_could_not_be_read_back_is_not_written(bad_s: float) -> None:
    broken = replace(ROUND, plain=Samples((0.1, bad_s)))
    with pytest.raises(ValueError, match="not a sound profile"):
        dumps_profile(replace(TIMED, rounds=(broken,)))


def test_reading_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(dumps_profile(TIMED))
    assert read_profile(tmp_path) == TIMED
    path.write_bytes(dumps_profile(TIMED)[:500])
    with pytest.raises(BadFileError, match=r"Cannot read .*profile\.json: not whole JSON"):
        read_profile(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_never_ends_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "profile.json")
    for path in (tmp_path, tmp_path / "profile.json"):
        with pytest.raises(BadFileError, match=r"Cannot read .*profile\.json: it is a named pipe\. Give a run folder"):
            read_profile(path)
    with pytest.raises(BadFileError, match=r"Cannot read /dev/zero: it is a device\. Give"):
        read_profile("/dev/zero")
