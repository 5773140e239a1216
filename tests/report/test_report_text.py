"""The terminal summary: golden texts, line lengths, colour, encodings, hostile names."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.records import Note
from effprof.report import Report
from effprof.report.text import TextStyle, render_comparison, render_text, style_for
from effprof.report.untrusted import cells

HOSTILE = "evil\x1b[31m\x1b]0;title\x07\r\n[bold red]$x$\x00\u202egnp.exe"


def longest_line(text: str) -> int:
    return max(cells(line) for line in text.splitlines())


def hostile_report(make_report: Callable[..., Report], name: str = HOSTILE) -> Report:
    base = make_report()
    ops = tuple(
        replace(op, kind=name, call=replace(op.call, op=name, layer=name, source=name)) for op in base.analysis.ops
    )
    layers = tuple(replace(layer, layer=name, module_type=name) for layer in base.analysis.layers)
    totals = replace(base.analysis.totals, uncosted_ops={name: 1})
    return make_report(
        name=name,
        profile={"device": replace(base.profile.device, name=name)},
        analysis={"ops": ops, "layers": layers, "totals": totals, "notes": (Note(name, name, name),)},
    )


def test_summary_of_a_run(report: Report, check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(report.text().encode(), "summary.txt")


def test_summary_of_a_count(counted: Report, check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(counted.text().encode(), "summary_count.txt")


def test_summary_with_the_papers_categories(report: Report, check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(report.text(paper_categories=True).encode(), "summary_paper_categories.txt")


def test_summary_with_a_negative_residual(
    make_report: Callable[..., Report], check_golden: Callable[[bytes, str], None]
) -> None:
    check_golden(make_report(latency_ms=9.5).text().encode(), "summary_negative_residual.txt")


def test_comparison(make_report: Callable[..., Report], check_golden: Callable[[bytes, str], None]) -> None:
    reports = [make_report("tinynet"), make_report("a_network_with_quite_a_long_name", latency_ms=14.0)]
    check_golden(render_comparison(reports, TextStyle()).encode(), "comparison.txt")


def test_comparison_of_counts_has_no_times(counted: Report) -> None:
    text = render_comparison([counted, counted], TextStyle())
    assert "latency" not in text
    assert text.count("19.13 M") == 2


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_line_is_too_long(make_report: Callable[..., Report], width: int, encoding: str) -> None:
    style = TextStyle(width, None, encoding)
    names = ("tinynet", "n" * 300, "网络" * 50, HOSTILE)
    for name in names:
        for report in (hostile_report(make_report, name), make_report(name, latency_ms=9.0)):
            assert longest_line(render_text(report, style)) <= width
            assert longest_line(render_comparison([report] * 3, style)) <= width


def test_the_bar_fills_the_line(report: Report) -> None:
    lines = report.text().splitlines()
    assert len(lines[lines.index("Where the time goes") + 1]) == 80


def test_colour_changes_no_character_but_the_bars(report: Report) -> None:
    coloured = render_text(report, TextStyle(colours="truecolor"))
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "█" in plain
    pairs = zip(plain.splitlines(), report.text().splitlines(), strict=True)
    assert [a for a, b in pairs if a != b and "█" not in a and "░" not in a] == []


def test_ascii_output_is_ascii_and_says_the_same(make_report: Callable[..., Report]) -> None:
    text = render_text(make_report(latency_ms=9.5), TextStyle(encoding="ascii"))
    assert text.isascii()
    assert "ops 8.700 + overhead 1.100 + residual -0.300 = latency 9.500 ms" in text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp437", "latin-1", "no-such-encoding"])
def test_text_can_always_be_written_in_its_encoding(make_report: Callable[..., Report], encoding: str) -> None:
    text = render_text(hostile_report(make_report, "网络µ"), TextStyle(encoding=encoding))
    known = "ascii" if encoding == "no-such-encoding" else encoding
    assert text.encode(known).decode(known) == text


@pytest.mark.parametrize("colours", [None, "256"])
def test_hostile_names_are_harmless(make_report: Callable[..., Report], colours: str | None) -> None:
    style = TextStyle(colours=colours)  # type: ignore[arg-type]
    report = hostile_report(make_report)
    text = render_text(report, style) + render_comparison([report, report], style)
    own_colours = re.sub(r"\x1b\[[0-9;]*m", "", text) if colours else text
    assert not [char for char in own_colours if char != "\n" and unicodedata.category(char) in ("Cc", "Cf")]
    assert "title" not in text, "the content of an escape sequence is not text"
    assert "[bold red]$x$" in text, "markup in a name is shown, not obeyed"


@settings(deadline=None, max_examples=30)
@given(name=st.text(max_size=60))
def test_any_name_gives_printable_lines(make_report: Callable[..., Report], name: str) -> None:
    text = hostile_report(make_report, name).text()
    assert longest_line(text) <= 80
    assert not [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]


class Stream(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def test_colour_only_on_a_terminal_and_not_against_no_color() -> None:
    assert style_for(Stream(False), {"COLORTERM": "truecolor"}) == TextStyle()
    assert style_for(Stream(True), {"COLORTERM": "truecolor"}).colours == "truecolor"
    assert style_for(Stream(True), {}).colours == "256"
    assert style_for(Stream(True), {"NO_COLOR": "1"}).colours is None
    assert style_for(Stream(True), {"TERM": "dumb"}).colours is None


def test_a_partial_measurement_says_so(make_report: Callable[..., Report]) -> None:
    assert "partial" in make_report(profile={"partial": True}).text().splitlines()[0]
