"""Where the time goes in every network of the zoo: one bar a network, sorted by latency within its family."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from results import figure_style, new_figure, save_figure
from zoo_rows import PARTS, RunRow, ZooRow

from effprof import units
from effprof.report.chart_parts import INK, MUTED, legend_handles
from effprof.report.palette import COLOURS, RESIDUAL, ink_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHOICE = (
    "alexnet",
    "vgg16",
    "resnet50",
    "inception_v3",
    "googlenet",
    "highway19",
    "densenet121",
    "pyramidnet110_a48",
    "xception",
    "se_resnet50",
    "cbam_resnet50",
    "mobilenetv1",
    "mobilenetv2",
    "shufflenetv1_g3",
    "shufflenetv2",
)
"""One or two networks a family, for a chart that is read at a glance."""
TITLE = "Where the time goes: share of the latency of one forward pass"
_BAR_HEIGHT = 0.74
_HATCH = "/////"
_HEAD_IN, _FOOT_IN = 1.15, 0.25
_WIDTH_IN = 16.0
Line = str | ZooRow
"""A family's heading, or a bar."""


def draw_decomposition(rows: Sequence[ZooRow], runs: Sequence[RunRow], folder: Path) -> None:
    """decomposition (the choice, or all where none of it was measured) and decomposition_all; rows of one thread
    count."""
    chosen = [row for row in rows if row.model in CHOICE] or rows
    for name, shown, columns, row_in in (("decomposition", chosen, 1, 0.36), ("decomposition_all", rows, 2, 0.25)):
        with figure_style():
            save_figure(decomposition(shown, setting_of(shown, runs), columns, row_in), folder, name)


def setting_of(rows: Sequence[ZooRow], runs: Sequence[RunRow]) -> str:
    """`AMD EPYC · 1 thread · batch 1 · torch 2.14.1 · malloc ...` for a caption."""
    first = runs[0]
    device = first.cpu if first.device == "cpu" else "make-believe clock"
    threads = rows[0].threads
    counts = "/".join(map(str, sorted({row.runs for row in rows})))
    return (
        f"{device} · {threads} thread{'s' if threads > 1 else ''} · batch 1 · fp32 · torch {first.torch} · "
        f"{first.malloc} · {'1 process' if counts == '1' else f'medians of {counts} processes'} a network"
    )


def decomposition(rows: Sequence[ZooRow], caption: str, columns: int, row_in: float) -> Figure:
    """Bars in `columns` columns, each row `row_in` inches high."""
    stacks = split(lines_of(rows), columns)
    depth = max(map(len, stacks))
    height_in = _HEAD_IN + row_in * depth + _FOOT_IN
    figure = new_figure(_WIDTH_IN, height_in)
    figure.text(0.012, 1 - 0.32 / height_in, TITLE, fontsize=19, fontweight="bold", color=INK, va="center")
    figure.text(0.012, 1 - 0.66 / height_in, caption, fontsize=10.5, color=MUTED, va="center")
    present = [part for part in PARTS if any(abs(row.shares[part]) >= 5e-4 for row in rows)]
    figure.legend(
        handles=legend_handles(present), loc="upper right", bbox_to_anchor=(0.992, 1 - 0.1 / height_in),
        ncols=(len(present) + 1) // 2, frameon=False, fontsize=10.5, handlelength=1.2, columnspacing=1.4,
    )  # fmt: skip
    longest = max(1.0, *(1 - min(0.0, row.shares[RESIDUAL]) for row in rows))
    column_width = 1 / columns
    name_in, figures_in = (1.75, 1.55) if columns > 1 else (1.9, 2.0)
    for number, lines in enumerate(stacks):
        left = number * column_width + name_in / _WIDTH_IN
        width = column_width - (name_in + figures_in) / _WIDTH_IN
        axes = figure.add_axes((left, _FOOT_IN / height_in, width, row_in * depth / height_in))
        axes.set_axis_off()
        axes.set_xlim(0, longest)
        axes.set_ylim(depth - 0.5, -0.5)
        draw_lines(axes, lines, size=8.5 if columns > 1 else 11)
    return figure


def lines_of(rows: Sequence[ZooRow]) -> list[Line]:
    """Headings and bars: families in the order of `rows`, the fastest network of each first."""
    lines: list[Line] = []
    for family, members in groupby(rows, lambda row: row.family):
        lines += [family, *sorted(members, key=lambda row: row.latency_s)]
    return lines


def split(lines: Sequence[Line], columns: int) -> list[list[Line]]:
    """About equally long columns; a heading is never the last line, and a family that goes on is named again."""
    if columns == 1:
        return [list(lines)]
    heading = next((i for i in range(len(lines) // 2, len(lines)) if isinstance(lines[i], str)), len(lines))
    earlier = next(i for i in range(len(lines) // 2, -1, -1) if isinstance(lines[i], str))
    cut = min((heading, earlier), key=lambda i: abs(i - len(lines) / 2))
    if 0.4 * len(lines) <= cut <= 0.6 * len(lines):
        return [list(lines[:cut]), list(lines[cut:])]
    cut = max(2, (len(lines) + 1) // 2)
    goes_on = f"{lines[earlier]} (continued)"
    return [list(lines[:cut]), [goes_on, *lines[cut:]] if cut < len(lines) else []]


def draw_lines(axes: Axes, lines: Sequence[Line], size: float) -> None:
    """One column, top to bottom."""
    write_row(axes, -0.5, ("", "latency", "mult_adds"), size - 1)
    bars = [row for row, line in enumerate(lines) if not isinstance(line, str)]
    for row, line in enumerate(lines):
        if isinstance(line, str):
            axes.text(0, row + 0.12, line, fontsize=size + 1, fontweight="bold", color=MUTED, va="center")
        else:
            draw_bar(axes, row, line, size)
    if any(line.shares[RESIDUAL] < 0 for line in lines if not isinstance(line, str)):
        for row in bars:
            axes.plot([1, 1], [row - 0.5, row + 0.5], color=INK, linewidth=1.2, solid_capstyle="butt")
        axes.text(1, -0.5, "latency = 100 %", fontsize=size - 1, color=INK, ha="right", va="center")


def draw_bar(axes: Axes, row: int, network: ZooRow, size: float) -> None:
    """Name, parts in percent of the latency, latency and mult_adds; what the parts have too much is hatched."""
    left = 0.0
    for part, share in network.shares.items():
        if share <= 0:
            continue
        rest = part == RESIDUAL
        colour = "#FFFFFF" if rest else COLOURS[part]
        axes.barh(
            row, share, left=left, height=_BAR_HEIGHT, color=colour, linewidth=0.5,
            edgecolor=COLOURS[RESIDUAL] if rest else "white", hatch=_HATCH if rest else None,
        )  # fmt: skip
        if share >= 0.045 and not rest:
            middle = (left + min(left + share, 1.0)) / 2
            axes.text(
                middle, row, f"{100 * share:.0f}", fontsize=size - 1.5, color=ink_on(colour), ha="center",
                va="center_baseline",
            )  # fmt: skip
        left += share
    if left > 1:
        axes.barh(row, left - 1, left=1, height=_BAR_HEIGHT, color="none", edgecolor="white", hatch=_HATCH, linewidth=0)
    cells = (network.model, milliseconds(network.latency_s), units.format_count(network.mult_adds))
    write_row(axes, row, cells, size)


def milliseconds(time_s: float) -> str:
    decimals = 2 if time_s < 1e-3 else 1 if time_s < 1 else 0
    return f"{1e3 * time_s:.{decimals}f} ms"


def write_row(axes: Axes, row: float, cells: tuple[str, str, str], size: float) -> None:
    """Left of the bars the name; right of them, in two columns, latency and mult_adds."""
    inch = axes.get_xlim()[1] / (axes.bbox.width / axes.figure.dpi)
    end = axes.get_xlim()[1]
    places = (-0.06 * inch, end + size / 11 * 0.9 * inch, end + size / 11 * 1.85 * inch)
    styles = ((INK, "normal"), (INK, "bold"), (MUTED, "normal"))
    for x, content, (ink, weight) in zip(places, cells, styles, strict=True):
        axes.text(x, row, content, fontsize=size, color=ink, fontweight=weight, ha="right", va="center_baseline")
