"""`effprof import` as a person or a program meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_trace import PROPERTIES, SMALL, UNKNOWN_KERNEL, activity, launch, op, trace

from effprof.cli import main


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "small.pt.trace.json"
    found.write_bytes(trace(SMALL, deviceProperties=PROPERTIES))
    return found


def report_of(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["import", str(path), "--json", "-", *options]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_the_report_is_that_of_the_documentation(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(path, capsys)
    time = report["device_time"]
    wanted = {"kernel_s", "memcpy_s", "memset_s", "busy_s", "span_s", "gaps_s", "unknown_kernels"}
    assert wanted <= set(time)
    assert set(time["gaps_s"]) == {"host_wait", "between_kernels", "other"}
    assert time["unknown_kernels"] == [{"name": UNKNOWN_KERNEL, "time_s": pytest.approx(2e-6), "count": 1}]
    assert time["busy_s"] + sum(time["gaps_s"].values()) == pytest.approx(time["span_s"])
    worked = sum(row["time_s"] for row in report["categories"] if row["category"] != "overhead")
    assert worked == pytest.approx(time["kernel_s"] + time["memcpy_s"] + time["memset_s"])
    fractions = sum(row["fraction"] for row in report["categories"]) + report["accounting"]["residual_fraction"]
    assert fractions == pytest.approx(1)
    assert len(report["categories"]) == 9
    assert report["latency"]["stopped_because"] == "recorded"


def test_what_a_trace_does_not_say_is_null(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(path, capsys)
    model, setting = report["model"], report["setting"]
    assert (model["name"], model["source"]) == ("small", "trace")
    unknown = ("parameters", "weights_bytes", "peak_activation_bytes", "dtype", "memory_format")
    assert [model[name] for name in unknown] == [None] * 5
    assert [setting[name] for name in ("batch", "threads", "precision", "seed", "rounds")] == [None] * 5
    assert report["latency"]["throughput_per_s"] is None
    assert report["environment"]["python"] is None
    assert report["device"]["name"] == "NVIDIA A100"
    add = next(row for row in report["ops"] if row["op"] == "add")
    assert (add["mult_adds"], add["read_bytes"], add["iqr_s"]) == (0, None, None)


def test_files_are_written_on_request_and_made_again_by_render(path: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "out", tmp_path / "again"
    before = set(tmp_path.iterdir())
    assert main(["import", str(path), "--quiet"]) == 0
    assert set(tmp_path.iterdir()) == before
    assert main(["import", str(path), "--quiet", "--output-dir", str(first)]) == 0
    assert {file.name for file in first.iterdir()} == {
        "profile.json", "report.json", "layers.csv", "ops.csv", "decomposition.png", "decomposition.svg",
    }  # fmt: skip
    assert main(["render", str(first), "--quiet", "--output-dir", str(again)]) == 0
    for file in first.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_summary_fits_and_says_what_matters(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(path)]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "51.0 µs of 106.0 µs (48.1 %)",
        "7 kernels · 2 copies and fills · 2 streams · 3 steps",
        "ops 55.0 + overhead 55.0 + residual -4.0 = span 106.0 µs",
        "100.0 µs median",
        "frobnicate",
        "less what streams did at once",
    ):
        assert part in text


def test_depthwise_and_the_papers_categories_can_be_chosen(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(path), "--paper-categories", "--depthwise-as", "elemwise"]) == 0
    assert "Conv" in capsys.readouterr().out


def test_it_needs_no_torch(path: Path) -> None:
    code = f"import sys; from effprof.cli import main; main(['import', {str(path)!r}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize("name", ["\x1b[31mred\x1b]0;title\x07", "a\nb", "<b>", "=1+1", "k" * 9999, "\u202eevil"])
def test_hostile_names_stay_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    events = [op(name, 0, 9), launch(1, 1, 2), activity(name, 10, 20, 1), activity(name, 20, 25, category="gpu_memcpy")]
    path = tmp_path / "hostile.json"
    path.write_bytes(trace(events, deviceProperties=[{"id": 0, "name": name}]))
    assert main(["import", str(path), "--output-dir", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert max(map(len, text.splitlines())) <= 80
    rows = (tmp_path / "out" / "ops.csv").read_text().splitlines()
    assert len(rows) == 3
    assert not any("\n" in row or "\x1b" in row or ",=1" in row for row in rows)
