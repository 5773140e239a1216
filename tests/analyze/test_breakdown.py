"""The accounting, worked by hand, and the sums that must close for any profile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from analyze.by_hand import call, conv, make_profile, one_round, tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.analyze import analyze
from effprof.analyze.categories import paper_categories
from effprof.errors import BadFileError
from effprof.records import Analysis, Category, ModuleInfo, OpCall, Profile

IMAGE, FEATURES, FLAT, RESULT = (
    tensor(0, (1, 2, 4, 4), "input"),
    tensor(1, (1, 3, 4, 4)),
    tensor(2, (1, 48), storage=1),
    tensor(3, (1, 48)),
)
CALLS = (
    conv(0, IMAGE, (3, 2, 1, 1), FEATURES, layer="body.conv"),
    call(1, "view", (FEATURES,), (FLAT,), layer="body", is_view=True),
    call(2, "relu", (FLAT,), (RESULT,), layer="body.act"),
)
MODULES = (
    ModuleInfo("", "Net", 6),
    ModuleInfo("body", "Body", 6),
    ModuleInfo("body.conv", "Conv2d", 6),
    ModuleInfo("body.act", "ReLU", 0),
)
# c_in = 1 s, c_out = 2 s, four spans: conv, view, relu, and an entry that dispatched nothing.
ROUND = one_round(
    plain=(95, 97, 96),
    instrumented=(100, 110, 104),
    spans=[((0,), (41, 45, 41)), ((1,), (3, 3, 5)), ((2,), (21, 21, 31)), ((), (2, 2, 2))],
    inside_s=1,
    outside_s=2,
)
PROFILE = make_profile(CALLS, [ROUND], MODULES, batch_size=4)


def share(analysis: Analysis, category: Category) -> float | None:
    return next(s.time_s for s in analysis.categories if s.category is category)


def test_accounting_by_hand() -> None:
    accounting = analyze(PROFILE).accounting
    assert accounting is not None
    # work: 40+20, 44+20, 40+30
    assert accounting.ops_s == 64
    # i - sum(o) - 4*2: 100-67-8, 110-71-8, 104-79-8 = 25, 31, 17; views and the empty entry: 2+1, 2+1, 4+1
    assert accounting.overhead_s == 28
    assert accounting.residual_s == 96 - 64 - 28
    assert accounting.residual_fraction == 4 / 96
    assert accounting.profiled_s == 104
    assert accounting.distortion_fraction == pytest.approx(8 / 96)
    # the conv's median is 40, the relu's 20: together 60, to be 64
    assert accounting.ops_scale == pytest.approx(64 / 60)
    low, high = accounting.residual_ci95_s
    # pairs: 95-60-28, 97-64-34, 96-70-22 = 7, -1, 4
    assert -1 <= low <= 4 <= high <= 7 + 6


def test_call_times_by_hand() -> None:
    times = [op.time_s for op in analyze(PROFILE).ops]
    assert times == pytest.approx([40 * 64 / 60, 2, 20 * 64 / 60])
    spreads = [op.iqr_s for op in analyze(PROFILE).ops]
    # quartiles of 40 40 44, of 2 2 4 and of 20 20 30
    assert spreads == pytest.approx([2 * 64 / 60, 1, 5 * 64 / 60])


def test_headline_by_hand() -> None:
    latency = analyze(PROFILE).latency
    assert latency is not None
    assert (latency.median_s, latency.runs, latency.throughput_per_s) == (96, 3, 4 / 96)
    assert 95 <= latency.ci95_s[0] <= 96 <= latency.ci95_s[1] <= 97
    assert (latency.p90_s, latency.p99_s, latency.page_faults_per_run) == (None, None, None)


def test_categories_by_hand() -> None:
    analysis = analyze(PROFILE)
    assert share(analysis, Category.CONV) == pytest.approx(40 * 64 / 60)
    assert share(analysis, Category.ELEMWISE) == pytest.approx(20 * 64 / 60)
    assert share(analysis, Category.OVERHEAD) == 28
    assert [s.category for s in analysis.categories] == list(Category)
    assert [s.op_count for s in analysis.categories if s.op_count] == [1, 1, 1]
    paper = paper_categories(analysis.categories)
    assert list(paper) == ["Conv", "Elemwise", "Data", "Shuffle", "Other"]
    assert paper["Other"] == 28 / 96
    assert sum(value or 0 for value in paper.values()) == pytest.approx(1 - 4 / 96)


def test_layers_by_hand() -> None:
    rows = {row.layer: row for row in analyze(PROFILE).layers}
    assert list(rows) == ["", "body", "body.conv", "body.act"]
    assert rows[""].time_s == pytest.approx(64)
    assert rows["body"].time_s == pytest.approx(64)
    assert rows["body"].self_time_s == 0  # its only own call is a view, which is overhead
    assert rows["body.conv"].self_time_s == pytest.approx(40 * 64 / 60)
    assert rows[""].op_count == 2
    assert rows[""].mult_adds == 16 * 3 * 2
    assert rows["body.act"].mult_adds == 0
    assert rows[""].fraction == pytest.approx(64 / 96)
    assert rows["body.conv"].parameters == 6


def test_totals_by_hand() -> None:
    totals = analyze(PROFILE).totals
    assert totals.mult_adds == 96
    assert totals.flops == 192
    # conv reads 32 + 6 and writes 48, relu reads 48 and writes 48 elements
    assert totals.access_elements == 182
    assert totals.access_bytes == 4 * 182
    assert totals.uncosted_ops == {}


def test_counting_alone_gives_no_times() -> None:
    analysis = analyze(replace(PROFILE, rounds=()))
    assert analysis.latency is None
    assert analysis.accounting is None
    assert {op.time_s for op in analysis.ops} == {None}
    assert {row.time_s for row in analysis.layers} == {row.fraction for row in analysis.layers} == {None}
    assert {s.fraction for s in analysis.categories} == {None}
    assert set(paper_categories(analysis.categories).values()) == {None}
    assert analysis.totals.mult_adds == 96


def test_calls_in_one_span_divide_its_time_by_the_memory_they_access() -> None:
    small, large = tensor(1, (1, 8)), tensor(2, (1, 24))
    calls = [
        call(0, "add", (small, small), (tensor(3, (1, 8)),)),
        call(1, "select", (small,), (tensor(4, (1,), storage=1),), is_view=True),
        call(2, "relu", (large,), (tensor(5, (1, 24)),)),
    ]
    times = [op.time_s for op in analyze(make_profile(calls, [one_round([10], [10], [((0, 1, 2), [8])])])).ops]
    # a tensor given twice is read once: 8 + 8 against 24 + 24 elements
    assert times == pytest.approx([2, 0, 6])


def test_rounds_are_judged_by_their_medians() -> None:
    relu = [call(0, "relu", (tensor(0, (4,)),), (tensor(1, (4,)),))]
    rounds = [one_round([p] * 3, [p + 1] * 3, [((0,), [w] * 3)]) for p, w in ((10, 4), (12, 6), (20, 5))]
    analysis = analyze(make_profile(relu, rounds))
    assert analysis.latency is not None
    assert analysis.accounting is not None
    assert analysis.latency.median_s == 12
    assert analysis.latency.ci95_s == (10, 20)
    assert analysis.latency.runs == 9
    assert analysis.accounting.ops_s == 5
    # 11 - 4, 13 - 6, 21 - 5
    assert analysis.accounting.overhead_s == 7
    assert analysis.accounting.residual_s == 0


def test_the_worst_reason_to_stop_is_told() -> None:
    relu = [call(0, "relu", (tensor(0, (4,)),), (tensor(1, (4,)),))]
    rounds = [one_round([1.0], stopped_because=reason) for reason in ("interval", "max-time", "interval")]
    latency = analyze(make_profile(relu, rounds)).latency
    assert latency is not None
    assert latency.stopped_because == "max-time"


@pytest.mark.parametrize(("runs", "p90", "p99"), [(63, False, False), (64, True, False), (662, True, True)])
def test_tails_need_enough_runs(runs: int, p90: bool, p99: bool) -> None:
    latency = analyze(make_profile([], [one_round([1.0] * runs)])).latency
    assert latency is not None
    assert (latency.p90_s is not None, latency.p99_s is not None) == (p90, p99)


def test_plain_runs_alone_give_a_headline_and_no_accounting() -> None:
    analysis = analyze(make_profile(CALLS, [one_round([2.0, 2.0])], MODULES))
    assert analysis.latency is not None
    assert analysis.accounting is None


def test_rounds_of_other_spans_are_refused() -> None:
    other = replace(ROUND, ops=ROUND.ops[:2])
    with pytest.raises(BadFileError, match="different spans"):
        analyze(replace(PROFILE, rounds=(ROUND, other)))
    short = replace(ROUND, ops=(replace(ROUND.ops[0], times_s=(1.0,)),))
    with pytest.raises(BadFileError, match="3 instrumented runs"):
        analyze(replace(PROFILE, rounds=(short,)))


def test_depthwise_moves_on_request() -> None:
    calls = [conv(0, tensor(0, (1, 3, 4, 4)), (3, 1, 3, 3), tensor(1, (1, 3, 2, 2)), groups=3)]
    assert [(op.category, op.kind) for op in analyze(make_profile(calls)).ops] == [(Category.CONV, "depthwise")]
    moved = analyze(make_profile(calls), depthwise_as="elemwise").ops
    assert [(op.category, op.kind) for op in moved] == [(Category.ELEMWISE, "depthwise")]


LAYERS = ("", "a", "a.b", "a.b.c", "d")
OPS = ("relu", "conv2d", "cat", "view", "mm", "mylib::spin", "mean", "sort")


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    calls: list[OpCall] = []
    for index in range(draw(st.integers(0, 8))):
        op, layer = draw(st.sampled_from(OPS)), draw(st.sampled_from(LAYERS))
        source, result = tensor(index, (1, 2, 3, 3)), tensor(index + 1, (1, 2, 3, 3))
        if op == "conv2d":
            calls.append(conv(index, source, (2, 2, 1, 1), result, layer=layer))
        elif op == "mm":
            square = (tensor(100 + index, (2, 2)), tensor(200 + index, (2, 2)))
            calls.append(call(index, op, square, (result,), names=("self", "mat2"), layer=layer))
        else:
            names = ("tensors.0",) if op == "cat" else ("self",)
            calls.append(call(index, op, (source,), (result,), names=names, layer=layer, is_view=op == "view"))
    runs, count = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    times = st.lists(st.floats(1e-5, 1e-2), min_size=runs, max_size=runs)
    spans = [(index,) for index in range(len(calls))]
    if len(spans) > 2 and draw(st.booleans()):
        spans = [spans[0] + spans[1], *spans[2:], ()]
    rounds = [
        one_round(
            draw(times),
            draw(times),
            [(span, draw(times)) for span in spans],
            inside_s=draw(st.floats(0, 1e-3)),
            outside_s=draw(st.floats(0, 1e-3)),
        )
        for _ in range(count)
    ]
    modules = [ModuleInfo(layer, "Block", 0) for layer in LAYERS[: draw(st.integers(0, 5))]]
    return make_profile(calls, rounds, modules)


@settings(max_examples=100, deadline=None)
@given(profiles())
def test_parts_make_the_whole(profile: Profile) -> None:
    analysis = analyze(profile)
    latency, accounting = analysis.latency, analysis.accounting
    assert latency is not None
    assert accounting is not None
    whole = pytest.approx(latency.median_s, rel=1e-12)
    assert accounting.ops_s + accounting.overhead_s + accounting.residual_s == whole
    assert sum(s.fraction or 0 for s in analysis.categories) + accounting.residual_fraction == pytest.approx(1)
    ops_s = pytest.approx(accounting.ops_s, rel=1e-9, abs=1e-15)
    assert sum(op.time_s or 0 for op in analysis.ops if op.category is not Category.OVERHEAD) == ops_s
    assert sum(row.self_time_s or 0 for row in analysis.layers) == ops_s
    assert analysis.layers[0].layer == ""
    assert analysis.layers[0].time_s == ops_s
    assert sum(s.op_count for s in analysis.categories) == len(profile.calls)
    assert sum(s.mult_adds for s in analysis.categories) == analysis.layers[0].mult_adds == analysis.totals.mult_adds
    assert sum(s.access_bytes for s in analysis.categories) == analysis.totals.access_bytes
    assert all((op.time_s or 0) >= 0 for op in analysis.ops)
    low, high = accounting.residual_ci95_s
    assert low <= accounting.residual_s <= high
    assert analyze(profile) == analysis
