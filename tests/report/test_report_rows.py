"""The rows: what is chosen, in which order, and that printed parts make the printed whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.records import Category
from effprof.report import Report, rows


def number(text: str) -> float:
    return float(text.split()[0])


def test_parts_are_the_categories_in_fixed_order_and_last_the_residual(report: Report) -> None:
    parts = rows.part_rows(report)
    assert [(part.name, part.time, part.share) for part in parts] == [
        ("conv", "6.00 ms", "60.0 %"),
        ("matmul", "0.20 ms", "2.0 %"),
        ("elemwise", "1.50 ms", "15.0 %"),
        ("data_io", "0.50 ms", "5.0 %"),
        ("shuffle", "0.40 ms", "4.0 %"),
        ("pool", "0.10 ms", "1.0 %"),
        ("overhead", "1.10 ms", "11.0 %"),
        ("residual", "0.20 ms", "2.0 %"),
    ]


def test_the_accounting_adds_up_as_printed(report: Report) -> None:
    row = rows.accounting_row(report)
    assert row is not None
    assert (row.ops, row.overhead, row.residual, row.latency, row.unit) == ("8.70", "1.10", "0.20", "10.00", "ms")
    assert row.residual_interval == "0.05 to 0.30 ms"
    assert row.distortion == "15.0 % longer"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(min_value=0, max_value=0.02), min_size=9, max_size=9),
    st.floats(min_value=-0.002, max_value=0.01),
)
def test_printed_parts_make_the_printed_whole(
    make_report: Callable[..., Report], times_s: list[float], residual_s: float
) -> None:
    latency_s = sum(times_s) + residual_s
    if latency_s < 1e-3:
        return
    base = make_report()
    assert base.analysis.latency is not None
    assert base.analysis.accounting is not None
    shares = tuple(
        replace(share, time_s=time_s, fraction=time_s / latency_s)
        for share, time_s in zip(base.analysis.categories, times_s, strict=True)
    )
    report = make_report(
        analysis={
            "latency": replace(base.analysis.latency, median_s=latency_s),
            "accounting": replace(
                base.analysis.accounting,
                ops_s=sum(times_s[:-1]),
                overhead_s=times_s[-1],
                residual_s=residual_s,
                residual_fraction=residual_s / latency_s,
            ),
            "categories": shares,
        }
    )
    parts, row = rows.part_rows(report), rows.accounting_row(report)
    assert row is not None
    assert sum(number(part.share) for part in parts) == pytest.approx(100.0)
    assert sum(number(part.time) for part in parts) == pytest.approx(number(row.latency))
    assert number(row.ops) + number(row.overhead) + number(row.residual) == pytest.approx(number(row.latency))
    assert parts[-1].time == f"{row.residual} {row.unit}"


def test_apportioned_numbers_are_off_by_less_than_one_step() -> None:
    # Thirds of 100: two of the three lose a tenth less than one step, none gains more than one.
    assert rows.apportion([33.33, 33.33, 33.34], 1.0) == [33.0, 33.0, 34.0]
    assert rows.apportion([-0.4, 10.4], 1.0) == [-1.0, 11.0] or rows.apportion([-0.4, 10.4], 1.0) == [0.0, 10.0]


def test_layers_are_ordered_by_their_own_calls(report: Report) -> None:
    layers = rows.layer_rows(report, limit=3)
    assert [(row.layer, row.time) for row in layers] == [
        ("stem.conv", "2.50 ms"),
        ("stage2.0.branch_main.conv_pw", "2.00 ms"),
        # add 0.5 + cat 0.5 + shuffle copy 0.4 + view 0.1; as long as conv_dw, but earlier in the network
        ("stage2.0", "1.50 ms"),
    ]


def test_a_layers_cost_is_that_of_its_own_calls(report: Report) -> None:
    by_name = {row.layer: row for row in rows.layer_rows(report, limit=100)}
    # the unit's own add, cat and copy have no multiply-adds; those of its convolutions are on their rows
    assert by_name["stage2.0"].mult_adds == "0"
    assert by_name["stage2.0.branch_main.conv_pw"].mult_adds == "6.42 M"


def test_without_times_the_layers_with_most_mult_adds_come_first(counted: Report) -> None:
    assert [row.layer for row in rows.layer_rows(counted)] == [
        "stem.conv",
        "stage2.0.branch_main.conv_pw",
        "stage2.0.branch_main.conv_dw",
        "head.classifier",
    ]


def test_ops_are_gathered_by_kind_and_views_left_out(make_report: Callable[..., Report]) -> None:
    base = make_report()
    twice = base.analysis.ops + tuple(op for op in base.analysis.ops if op.kind == "depthwise")
    ops = rows.op_rows(make_report(analysis={"ops": twice}), limit=100)
    assert (ops[0].kind, ops[0].calls, ops[0].time) == ("depthwise", "2", "3.00 ms")
    assert "view" not in {row.kind for row in ops}


def test_an_op_without_a_formula_is_unknown_not_zero(make_report: Callable[..., Report]) -> None:
    base = make_report()
    ops = tuple(
        replace(op, cost=replace(op.cost, mult_adds=None)) if op.call.op == "linear" else op for op in base.analysis.ops
    )
    totals = replace(base.analysis.totals, uncosted_ops={"mylib::spin": 3, "a": 3, "b": 5})
    report = make_report(analysis={"ops": ops, "totals": totals})
    linear = next(row for row in rows.op_rows(report, limit=100) if row.op == "linear")
    assert linear.mult_adds == "-"
    assert rows.uncosted(report) == ("b x5", "a x3", "mylib::spin x3")


def test_categories_in_which_nothing_happened_are_not_shown(report: Report) -> None:
    names = {part.name for part in rows.part_rows(report)}
    assert not {Category.COMM.value, Category.OTHER.value} & names


def test_the_papers_five_rows_and_the_residual(report: Report) -> None:
    parts = rows.part_rows(report, paper_categories=True)
    # Other: matmul 0.2 + pool 0.1 + overhead 1.1
    assert [(part.name, part.time, part.share) for part in parts] == [
        ("Conv", "6.00 ms", "60.0 %"),
        ("Elemwise", "1.50 ms", "15.0 %"),
        ("Data", "0.50 ms", "5.0 %"),
        ("Shuffle", "0.40 ms", "4.0 %"),
        ("Other", "1.40 ms", "14.0 %"),
        ("residual", "0.20 ms", "2.0 %"),
    ]


def test_notes_of_both_kinds_each_once(make_report: Callable[..., Report]) -> None:
    base = make_report()
    report = make_report(analysis={"notes": base.profile.notes + base.analysis.notes})
    assert [note.code for note in rows.note_rows(report)] == ["cpu-steal", "page-faults"]
