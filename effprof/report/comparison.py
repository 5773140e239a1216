"""Several networks in one short table, and their bars on a common time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from effprof import units
from effprof.report import rows
from effprof.report.headline import common_setting
from effprof.report.layout import bar_line, swatch, table
from effprof.report.palette import COLOURS
from effprof.report.untrusted import cells, cut_middle, printable

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.report import Report

_ALL_COLUMNS_FIT = 72


def comparison_lines(reports: Sequence[Report], width: int, *, coloured: bool) -> list[Text]:
    """One row a network, in the order given; bars only when all were timed."""
    from rich.text import Text

    timed = all(rows.whole_s(report) is not None for report in reports)
    if timed:
        header = ["model", "latency", "95 % within", "inputs/s", "mult_adds", "mult_adds/s"]
        used = len(header) if width >= _ALL_COLUMNS_FIT else len(header) - 1
        body = [_timed_row(report)[:used] for report in reports]
        lines = table(header[:used], body, "<>>>>>"[:used], width, flexible=(0,))
        lines += [Text(""), *_bars(reports, width, coloured)]
    else:
        header = ["model", "mult_adds", "parameters", "access", "weights"]
        lines = table(header, [_counted_row(report) for report in reports], "<>>>>", width, flexible=(0,))
    common = Text(cut_middle(f"  {common_setting(reports)}", width), style="dim")
    return [Text("Comparison", style="bold"), common, Text(""), *lines]


def _timed_row(report: Report) -> list[str]:
    latency, mult_adds = report.analysis.latency, report.analysis.totals.mult_adds
    if latency is None:
        raise ValueError("a timed row needs a latency")
    low_s, high_s = latency.ci95_s
    half_width_s = max(high_s - latency.median_s, latency.median_s - low_s)
    return [
        printable(report.profile.model.name),
        units.time_scale(latency.median_s).format(latency.median_s),
        units.format_percent(half_width_s / latency.median_s),
        units.format_count(latency.throughput_per_s),
        units.format_count(mult_adds),
        units.format_count(None if mult_adds is None else mult_adds / latency.median_s),
    ]


def _counted_row(report: Report) -> list[str]:
    model, totals = report.profile.model, report.analysis.totals
    return [
        printable(model.name),
        units.format_count(totals.mult_adds),
        units.format_count(model.parameters),
        units.format_bytes(totals.access_bytes),
        units.format_bytes(model.weights_bytes),
    ]


def _bars(reports: Sequence[Report], width: int, coloured: bool) -> list[Text]:
    """A bar a network, as long as its latency; then what the fillings mean."""
    from rich.text import Text

    names = [cut_middle(printable(report.profile.model.name), width // 4) for report in reports]
    latencies_s = [rows.whole_s(report) or 0.0 for report in reports]
    label_cells = max(map(cells, names))
    room = width - label_cells - 4
    lines, seen = [], set[str]()
    for report, name, latency_s in zip(reports, names, latencies_s, strict=True):
        bar = [(part.name, part.fraction or 0.0) for part in rows.part_rows(report)]
        seen |= {part for part, _ in bar}
        length = max(1, round(room * latency_s / max(latencies_s)))
        padding = " " * (label_cells - cells(name))
        lines.append(Text(f"  {name}{padding}  ") + bar_line(bar, length, coloured))
    return [*lines, Text(""), *_key([name for name in COLOURS if name in seen], width, coloured)]


def _key(parts: Sequence[str], width: int, coloured: bool) -> list[Text]:
    """`C conv  E elemwise ...`, wrapped between entries."""
    from rich.text import Text

    lines = [Text(" ")]
    for part in parts:
        entry = Text(" ") + swatch(part, coloured) + Text(f" {part} ")
        if len(lines[-1]) + len(entry) > width:
            lines.append(Text(" "))
        lines[-1].append_text(entry)
    return lines
