"""What must hold of any trace: beside slow and simple definitions, for random events."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_trace import US, Event, activity, launch, op, trace

from effprof.analyze import analyze
from effprof.importers import import_trace, stream
from effprof.importers.attribution import latest_before
from effprof.importers.events import HostEvents
from effprof.importers.nesting import chains
from effprof.importers.skeleton import scan

TIME = st.integers(0, 60)
ACTIVITIES = st.lists(
    st.tuples(TIME, st.integers(0, 12), st.integers(0, 3), st.integers(0, 2), st.integers(0, 9)),
    min_size=1,
    max_size=25,
)
"""start, duration, stream, kind, correlation"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traces") / "random.json"


def made(rows: list[tuple[int, ...]]) -> list[Event]:
    kinds = (("gemm", "kernel"), ("Memcpy HtoD", "gpu_memcpy"), ("Memset", "gpu_memset"))
    return [
        activity(kinds[kind][0], start, start + duration, correlation, stream_, kinds[kind][1])
        for start, duration, stream_, kind, correlation in rows
    ]


@given(rows=ACTIVITIES, launches=st.lists(st.tuples(TIME, st.integers(1, 9)), max_size=10), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=150)
def test_device_time_is_what_a_grid_of_microseconds_says(
    path: Path, rows: list[tuple[int, ...]], launches: list[tuple[int, int]], seed: int
) -> None:
    events = made(rows) + [launch(number, start, start + 1) for number, (start, _) in enumerate(launches)]
    path.write_bytes(trace(events))
    profile = import_trace(path)
    analysis = analyze(profile)
    time, accounting = analysis.device_time, analysis.accounting
    assert time is not None
    assert accounting is not None
    busy = {tick for start, duration, *_ in rows for tick in range(start, start + duration)}
    first, last = min(row[0] for row in rows), max(row[0] + row[1] for row in rows)
    assert time.busy_s / US == pytest.approx(len(busy))
    assert time.span_s / US == pytest.approx(last - first)
    gaps = (time.gaps_s.host_wait, time.gaps_s.between_kernels, time.gaps_s.other)
    assert time.busy_s + sum(gaps) == pytest.approx(time.span_s)
    assert min(gaps) >= 0
    for kind, total_s in enumerate((time.kernel_s, time.memcpy_s, time.memset_s)):
        assert total_s / US == pytest.approx(sum(row[1] for row in rows if row[3] == kind))
    assert accounting.ops_s + accounting.overhead_s + accounting.residual_s == pytest.approx(time.span_s, abs=1e-15)
    path.write_bytes(trace(random.Random(seed).sample(events, len(events))))
    assert import_trace(path) == profile


@given(
    entries=st.lists(st.tuples(st.integers(0, 4), TIME), max_size=30),
    asked=st.lists(st.tuples(st.integers(-1, 5), TIME), max_size=30),
)
def test_latest_before_is_what_a_search_finds(entries: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    entries.sort(key=lambda entry: entry[1])
    keys, times = (np.array([entry[i] for entry in entries], np.int64) for i in (0, 1))
    asked_keys, asked_times = (np.array([one[i] for one in asked], np.int64) for i in (0, 1))
    found = latest_before(keys, times.astype(float), asked_keys, asked_times.astype(float))
    for position, (key, time) in zip(found.tolist(), asked, strict=True):
        own = [i for i, entry in enumerate(entries) if entry[0] == key]
        earlier = [i for i in own if entries[i][1] <= time]
        assert position == (-1 if key == -1 or not own else earlier[-1] if earlier else own[0])


@given(
    ranges=st.lists(st.tuples(TIME, st.integers(0, 30), st.integers(0, 2)), max_size=25),
    moments=st.lists(st.tuples(st.integers(0, 3), TIME), max_size=25),
)
def test_chains_are_the_ranges_around_a_moment(
    ranges: list[tuple[int, int, int]], moments: list[tuple[int, int]]
) -> None:
    start = np.array([one[0] for one in ranges], float)
    end = start + np.array([one[1] for one in ranges], float)
    thread = np.array([one[2] for one in ranges], np.int32)
    names = np.zeros(len(ranges), np.int32)
    host = HostEvents(start, end, thread, names, np.arange(len(ranges)))
    asked = np.array([one[0] for one in moments], np.int32), np.array([one[1] for one in moments], float)
    answers = dict(chains(host, *asked))
    assert sorted(answers) == list(range(len(moments)))
    for moment, chain in answers.items():
        at_thread, time = moments[moment]
        around = [
            i for i, one in enumerate(ranges) if one[2] == at_thread and one[0] <= time <= one[0] + one[1]
        ]  # fmt: skip
        # a range that ends before a later one begins is gone; what is around the moment is all there, outer first
        assert chain == sorted(around, key=lambda i: (start[i], -end[i], i))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='"\\[]{},: aä\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\{}a', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    events=st.lists(st.dictionaries(st.text(max_size=2), JSON_VALUES, max_size=3), max_size=6),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    size=st.integers(1, 80),
)
@settings(deadline=None)
def test_chunks_hold_every_event_once_whatever_their_size(
    path: Path, events: list[dict[str, Any]], indent: int | None, ascii_only: bool, size: int
) -> None:
    around = {"before": [{"traceEvents": [1]}, 'said "traceEvents": ['], "traceEvents": events, "after": {"x": [1]}}
    path.write_bytes(json.dumps(around, indent=indent, ensure_ascii=ascii_only).encode())
    with pytest.MonkeyPatch.context() as patch, stream.open_source(path) as source:
        patch.setattr(stream, "CHUNK_BYTES", size)
        listed = stream.EventList(source)
        chunks = [json.loads(chunk) for chunk in listed.chunks()]
    assert [event for chunk in chunks for event in chunk] == events
    assert json.loads(listed.surroundings) == {**around, "traceEvents": []}


@given(events=st.lists(JSON_VALUES.filter(lambda value: isinstance(value, dict)), max_size=5), cut=st.integers(0, 200))
def test_the_skeleton_ends_where_an_event_ends(events: list[Any], cut: int) -> None:
    ends, place = [0], 0
    for one in events:
        place += len(json.dumps(one))
        ends.append(place)
        place += len(", ")
    found = scan(json.dumps(events)[1:].encode()[:cut])
    assert found.end == max(end for end in ends if end <= cut)
    assert found.closed_at == (ends[-1] if cut > ends[-1] else None)


def test_kernels_of_one_op_are_one_call_however_they_interleave(path: Path) -> None:
    events = [op("aten::relu", 0, 50), op("aten::mm", 60, 90)]
    for number in range(10):
        first = number % 2 == 0
        events.append(launch(number, (1 if first else 61) + number, (2 if first else 62) + number))
        events.append(activity("k", 100 + number, 101 + number, number))
    path.write_bytes(trace(events))
    profile = import_trace(path)
    assert [(call.op, call.index) for call in profile.calls] == [("relu", 0), ("mm", 1)]
    assert [round((op_.time_s or 0) / US) for op_ in analyze(profile).ops] == [5, 5]
