"""The ceilings in report.json and on the terminal, by hand; a calibration's own text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from small_ceilings import CALL_S, small_ceilings

from effprof.records import CostedOp
from effprof.report import Report
from effprof.report.ceilings_rows import level_of, span
from effprof.report.ceilings_text import render_ceilings_text
from effprof.report.roofline_rows import bound_rows, far_rows
from effprof.report.text import TextStyle, render_text
from effprof.units import format_count, format_percent

CEILINGS = small_ceilings()


@pytest.fixture
def roofed(make_report: Callable[..., Report]) -> Report:
    return replace(make_report(), ceilings=CEILINGS)


def test_times_by_bound_add_up_to_the_ops(roofed: Report) -> None:
    rows = bound_rows(roofed)
    # its tensors are whole images: what multiplies nothing is bound by memory
    shown = [(row.bound, row.calls, row.time) for row in rows]
    assert shown == [("compute", "3", "6.00 ms"), ("memory", "7", "2.70 ms")]
    assert sum(float(row.time.split()[0]) for row in rows) == pytest.approx(8.7)
    assert sum(int(row.calls) for row in rows) == 10
    assert all(row.of_ceiling.endswith("%") for row in rows)


def test_the_farthest_come_first(roofed: Report) -> None:
    rows = far_rows(roofed)
    assert rows[0].layer == "stem.conv"
    assert len(rows) == 5
    # 10.8 M multiply-adds at 32 G/s are 0.339 ms of 2.5
    assert (rows[0].bound, rows[0].time, rows[0].least) == ("compute", "2.50 ms", "0.34 ms")


def test_without_ceilings_nothing_is_shown(report: Report) -> None:
    assert bound_rows(report) == far_rows(report) == ()
    assert "bounds the ops" not in report.text()


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_section_fits(roofed: Report, width: int) -> None:
    text = render_text(roofed, TextStyle(width))
    assert "What bounds the ops on this device (calibrated 2026-01-02)" in text
    assert "Most time above their ceilings" in text
    if width >= 80:
        assert max(map(len, text.splitlines())) <= width


def test_unknown_work_has_a_row_of_its_own(make_report: Callable[..., Report]) -> None:
    base = make_report()

    def unknown(op: CostedOp) -> CostedOp:
        return replace(op, cost=replace(op.cost, mult_adds=None)) if op.call.op == "conv2d" else op

    ops = tuple(map(unknown, base.analysis.ops))
    rows = bound_rows(replace(base, analysis=replace(base.analysis, ops=ops), ceilings=CEILINGS))
    assert (rows[-1].bound, rows[-1].calls, rows[-1].least, rows[-1].of_ceiling) == ("not known", "3", "-", "-")


def test_report_json_says_what_the_ops_were_held_against(roofed: Report) -> None:
    data = roofed.to_dict()
    assert data["ceilings"]["calibrated_utc"] == "2026-01-02T03:04:05Z"
    assert data["ceilings"]["mult_adds_per_s"] == {"matmul": 40e9, "dense": 32e9, "pointwise": 20e9, "depthwise": 8e9}
    assert data["ceilings"]["bytes_per_s"][0] == {
        "working_set_bytes": 16384, "copy": 100e9, "read": 200e9, "write": 150e9, "update": 100e9,
    }  # fmt: skip
    assert data["ceilings"]["seconds_per_call"]["op"] == CALL_S
    assert data["ceilings"]["process_spread"] == {"default": 0.03, "steady": 0.01}
    assert data["ceilings"]["reason"] is None
    assert {op["bound"] for op in data["ops"]} == {"compute", "memory", "overhead"}


def test_why_there_are_none(report: Report, counted: Report, roofed: Report) -> None:
    assert report.to_dict()["ceilings"]["reason"] == "not calibrated: effprof calibrate --threads 2"
    assert counted.to_dict()["ceilings"]["reason"] == "nothing was timed"
    newer = replace(roofed.profile, environment=replace(roofed.profile.environment, torch="9.9"))
    reason = replace(roofed, profile=newer).to_dict()["ceilings"]["reason"]
    assert reason == "calibrated with torch 2.14.1, and this is 9.9"


def test_a_calibration_fits_80_columns() -> None:
    text = render_ceilings_text(CEILINGS, "/home/somebody/.local/share/effprof/ceilings/x.json", TextStyle())
    assert max(map(len, text.splitlines())) <= 80
    for part in ("40.00 G", "39.20 to 40.80 G", "100.0 GB", "2.00 µs", "3.0 %", "L1", "memory", "x.json"):
        assert part in text


def test_names_of_a_calibration_are_harmless() -> None:
    hostile = "\x1b[2J<b>" + "x" * 200
    device = replace(CEILINGS.device, name=hostile)
    best = tuple(replace(one, best=hostile) for one in CEILINGS.compute)
    text = render_ceilings_text(replace(CEILINGS, device=device, compute=best), hostile, TextStyle())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_levels_and_spans() -> None:
    sizes = (1, 2**15, 2**15 + 1, 2**25, 2**26)
    assert [level_of(CEILINGS, size) for size in sizes] == ["L1", "L1", "L2", "L3", "memory"]
    assert level_of(replace(CEILINGS, caches=()), 1) == ""
    assert span(3.72e10, 3.84e10, format_count) == "37.20 to 38.40 G"
    assert span(9.9e8, 1.2e9, format_count) == "990.0 M to 1.20 G"
    assert span(0.018, 0.0862, format_percent) == "1.8 to 8.6 %"
    assert span(1.0, 2.0, format_count) == "1.00 to 2.00"
