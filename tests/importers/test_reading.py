"""Files that are no whole trace are one line that says what was found; mutated ones too, or a report."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import trace_mutations
from small_trace import SMALL, activity, old_spelling, trace

from effprof.cli import main
from effprof.errors import BadFileError
from effprof.importers import import_trace, reading, skeleton, stream, trace_name

WHOLE = trace(SMALL)
EVENTS = json.dumps(SMALL).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b" \n ", "it is empty"),
        (b"hello", "it is not JSON"),
        (b"{}", "it has no list of traceEvents, or is cut off before it"),
        (b'{"a": "traceEvents"', "it has no list of traceEvents, or is cut off before it"),
        (b'{"traceEvents": 7}', "its traceEvents are not a list"),
        (b'{"schema": "1.1.0-chakra", "nodes": []}', "it is an execution trace, which has no times"),
        (WHOLE[:-30], "it is cut off: its list of events does not end"),
        (b'{"traceEvents": []', "it is not whole JSON"),
        (WHOLE + b"}", "it is not whole JSON"),
        (EVENTS + b" x", "it is not JSON: something follows its list of events"),
        (EVENTS.replace(b"}, {", b"} {"), "it is not JSON"),
        (WHOLE.replace(b'"dur": 4.0', b'"dur": NaN').replace(b'"dur": 4', b'"dur": NaN'), "it is not JSON"),
        (gzip.compress(WHOLE)[:-20], "it is damaged or cut off"),
        (b"\x1f\x8b" + b"x" * 50, "it is damaged or cut off"),
        (b'{"traceEvents": []}', "it holds no kernels, copies or fills of a GPU, only 0 ops"),
        (trace([e for e in SMALL if e["cat"] == "cpu_op"]), "it holds no kernels, .* only 11 ops and 0 calls of"),
        (trace([activity("k", 5, 4)]), "a kernel has the start 5.0 and the duration -1.0 µs"),
        (trace([{**activity("k", 5, 6), "dur": None}]), "a kernel has the start 5.0 and the duration None µs"),
        (trace([{**activity("k", 5, 6), "ts": 1e300}]), "a kernel has the start 1e\\+300"),
        (trace([{**activity("k", 5, 6), "ts": "soon"}]), "an event of its list is not as a profiler writes it"),
        (b'{"traceEvents": [' + b"[" * 500 + b"]" * 500 + b"]}", "its brackets are nested 500 deep"),
        (b'{"traceEvents": [' + b"[" * 5000 + b"]}", "its brackets are nested 5000 deep"),
        (trace([{**activity("k", n, n), "args": {"device": n}} for n in range(5000)]), "it names 5,000 devices"),
    ],
)
def test_what_is_no_whole_trace_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, says: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(data)
    with pytest.raises(BadFileError, match=f"^Cannot import .*broken.json: {says}"):
        import_trace(path)
    assert main(["import", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_files_and_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="it cannot be read: No such file"):
        import_trace(tmp_path / "nothing.json")
    with pytest.raises(BadFileError, match="There is no trace in"):
        import_trace(tmp_path)
    (tmp_path / "a.json").write_bytes(WHOLE)
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(BadFileError, match=r"b\.json: it has no list of traceEvents"):
        import_trace(tmp_path)


def test_a_bomb_is_stopped_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FREE_BYTES", 1 << 22)
    read: list[int] = []
    original = stream.Source.read

    def counted(self: stream.Source, size: int) -> bytes:
        data = original(self, size)
        read.append(len(data))
        return data

    monkeypatch.setattr(stream.Source, "read", counted)
    path = tmp_path / "bomb.json.gz"
    for filler in (b" ", b'{"ph":"X"},'):
        path.write_bytes(gzip.compress(WHOLE.removesuffix(b"\n ]\n}") + b"," + filler * ((1 << 24) // len(filler)), 9))
        with pytest.raises(BadFileError, match="it unpacks to more than 60 times its size"):
            import_trace(path)
    assert sum(read) < 1 << 27


@pytest.mark.parametrize("says", ["", "it has no list of traceEvents"])
def test_many_inner_traceevents_are_scanned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    inner = b'{"a": [' + b'{"traceEvents":1},' * ((1 << 20) // 18) + b"{}]"
    path = tmp_path / "inner.json"
    path.write_bytes(inner + b"}" if says else inner + b"," + WHOLE[1:])
    scanned = 0
    original = skeleton._marks

    def counted(buffer: bytes) -> object:
        nonlocal scanned
        scanned += len(buffer)
        assert scanned <= 4 * path.stat().st_size
        return original(buffer)

    monkeypatch.setattr(skeleton, "_marks", counted)
    if says:
        with pytest.raises(BadFileError, match=says):
            import_trace(path)
    else:
        assert import_trace(path).device_trace is not None


def test_one_endless_event_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_EVENT_BYTES", 1 << 21)
    path = tmp_path / "long.json"
    path.write_bytes(b'{"traceEvents": [{"name": "' + b"x" * (1 << 22) + b'"}]}')
    with pytest.raises(BadFileError, match="one of its events is longer than 2 MB"):
        import_trace(path)
    path.write_bytes(WHOLE + b" " * (1 << 22))
    with pytest.raises(BadFileError, match="more than 2 MB follow its list of events"):
        import_trace(path)
    path.write_bytes(b'{"x": "' + b"x" * (1 << 22) + b'", "traceEvents": []}')
    with pytest.raises(BadFileError, match="begins within its first 2 MB"):
        import_trace(path)


def test_events_of_other_tools_may_have_any_form(tmp_path: Path) -> None:
    odd = [
        {"ph": "X", "cat": "mine", "name": 7, "ts": "soon", "args": ["a"]},
        {"ph": "i", "cat": "kernel", "args": "text"},
        {"ph": "M", "name": "process_name", "args": {"device": "a lot"}},
    ]
    path = tmp_path / "odd.json"
    path.write_bytes(trace(odd + SMALL))
    expected = tmp_path / "plain.json"
    expected.write_bytes(trace(SMALL))
    assert import_trace(path).device_trace == import_trace(expected).device_trace


def test_a_hundred_thousand_streams_are_one_device(tmp_path: Path) -> None:
    path = tmp_path / "streams.json"
    path.write_bytes(trace([activity("gemm", n, n + 1, stream=n) for n in range(100_000)]))
    trace_ = import_trace(path).device_trace
    assert trace_ is not None
    assert len({one.stream for one in trace_.activities}) == 100_000
    assert len(trace_.devices) == 1


def test_a_path_may_end_as_traces_do() -> None:
    assert trace_name(Path("/a/w0.1623.pt.trace.json.gz")) == "w0.1623"
    assert trace_name(Path("/a/b/trace.json")) == "trace"
    assert trace_name(Path("/a/ranks")) == "ranks"


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_FILES", 1)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(WHOLE)
    with pytest.raises(BadFileError, match="holds 2 traces"):
        import_trace(tmp_path)


@pytest.mark.parametrize("number", range(70))
def test_mutated_traces_give_a_report_or_one_line(tmp_path: Path, number: int) -> None:
    sources = [trace_mutations.own_trace(), {"traceEvents": SMALL}, {"traceEvents": old_spelling(SMALL)}]
    # The rare ones take seconds each; smaller ones are in test_limits, and a bomb is above.
    name, data = trace_mutations.case(sources, number, 1, trace_mutations.COMMON)
    path = tmp_path / "case.json"
    path.write_bytes(data)
    assert trace_mutations.try_import(path) in ("report", "line"), name
