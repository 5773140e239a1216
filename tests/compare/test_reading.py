"""What can be given to `effprof compare`, and what is said of everything else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_comparison import profile_of_rounds
from small_profile import TIMED
from small_sweep import planned_sweep
from small_trace import PROPERTIES, SMALL, trace

from effprof.analyze import analyze
from effprof.cli import main
from effprof.compare import compare_results, read_result, reading
from effprof.compare.reading import loads_result
from effprof.errors import BadFileError, UsageError
from effprof.guidelines import judge
from effprof.importers import import_trace
from effprof.report import Report
from effprof.report.compare_json import render_comparison_json
from effprof.report.compare_junit import render_comparison_junit
from effprof.report.compare_markdown import render_comparison_markdown
from effprof.report.compare_text import render_comparison_text
from effprof.report.guidelines_json import render_guidelines_json
from effprof.report.text import TextStyle
from effprof.report.to_json import render_json
from effprof.store import dumps_profile, dumps_sweep

PROFILE = profile_of_rounds([1.0, 1.01, 0.99])
SWEEP = replace(planned_sweep(), entries=planned_sweep().entries[:2])
SAVED: dict[str, bytes] = {
    "profile.json": dumps_profile(PROFILE),
    "report.json": render_json(Report(PROFILE, analyze(PROFILE))),
    "sweep.json": dumps_sweep(SWEEP),
    "guidelines.json": render_guidelines_json(judge(SWEEP)),
}


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(SAVED[name])
    return folder


@pytest.mark.parametrize("name", SAVED)
def test_every_saved_form_is_read_and_equals_itself(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "run", name) / name
    result = read_result(path)
    assert read_result(path.parent) == result
    comparison = compare_results(result, read_result(path))
    assert {change.value for change in comparison.changes if change.value is not None} <= {0.0, 1.0}
    assert not {"better", "worse"} & {change.verdict for change in comparison.changes}


def test_raw_records_go_first(tmp_path: Path) -> None:
    assert read_result(write(tmp_path / "a", "report.json", "profile.json")).path.endswith("profile.json")
    assert read_result(write(tmp_path / "b", "guidelines.json", "sweep.json")).path.endswith("sweep.json")


def test_a_report_says_that_it_keeps_no_samples() -> None:
    profile, report = loads_result(SAVED["profile.json"]), loads_result(SAVED["report.json"])
    values = {q.name: q.processes for q in report.quantities}
    assert values["latency"] == pytest.approx((0.00305,))
    assert set(values) == {q.name for q in profile.quantities}
    assert not report.keeps_rounds
    assert report.notes[-1].code == "derived-only"
    comparison = compare_results(profile, report)
    assert "(the new file keeps no samples)" in comparison.notes[0].text


def test_guidelines_json_tells_what_sweep_json_tells() -> None:
    sweep, derived = loads_result(SAVED["sweep.json"]), loads_result(SAVED["guidelines.json"])
    assert derived.setting == sweep.setting
    assert derived.verdicts == sweep.verdicts
    assert [(q.name, q.processes) for q in derived.quantities] == [(q.name, q.processes) for q in sweep.quantities]
    assert [q.within for q in derived.quantities] == pytest.approx([q.within for q in sweep.quantities])


HOSTILE = "\x1b[31m\n!"
Edit = Callable[[dict[str, Any]], object]
BAD: dict[str, tuple[str, Edit, str]] = {
    "another version": ("profile.json", lambda c: c.update(format="effprof.profile/2"), "format version 2"),
    "another version of the report": ("report.json", lambda c: c.update(format="effprof.report/9"), "report/9"),
    "another version of the sweep": ("sweep.json", lambda c: c.update(format="effprof.sweep/2"), "sweep/2"),
    "another format": ("report.json", lambda c: c.update(format="effprof.models/1"), "comparable are effprof.profile"),
    "no format": ("report.json", lambda c: c.pop("format"), "no JSON with a format"),
    "a format of another type": ("report.json", lambda c: c.update(format=7), "no JSON with a format"),
    "counted": ("report.json", lambda c: c.update(latency=None), "nothing was timed"),
    "no device": ("report.json", lambda c: c.update(device=None), "nothing was timed"),
    "no latency": ("report.json", lambda c: c["latency"].update(median_s=0), "latency is 0"),
    "a negative latency": ("report.json", lambda c: c["latency"].update(median_s=-1), "latency is -1"),
    "an endless latency": ("report.json", lambda c: c["latency"].update(median_s=1e300), "cannot have been measured"),
    "an endless share": ("report.json", lambda c: c["categories"][0].update(fraction=1e300), "share.conv is 1e\\+300"),
    "a category twice": ("report.json", lambda c: c["categories"].append(c["categories"][0]), "time.conv twice"),
    "text for a time": ("report.json", lambda c: c["latency"].update(median_s="fast"), "Expected `float`"),
    "no environment": ("guidelines.json", lambda c: c.pop("environment"), "environment"),
    "no guideline": ("guidelines.json", lambda c: c.update(guidelines=[]), "no guideline"),
    "no slowdown": ("guidelines.json", lambda c: c["guidelines"][0].update(slowdown=0), "G1 is 0"),
    "a guideline twice": (
        "guidelines.json",
        lambda c: c["guidelines"].append(c["guidelines"][0]),
        "it tells G1 twice",
    ),
    "an endless interval": (
        "report.json",
        lambda c: c["latency"].update(median_s=1.0, ci95_s=[1, 1e308]),
        "the interval of latency reaches further than a million",
    ),
    "an endless interval of a slowdown": (
        "guidelines.json",
        lambda c: c["guidelines"][0].update(slowdown=1.0, ci95=[1, 1e308]),
        "the interval of G1 reaches",
    ),
    "a guideline of tomorrow": ("guidelines.json", lambda c: c["guidelines"][0].update(id="G5"), "G5"),
    "a label twice": (
        "guidelines.json",
        lambda c: c["guidelines"][0]["points"].append(c["guidelines"][0]["points"][0]),
        "it tells G1\\.1:1 twice",
    ),
    "a hostile label twice": (
        "guidelines.json",
        lambda c: c["guidelines"][0]["points"].extend([c["guidelines"][0]["points"][0] | {"label": HOSTILE}] * 2),
        "its quantity has a name that effprof did not write",
    ),
    "a setting twice": (
        "sweep.json",
        lambda c: c["entries"][0]["points"].append(c["entries"][0]["points"][0]),
        "G1 x1 has the setting '1:1' twice",
    ),
    "a hostile label": (
        "guidelines.json",
        lambda c: c["guidelines"][0]["points"][0].update(label=HOSTILE),
        r"its quantity has a name that effprof did not write: 'G1\.\\x1b\[31m\\n!'",
    ),
    "a hostile device": ("report.json", lambda c: c["device"].update(name=HOSTILE), "its device has a name that"),
    "a hostile network": ("profile.json", lambda c: c["model"].update(name="a\u202eb"), "a name that.*u202e"),
    "an endless name": ("profile.json", lambda c: c["model"].update(name="x" * 20_000), "its network has a name that"),
    "an entry twice": ("sweep.json", lambda c: c["entries"].append(c["entries"][0]), "G1 x1 is there twice"),
    "very many settings": (
        "sweep.json",
        lambda c: c["entries"][0]["points"].extend([c["entries"][0]["points"][0]] * 1000),
        "G1 x1 has 1004 settings",
    ),
    "very many points": (
        "guidelines.json",
        lambda c: c["guidelines"][0]["points"].extend([c["guidelines"][0]["points"][0]] * 2000),
        "it tells 20[0-9][0-9] quantities; no result of effprof has more than 1000",
    ),
    "empty points": ("sweep.json", lambda c: c["entries"][0].update(points=[]), "equally many rounds"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_with_a_reason(tmp_path: Path, case: str) -> None:
    name, edit, message = BAD[case]
    content = json.loads(SAVED[name])
    edit(content)
    path = tmp_path / name
    path.write_text(json.dumps(content))
    with pytest.raises(BadFileError, match=message) as caught:
        read_result(path)
    assert str(caught.value).startswith(f"Cannot compare {path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "key"), [("report.json", "latency"), ("guidelines.json", "guidelines")])
def test_the_widest_interval_on_both_sides_can_be_computed_with(name: str, key: str) -> None:
    content = json.loads(SAVED[name])
    if key == "latency":
        content[key].update(median_s=1.0, ci95_s=[1, 9e5])
    else:
        content[key][0].update(slowdown=1.0, ci95=[1, 9e5])
    result = loads_result(json.dumps(content).encode())
    assert compare_results(result, result).verdict == "inconclusive"


def test_an_imported_trace_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(trace(SMALL, deviceProperties=PROPERTIES))
    imported = import_trace(path)
    assert imported.device_trace is not None
    for name, data in {
        "profile.json": dumps_profile(imported),
        "report.json": render_json(Report(imported, analyze(imported))),
    }.items():
        saved = tmp_path / name
        saved.write_bytes(data)
        assert main(["compare", str(saved), str(saved)]) == 2
        error = capsys.readouterr().err
        assert f"Cannot compare {saved}: an imported trace cannot be compared yet. Give " in error


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", SAVED)
def test_a_number_that_is_none(name: str, number: str) -> None:
    key = {"profile.json": '"inside_s":', "report.json": '"median_s": ', "sweep.json": '"rounds_s": ['}
    start = key.get(name, '"slowdown": ')
    text = SAVED[name].decode()
    assert start in text
    before, _, after = text.partition(start)
    broken = before + start + number + ", " + after[after.find(",") + 1 :]
    with pytest.raises(BadFileError):
        loads_result(broken.encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": ' * 100_000, b'{"format":"x"}', b"PNG"],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_result_at_all(data: bytes) -> None:
    with pytest.raises(BadFileError):
        loads_result(data)


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [("utf-8-sig", "mark of UTF-8; JSON is"), ("utf-16", "mark of UTF-16"), ("utf-16-be", "no JSON with a format")],
)
@pytest.mark.parametrize("name", SAVED)
def test_another_encoding_is_told(name: str, encoding: str, reason: str) -> None:
    with pytest.raises(BadFileError, match=reason):
        loads_result(SAVED[name].decode().encode(encoding))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "profile.json")
    for path in (tmp_path, tmp_path / "profile.json"):
        with pytest.raises(BadFileError, match=r"Cannot read .*profile\.json: it is a named pipe\. Give a folder of"):
            read_result(path)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="no /dev/fd here")
def test_what_a_shell_makes_of_a_command_is_read() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, SAVED["report.json"])  # less than a pipe holds
        os.close(writer)
        assert read_result(f"/dev/fd/{reader}").name == PROFILE.model.name
    finally:
        os.close(reader)


def test_folders_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"There is none of profile\.json"):
        read_result(tmp_path)
    with pytest.raises(BadFileError, match=r"There is no .*gone"):
        read_result(tmp_path / "gone")
    write(tmp_path / "one", "profile.json")
    write(tmp_path / "two", "sweep.json")
    with pytest.raises(BadFileError, match=r"holds 2 results\. Give one of them, for instance .*one"):
        read_result(tmp_path)
    with pytest.raises(BadFileError):
        read_result("a\0b")
    with pytest.raises(BadFileError):
        read_result("x" * 5000)


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "profile.json").mkdir()
    with pytest.raises(BadFileError, match="Cannot read"):
        read_result(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_an_endless_file_is_read_no_further_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 2**20)
    path = tmp_path / "profile.json"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(BadFileError, match="larger than 1 MiB"):
        read_result(path)
    if Path("/dev/zero").exists():
        with pytest.raises(BadFileError, match="larger than 1 MiB"):
            read_result("/dev/zero")


# ------------------------------------------------------------------------------------------------ whatever a file holds

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([[], {}, [[]], "", -1, 0, 1e-320, 1e308, "\x1b[31m", "<script>", "|`@x"]),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a JSON document."""
    found = [path] if path else []
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


CONTENTS = {name: json.loads(data) for name, data in SAVED.items()}
PLACES = {name: places(content) for name, content in CONTENTS.items()}


def mutate(content: Any, path: tuple[Any, ...], value: Any, delete: bool) -> None:
    for key in path[:-1]:
        if not isinstance(content, (dict, list)):
            return
        content = content[key]
    if delete:
        del content[path[-1]]
    else:
        content[path[-1]] = value


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(SAVED)), st.data())
def test_a_mutated_record_is_an_error_or_comparable(name: str, data: st.DataObject) -> None:
    sides = [json.loads(SAVED[name]) for _ in range(2)]
    for content in sides:
        for path in data.draw(st.lists(st.sampled_from(PLACES[name]), max_size=3)):
            try:
                mutate(content, path, data.draw(ODD), data.draw(st.booleans()))
            except (KeyError, IndexError, TypeError):
                continue  # an earlier mutation took this place away
    try:
        old, new = (loads_result(json.dumps(content).encode()) for content in sides)
        comparisons = [compare_results(*pair, force=True) for pair in ((old, new), (new, old), (old, old), (new, new))]
    except (BadFileError, UsageError):  # exit code 2
        return
    for comparison in comparisons:
        assert render_comparison_json(comparison)
        assert render_comparison_text(comparison, TextStyle())
        assert render_comparison_markdown(comparison)
        assert render_comparison_junit(comparison)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(SAVED)), st.data())
def test_damaged_bytes_are_an_error_or_comparable(name: str, data: st.DataObject) -> None:
    whole = bytearray(SAVED[name])
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[position:]
    else:
        whole[position] = data.draw(st.integers(0, 255))
    try:
        comparison = compare_results(loads_result(SAVED[name]), loads_result(bytes(whole)), force=True)
    except (BadFileError, UsageError):
        return
    assert render_comparison_json(comparison)


def test_a_counted_profile_has_nothing_to_compare() -> None:
    with pytest.raises(BadFileError, match="nothing was timed"):
        loads_result(dumps_profile(replace(TIMED, rounds=(), device=None)))
