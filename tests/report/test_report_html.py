"""The notebook view: well-formed, self-contained, nothing from a model is markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from html.parser import HTMLParser

import pytest
from small_ceilings import small_ceilings

from effprof.records import Note
from effprof.report import Report
from effprof.report.roofline_rows import bound_rows, far_rows

VOID = {"br", "hr", "img", "meta", "link", "input"}


class Reader(HTMLParser):
    """Collects tags and text, and checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.widths: list[float] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        style = dict(attrs).get("style") or ""
        if style.startswith("width:"):
            self.widths.append(float(style.removeprefix("width:").split("%")[0]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(report._repr_html_())
    reader.close()
    assert reader.open == []
    return reader


def test_it_says_what_the_terminal_says(report: Report) -> None:
    text = read(report).text
    assert "ops 8.70 + overhead 1.10 + residual 0.20 = latency 10.00 ms" in text
    assert "stage2.0.branch_main.conv_pw" in text
    assert "Measure with --malloc steady, which keeps freed memory." in text


@pytest.mark.parametrize("latency_ms", [9.0, 10.0, 14.0])
def test_the_bar_is_full(make_report: Callable[..., Report], latency_ms: float) -> None:
    assert sum(read(make_report(latency_ms=latency_ms)).widths) == pytest.approx(100, abs=0.01)


def test_a_count_has_no_bar(counted: Report) -> None:
    assert read(counted).widths == []


def test_names_are_escaped(make_report: Callable[..., Report]) -> None:
    evil = "<script>alert(1)</script>\"' onload=x {{ 7*7 }}"
    base = make_report()
    layers = tuple(replace(layer, layer=evil, module_type=evil) for layer in base.analysis.layers)
    ops = tuple(replace(op, kind=evil, call=replace(op.call, op=evil, source=evil)) for op in base.analysis.ops)
    report = make_report(name=evil, analysis={"layers": layers, "ops": ops, "notes": (Note(evil, evil, evil),)})
    reader = read(report)
    tables = {"table", "thead", "tbody", "tr", "th", "td"}
    assert reader.tags == {"div", "h3", "h4", "p", "ul", "li", "b", "i", "br", "code", *tables}
    assert evil in reader.text


def test_findings_stand_in_it(make_report: Callable[..., Report]) -> None:
    report = make_report()
    assert report.findings
    text = " ".join(read(report).text.split())
    for finding in report.findings:
        assert finding.code in text
        assert finding.edit in text


def test_ceilings_stand_in_it_as_on_the_terminal(make_report: Callable[..., Report]) -> None:
    evil = "<b onload=x>&{{ 7*7 }}"
    base = make_report()
    ops = tuple(replace(op, kind=evil, call=replace(op.call, op=evil, layer=evil)) for op in base.analysis.ops)
    report = replace(make_report(analysis={"ops": ops}), ceilings=small_ceilings())
    reader = read(report)
    bounds, far = bound_rows(report), far_rows(report)
    assert [row.bound for row in bounds] == ["compute", "memory"]
    assert "What bounds the ops on this device (calibrated 2026-01-02)" in reader.text
    for row in (*bounds, *far):
        assert "".join(astuple(row)) in reader.text  # the cells of one row
    assert far[0].layer == evil
    assert "<b onload" not in report._repr_html_()


def test_without_ceilings_it_says_nothing_of_them(report: Report) -> None:
    text = read(report).text
    assert "bounds the ops" not in text
    assert "above their ceilings" not in text
