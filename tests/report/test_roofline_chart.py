"""The roofline: points and roofs where the numbers say, no texts on one another, the same bytes every time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from figure_texts import assert_clear_texts, shown_texts
from small_ceilings import CALL_S, MIB, G, small_ceilings

from effprof.ceiling_records import Ceilings
from effprof.errors import UsageError
from effprof.records import CostedOp
from effprof.report import Report
from effprof.report.roofline_chart import (
    area_pt2,
    build_roofline_figure,
    move_roofs,
    moving_points,
    render_roofline_png,
    render_roofline_svg,
    work_roofs,
    working_points,
)

CEILINGS = small_ceilings()
MakeReport = Callable[..., Report]


@pytest.fixture
def roofed(make_report: MakeReport) -> Report:
    return replace(make_report(), ceilings=CEILINGS)


def with_ops(report: Report, change: Callable[[CostedOp], CostedOp], ceilings: Ceilings = CEILINGS) -> Report:
    ops = tuple(map(change, report.analysis.ops))
    return replace(report, analysis=replace(report.analysis, ops=ops), ceilings=ceilings)


def test_points_are_where_their_numbers_are(roofed: Report) -> None:
    stem = next(point for point in working_points(roofed) if point.name == "stem.conv")
    assert stem.x == pytest.approx(10_838_016 / (606_000 + 1_605_632))
    assert stem.y == pytest.approx(10_838_016 / 2.5e-3 / G)
    assert (stem.time_s, stem.category) == (2.5e-3, "conv")
    norm = next(point for point in moving_points(roofed) if point.name == "stem.norm")
    assert (norm.x, norm.y) == pytest.approx((3_211_392.0, 3_211_392 / 0.6e-3 / G))
    names = [point.name for point in (*working_points(roofed), *moving_points(roofed))]
    assert len(names) == 10, "every call but the view"


def test_areas_are_times() -> None:
    assert area_pt2(2e-3, 4e-3) == pytest.approx(area_pt2(4e-3, 4e-3) / 2)
    assert 0 < area_pt2(0.0, 4e-3) < area_pt2(1e-3, 4e-3)


def test_compute_roofs_are_level_and_meet_memory_roofs(roofed: Report) -> None:
    roofs = {roof.name: roof for roof in work_roofs(CEILINGS, working_points(roofed))}
    assert set(roofs) == {"matmul", "dense", "1x1", "depthwise", "L1", "L2", "L3", "memory"}
    for name, rate in {"matmul": 40.0, "depthwise": 8.0}.items():
        assert [y for _, y in roofs[name].places] == pytest.approx([rate, rate])
    for name, rate in {"L1": 100.0, "L2": 50.0, "L3": 20.0, "memory": 10.0}.items():
        for x, y in roofs[name].places:
            assert y == pytest.approx(x * rate)
        assert roofs[name].places[-1][1] == pytest.approx(40.0), "it ends at the highest compute roof"


def test_memory_and_overhead_roofs_of_what_only_moves(roofed: Report) -> None:
    memory, overhead = move_roofs(CEILINGS, moving_points(roofed))
    rates = [y for _, y in memory.places]
    assert rates == sorted(rates, reverse=True)
    at_2_mib = [y for x, y in memory.places if x <= 2 * MIB][-1]
    assert at_2_mib == pytest.approx(50.0)
    for x, y in overhead.places:
        assert y == pytest.approx(x / CALL_S / G)
    assert move_roofs(replace(CEILINGS, dispatch=(_free_call(CEILINGS), CEILINGS.dispatch[1])), [])[1:] == []


def _free_call(ceilings: Ceilings) -> Any:
    call = ceilings.dispatch_of("op")
    return replace(call, seconds_per_call=replace(call.seconds_per_call, value=0.0))


def test_texts_are_clear(roofed: Report) -> None:
    assert_clear_texts(build_roofline_figure(roofed))


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_texts_are_clear_at_other_speeds(make_report: MakeReport, factor: float) -> None:
    def scaled(op: CostedOp) -> CostedOp:
        return replace(op, time_s=None if op.time_s is None else op.time_s * factor)

    assert_clear_texts(build_roofline_figure(with_ops(make_report(), scaled)))


def test_names_are_harmless(make_report: MakeReport) -> None:
    def renamed(op: CostedOp) -> CostedOp:
        return replace(op, call=replace(op.call, layer="$x_\x1b[31m" + "\u202e网络" * 40))

    report = with_ops(make_report(), renamed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure = build_roofline_figure(report)
        texts = list(shown_texts(figure))
    assert not any("\x1b" in text.get_text() or "\u202e" in text.get_text() for text in texts)
    assert render_roofline_png(report).startswith(b"\x89PNG")


@pytest.mark.parametrize("kept", [[], ["conv2d"], ["relu"], ["linear", "add"]])
def test_networks_of_few_ops(make_report: MakeReport, kept: list[str]) -> None:
    base = make_report()
    ops = tuple(op for op in base.analysis.ops if op.call.op in kept)
    report = replace(base, analysis=replace(base.analysis, ops=ops), ceilings=CEILINGS)
    assert_clear_texts(build_roofline_figure(report))


def test_unknown_caches_are_two_levels(make_report: MakeReport) -> None:
    roofs = work_roofs(replace(CEILINGS, caches=()), [])
    assert [roof.name for roof in roofs][-2:] == ["cache", "memory"]
    assert all(math.isfinite(value) for roof in roofs for place in roof.places for value in place)
    assert_clear_texts(build_roofline_figure(replace(make_report(), ceilings=replace(CEILINGS, caches=()))))


def test_the_same_bytes_every_time(roofed: Report) -> None:
    assert render_roofline_svg(roofed) == render_roofline_svg(roofed)


def test_without_ceilings_or_times_there_is_none(report: Report, counted: Report) -> None:
    for one in (report, replace(counted, ceilings=CEILINGS)):
        with pytest.raises(UsageError, match="effprof calibrate"):
            build_roofline_figure(one)
