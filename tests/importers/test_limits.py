"""What no recording holds is refused early, left out with a note, or costs no more than it should: no clocks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_trace import SMALL, activity, event, launch, op, trace
from trace_many import MANY, Trace, many

from effprof.analyze import analyze
from effprof.analyze.kernel_names import NAMES_KEPT, kernel_name
from effprof.cli import main
from effprof.errors import BadFileError
from effprof.importers import attribution, events, import_trace, limits, shapes, stream
from effprof.importers import profile as profiles
from effprof.importers.decoding import decode_events
from effprof.records import Profile

COUNT = 3000
ROOT = Path(__file__).parents[2]


def imported(folder: Path, data: bytes) -> Profile:
    path = folder / "many.json"
    path.write_bytes(data)
    return import_trace(path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each piece that is read, in small pieces."""
    sizes: list[int] = []
    original = stream.Source.read

    def counted(self: stream.Source, size: int) -> bytes:
        data = original(self, size)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(stream, "CHUNK_BYTES", 1 << 14)
    monkeypatch.setattr(stream.Source, "read", counted)
    return sizes


@pytest.mark.parametrize(
    ("what", "module", "limit", "says"),
    [
        ("kernels", limits, "MAX_NAMES", "more than 500 different names, which no program has"),
        ("ops", limits, "MAX_NAMES", "more than 500 different names"),
        ("layers", limits, "MAX_NAMES", "more than 500 different names"),
        ("kernels", limits, "MAX_NAME_CHARS", "the names of its events have more than 500 characters together"),
        ("streams", limits, "MAX_ACTIVITIES", "more than 500 kernels, copies and fills. Record fewer steps"),
        ("threads", events, "MAX_THREADS", "more than 500 threads, which no program has"),
    ],
)
def test_too_many_are_refused_before_all_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[int], what: str, module: object, limit: str, says: str
) -> None:
    monkeypatch.setattr(module, limit, 500)
    data = many(what, COUNT)
    with pytest.raises(BadFileError, match=rf"^Cannot import .*many\.json: .*{says}"):
        imported(tmp_path, data)
    assert sum(read) < len(data) / 2


def test_layers_beyond_number_are_none_and_a_note_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = imported(tmp_path, many("layers", 40))
    assert len({call.layer for call in few.calls}) == 40
    monkeypatch.setattr(attribution, "MAX_LAYERS", 30)
    profile = imported(tmp_path, many("layers", 40))
    assert {call.layer for call in profile.calls} == {""}
    assert [note.code for note in profile.notes] == ["too-many-layers"]
    assert analyze(profile).device_time == analyze(few).device_time


def test_layers_of_all_ranks_together_have_the_same_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in range(3):
        named = [event("user_annotation", f"rank {rank}", 0, 9), *_work()]
        (tmp_path / f"{rank}.json").write_bytes(trace(named))
    assert {call.layer for call in import_trace(tmp_path).calls} == {"rank 0", "rank 1", "rank 2"}
    monkeypatch.setattr(profiles, "MAX_LAYERS", 2)
    both = import_trace(tmp_path)
    assert {call.layer for call in both.calls} == {""}
    assert [note.code for note in both.notes] == ["too-many-layers"]


def test_activities_and_names_of_all_ranks_together_have_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rank in range(3):
        (tmp_path / f"{rank}.json").write_bytes(trace([activity(f"k{rank}", 0, 1), activity(f"l{rank}", 2, 3)]))
    with monkeypatch.context() as patch:
        patch.setattr(limits, "MAX_ACTIVITIES", 5)
        with pytest.raises(BadFileError, match=r"^Cannot import .*: it holds more than 5 kernels"):
            import_trace(tmp_path)
    monkeypatch.setattr(limits, "MAX_NAMES", 5)
    with pytest.raises(BadFileError, match="more than 5 different names"):
        import_trace(tmp_path)


def _work() -> list[Trace]:
    return [op("aten::relu", 1, 8), launch(1, 2, 3), activity("k", 10, 12, 1)]


@pytest.mark.parametrize(("limit", "value"), [("MAX_INPUTS", 30), ("MAX_INPUT_BYTES", 1000)])
def test_shapes_beyond_number_are_none_and_a_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    few = imported(tmp_path, many("shapes", 40))
    assert all(call.inputs for call in few.calls)
    monkeypatch.setattr(events, limit, value)
    profile = imported(tmp_path, many("shapes", 40))
    assert [call.inputs for call in profile.calls] == [()] * 40
    assert [note.code for note in profile.notes] == ["too-many-inputs"]
    assert analyze(profile).device_time.kernel_s == analyze(few).device_time.kernel_s  # type: ignore[union-attr]


def test_lists_of_tensors_are_kept_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MAX_TENSORS", 7)
    profile = imported(tmp_path, many("shapes", 5))
    assert [len(call.inputs) for call in profile.calls] == [2, 2, 2, 0, 0]
    assert [note.code for note in profile.notes] == ["too-many-inputs"]


@pytest.mark.parametrize("name", ["effprof.layer:" + "a." * 5000, "effprof.layer:" + "b" * 5000])
def test_a_path_has_a_length_and_a_depth(tmp_path: Path, name: str) -> None:
    profile = imported(tmp_path, trace([event("user_annotation", name, 0, 9), *_work()]))
    (layer,) = {call.layer for call in profile.calls}
    assert len(layer) <= attribution.MAX_PATH_CHARS
    assert layer.count(".") < attribution.MAX_LAYER_DEPTH


def test_ranges_deep_within_ranges_make_no_deeper_layers(tmp_path: Path) -> None:
    profile = imported(tmp_path, many("deep layers", 5))
    depths = {call.layer.count(".") + 1 for call in profile.calls}
    assert depths == {attribution.MAX_LAYER_DEPTH}
    assert len(profile.model.modules) <= 1 + 5 * attribution.MAX_LAYER_DEPTH


def test_a_name_is_looked_at_once_however_many_there_are(tmp_path: Path) -> None:
    count = 20_000
    kernel_name.cache_clear()
    analyze(imported(tmp_path, many("kernels", count)))
    assert kernel_name.cache_info().misses == count
    assert kernel_name.cache_info().maxsize == limits.MAX_NAMES == NAMES_KEPT


def test_categories_of_others_are_counted_in_a_few_rows(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_bytes(many("categories", 100))
    with stream.open_source(path) as source:
        table = events.EventTable()
        for chunk in stream.EventList(source).chunks():
            table.add(decode_events(chunk, events.is_needed))
    assert len(table.finish((), None, None).other) == events.MAX_OTHER


def test_devices_that_do_nothing_are_not_described(tmp_path: Path) -> None:
    properties = [{"id": n, "computeMajor": n, "computeMinor": 0} for n in range(2000)]
    profile = imported(tmp_path, trace(SMALL, deviceProperties=properties))
    assert profile.device is not None
    assert profile.device.arch == "compute 0.0"


LIMITED = f"""
import re, resource, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "experiments")!r})
import trace_many, trace_mutations
import effprof.analyze, effprof.cli, effprof.importers, effprof.report.text
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
path = Path(sys.argv[1])
for what in trace_many.MANY:
    path.write_bytes(trace_many.many(what, 10_000))
    print(trace_mutations.try_import(path), what)
for mutation in (trace_many.many_properties, trace_many.many_tensors):
    path.write_bytes(mutation({{}}, None))
    print(trace_mutations.try_import(path), mutation.__name__)
# Not ru_maxrss: a new program inherits the peak of the process that started it, which is the whole suite's here.
status = Path("/proc/self/status")
print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1] if status.exists() else 0)
"""


def test_many_of_every_kind_fit_into_memory_and_seconds_of_the_processor(tmp_path: Path) -> None:
    """A tenth of what the experiment has; each takes well below a second, and 120 together are allowed."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "many.json")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    *said, peak = done.stdout.splitlines()
    assert len(said) == len(MANY) + 2
    assert all(one.startswith(("report ", "line ")) for one in said), said
    assert int(peak) < 1 << 20, "kilobytes"


def test_a_million_devices_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.json"
    path.write_bytes(many("devices", 5000))
    assert main(["import", str(path)]) == 2
    assert "it names 5,000 devices, which no machine has" in capsys.readouterr().err
