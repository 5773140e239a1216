"""The terminal summary: right at 80 columns, in colour or plain, in UTF-8 or ASCII, piped or not."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from effprof.report import rows
from effprof.report.headline import Fact, headline, title
from effprof.report.layout import bar_line, latency_mark, swatch, table
from effprof.report.palette import RESIDUAL
from effprof.report.roofline_text import roofline_section
from effprof.report.to_json import is_imported
from effprof.report.untrusted import cells, cut_middle, wrap

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.records import Note
    from effprof.report import Report
    from effprof.report.rows import PartRow

MIN_WIDTH, MAX_WIDTH = 60, 100
ColourSystem = Literal["standard", "256", "truecolor"]
# One cell for one cell, so that the layout holds.
_ASCII = str.maketrans({"█": "#", "░": ":", "─": "-", "·": "|", "…": "~", "µ": "u", "×": "x", "→": ">", "▲": "^"})


@dataclass(frozen=True)
class TextStyle:
    """How much the reader's terminal can show."""

    width: int = 80
    colours: ColourSystem | None = None
    encoding: str = "utf-8"

    @property
    def is_ascii(self) -> bool:
        try:
            "█░─·…µ→▲".encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return True
        return False


def style_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> TextStyle:
    """The style for `stream`: colour only on a terminal and not against NO_COLOR (no-color.org) or TERM=dumb."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if not stream.isatty():
        return TextStyle(encoding=encoding)
    width = min(max(shutil.get_terminal_size().columns, MIN_WIDTH), MAX_WIDTH)
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return TextStyle(width, None, encoding)
    truecolor = environ.get("COLORTERM") in ("truecolor", "24bit")
    return TextStyle(width, "truecolor" if truecolor else "256", encoding)


def render_text(report: Report, style: TextStyle, *, paper_categories: bool = False) -> str:
    """The summary of one report, lines of at most `style.width` cells, ending in a newline."""
    timed = rows.whole_s(report) is not None
    lines = _headline_lines(report, style)
    lines += _parts_section(report, style, paper_categories) if timed else _costs_section(report, style)
    lines += device_sections(report, style)
    lines += _layers_section(report, style, timed)
    lines += _ops_section(report, style, timed)
    lines += roofline_section(report, style)
    lines += findings_section(report, style)
    lines += notes_section(rows.note_rows(report), style)
    return print_lines(lines, style)


def render_comparison(reports: Sequence[Report], style: TextStyle) -> str:
    """A short table, one row a network, and their bars on a common time axis where all were timed."""
    from effprof.report.comparison import comparison_lines

    return print_lines(comparison_lines(reports, style.width, coloured=style.colours is not None), style)


def _headline_lines(report: Report, style: TextStyle) -> list[Text]:
    lines = [styled(cut_middle(title(report), style.width), "bold"), styled("", "")]
    for fact in headline(report):
        lines += _fact_lines(fact, style.width)
    return lines


def _fact_lines(fact: Fact, width: int) -> list[Text]:
    """Label, then the parts joined by dots, wrapped between parts."""
    from rich.text import Text

    indent, lines, first = 12, list[Text](), True
    line = Text(f"  {fact.label:<{indent - 2}}", style="dim")
    for part in fact.parts:
        part = cut_middle(part, width - indent)
        if not first and cells(line.plain) + 3 + cells(part) > width:
            lines.append(line)
            line, first = Text(" " * indent), True
        line.append("" if first else " · ", style="dim")
        line.append(part, style="bold not dim" if fact.is_main and first and not lines else "not dim")
        first = False
    return [*lines, line]


def section(heading: str) -> list[Text]:
    return [styled("", ""), styled(heading, "bold")]


def _parts_section(report: Report, style: TextStyle, paper_categories: bool) -> list[Text]:
    parts = rows.part_rows(report, paper_categories=paper_categories)
    coloured = style.colours is not None
    bar = [(part.name, part.fraction or 0.0) for part in parts]
    lines = [*section("Where the time goes"), bar_line(bar, style.width, coloured)]
    lines += latency_mark(bar, style.width, rows.whole_name(report))
    header = ["", "part", "time", "share", "mult_adds", "access", "calls"]
    cells: list[list[str | Text]] = [[swatch(p.name, coloured), p.name, p.time, p.share, *_costs(p)] for p in parts]
    used = 4 if paper_categories else 7
    lines += table(header[:used], [row[:used] for row in cells], "<<>>>>>"[:used], style.width)
    return lines + _accounting_lines(report, style)


def _costs(part: PartRow) -> tuple[str, str, str]:
    """The residual has no costs, which is not the same as unknown ones."""
    return ("", "", "") if part.name == RESIDUAL else (part.mult_adds, part.access, part.calls)


def _accounting_lines(report: Report, style: TextStyle) -> list[Text]:
    row = rows.accounting_row(report)
    if row is None:
        return []
    total, *doubts = rows.accounting_lines(row, rows.whole_name(report))
    if doubts and row.residual.startswith("-"):
        doubts[0] += " (negative: the parts add up to more than the latency)"
    lines = [styled("", ""), *wrapped(total, style, "  ", "bold")]
    return lines + [line for doubt in doubts for line in wrapped(doubt, style, "  ", "dim")]


def _costs_section(report: Report, style: TextStyle) -> list[Text]:
    parts = rows.part_rows(report)
    cells = [[p.name, p.mult_adds, p.access, p.calls] for p in parts]
    header = ["part", "mult_adds", "access", "calls"]
    return [*section("Where the work is"), *table(header, cells, "<>>>", style.width)]


def _layers_section(report: Report, style: TextStyle, timed: bool) -> list[Text]:
    layers = rows.layer_rows(report)
    if not layers:
        return []
    if timed:
        heading, header = "Slowest layers (own calls)", ["layer", "module", "time", "share", "mult_adds"]
        cells = [[row.layer, row.module_type, row.time, row.share, row.mult_adds] for row in layers]
    else:
        heading, header = "Layers with most mult_adds (own calls)", ["layer", "module", "mult_adds", "access"]
        cells = [[row.layer, row.module_type, row.mult_adds, row.access] for row in layers]
    return [*section(heading), *table(header, cells, "<<>>>", style.width, flexible=(0, 1))]


def _ops_section(report: Report, style: TextStyle, timed: bool) -> list[Text]:
    ops = rows.op_rows(report)
    lines: list[Text] = []
    if ops and timed:
        cells = [[row.op, row.kind, row.calls, row.time, row.share, row.mult_adds] for row in ops]
        header = ["op", "kind", "calls", "time", "share", "mult_adds"]
        lines += [*section("Slowest ops"), *table(header, cells, "<<>>>>", style.width, flexible=(0, 1))]
    elif ops:
        cells = [[row.op, row.kind, row.calls, row.mult_adds, row.access] for row in ops]
        header = ["op", "kind", "calls", "mult_adds", "access"]
        lines += [*section("Ops"), *table(header, cells, "<<>>>", style.width, flexible=(0, 1))]
    uncosted = rows.uncosted(report)
    if uncosted:
        text = f"{', '.join(uncosted)}: their mult_adds are unknown, not 0, and missing from the totals"
        heading = "Ops of unknown work" if is_imported(report) else "Ops without a formula"
        lines += [*section(heading), *wrapped(text, style, "  ", "")]
    return lines


def findings_section(report: Report, style: TextStyle) -> list[Text]:
    """What to change, the dearest first; nothing where nothing was found."""
    from effprof.report.findings_rows import finding_rows, found_in

    shown = finding_rows(found_in(report))
    lines = section("What to change") if shown else []
    for row in shown:
        mark = "  ! " if row.level == "warn" else "  - "
        lines += wrapped(": ".join(filter(None, (row.code, row.figures))), style, mark, "bold")
        lines += wrapped(row.text, style, "    ", "")
        lines += wrapped(row.edit, style, "    → ", "")
    if shown:
        hidden = len(report.findings) - len(shown)
        more = f"{hidden} more in report.json; " if hidden else ""
        lines += wrapped(f"{more}effprof explain CODE says more of each", style, "  ", "dim")
    return lines


def notes_section(notes: Sequence[Note], style: TextStyle) -> list[Text]:
    """Printable notes, each with its remedy; nothing where there are none."""
    lines = section("Notes") if notes else []
    for note in notes:
        lines += wrapped(f"{note.code}: {note.text}", style, "  ! ", "yellow")
        if note.remedy:
            lines += wrapped(note.remedy, style, "    → ", "")
    return lines


def wrapped(text: str, style: TextStyle, lead: str, mark: str) -> list[Text]:
    """`text` wrapped behind `lead`, later lines indented alike."""
    from rich.text import Text

    pieces = wrap(text, style.width - len(lead))
    return [Text(lead if i == 0 else " " * len(lead)) + Text(piece, style=mark) for i, piece in enumerate(pieces)]


def device_sections(report: Report, style: TextStyle) -> list[Text]:
    """Of a GPU: what it did and waited for, kernels nobody knows, and the devices of an imported trace if several."""
    from effprof.report.device_rows import device_tables

    lines: list[Text] = []
    for one in device_tables(report):
        lines += [*section(one.heading), *table(one.header, one.body, one.aligns, style.width, flexible=(0,))]
    return lines


def styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style=style)


def print_lines(lines: Sequence[Text], style: TextStyle) -> str:
    """Lines to text. The environment is kept from rich: `style` alone decides, so that the same report reads alike."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out, width=style.width, color_system=style.colours, force_terminal=style.colours is not None,
        legacy_windows=False, markup=False, highlight=False, emoji=False, _environ={},
    )  # fmt: skip
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
    text = out.getvalue()
    if style.is_ascii:
        return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    return text.encode(style.encoding, "replace").decode(style.encoding)
