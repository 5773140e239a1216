"""The pieces of the decomposition chart: one bar with its labels, and the table of all parts under the bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from effprof import units
from effprof.report import headline, rows
from effprof.report.device_rows import busy_parts
from effprof.report.palette import COLOURS, RESIDUAL, ink_on, key_of
from effprof.report.to_json import is_imported
from effprof.report.untrusted import cut_middle, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch
    from matplotlib.text import Text

    from effprof.report import Report

INK, MUTED = "#222222", "#5A5A5A"
BAR_HEIGHT = 0.62
_HATCH = "////"
_NAME_CELLS = 22
# Room left beside a label inside its segment, in points.
_LABEL_MARGIN_PT = 5.0
_EDGE_PX = 12.0
_SMALLEST_PT = 7
# Where two or three lines beside a bar stand, in rows from its middle.
_LINE_HEIGHTS = {2: (-0.13, 0.18), 3: (-0.2, 0.07, 0.27)}

# Content, size in points, weight, colour.
_Line = tuple[str, float, str, str]


@dataclass(frozen=True)
class Bar:
    """One network: its parts in drawing order, and what is written at both ends."""

    name: str
    detail: str
    latency: str
    interval: str
    parts: tuple[rows.PartRow, ...]
    negative_residual: str | None
    """`-3.2 %, -0.30 ms`; None where no minus shows."""
    whole: str = "latency"
    """What the parts are shares of."""

    @property
    def drawn(self) -> float:
        """Length in shares of the latency: 1, or more when the residual is negative."""
        return max(1.0, sum(max(0.0, part.fraction or 0.0) for part in self.parts))


def bars_of(reports: Sequence[Report]) -> tuple[Bar, ...]:
    """A bar for each timed report."""
    return tuple(_bar_of(report) for report in reports)


def _bar_of(report: Report) -> Bar:
    latency, time = report.analysis.latency, report.analysis.device_time
    parts = rows.part_rows(report)
    if time is not None and is_imported(report):
        whole, sure = units.time_scale(time.span_s).format(time.span_s), f"busy: {busy_parts(report)[0]}"
    elif latency is not None:
        whole, sure = units.time_scale(latency.median_s).format(latency.median_s), f"95 %: {headline.interval(latency)}"
    else:
        raise ValueError("a bar needs a latency")
    return Bar(
        name=cut_middle(printable(report.profile.model.name), _NAME_CELLS),
        detail=f"{units.format_count(report.analysis.totals.mult_adds)} mult_adds",
        latency=whole,
        interval=sure,
        parts=parts,
        negative_residual=next((text for part in parts if (text := _negative_residual(part)) is not None), None),
        whole=rows.whole_name(report),
    )


def _negative_residual(part: rows.PartRow) -> str | None:
    """Its share and time; None for other parts, and where the minus vanishes in rounding."""
    shows_minus = part.share.startswith("-") or part.time.startswith("-")
    return f"{part.share}, {part.time}" if part.name == RESIDUAL and shows_minus else None


def names_of(bars: Sequence[Bar]) -> list[str]:
    """Every part that any bar has, in the fixed order."""
    present = {part.name for bar in bars for part in bar.parts}
    return [name for name in COLOURS if name in present]


def draw_bar(ax: Axes, row: int, bar: Bar) -> None:
    """The bar at height `row` of the axes, x in shares of the latency."""
    left = 0.0
    for part in bar.parts:
        width = part.fraction or 0.0
        if width > 0:
            _draw_segment(ax, row, left, width, part)
            left += width
    if bar.negative_residual is not None:
        _draw_excess(ax, row, left)
    _draw_ends(ax, row, bar)


def _draw_segment(ax: Axes, row: int, left: float, width: float, part: rows.PartRow) -> None:
    residual = part.name == RESIDUAL
    colour = "#FFFFFF" if residual else COLOURS[key_of(part.name)]
    ax.barh(
        row, width, left=left, height=BAR_HEIGHT, color=colour, linewidth=0.8,
        edgecolor=COLOURS[RESIDUAL] if residual else "white", hatch=_HATCH if residual else None,
    )  # fmt: skip
    # What lies past the latency is hatched over, so the label keeps to the part before it.
    _label_inside(ax, row, left, min(left + width, 1.0), part, ink_on(colour))


def _label_inside(ax: Axes, row: int, left: float, right: float, part: rows.PartRow, ink: str) -> None:
    """Share and time inside the segment, or the share alone, or nothing: whatever fits without touching the edges."""
    room_px = ax.transData.transform((right, row))[0] - ax.transData.transform((left, row))[0]
    margin_px = 2 * _LABEL_MARGIN_PT * ax.figure.dpi / 72
    on_hatch = {"facecolor": "white", "edgecolor": "none", "pad": 2} if part.name == RESIDUAL else None
    for content, size in ((f"{part.share}\n{part.time}", 12), (part.share, 11), (part.share, 9)):
        label = ax.text(
            (left + right) / 2, row, content, fontsize=size, color=ink, ha="center", va="center", parse_math=False,
            linespacing=1.35, bbox=on_hatch,
        )  # fmt: skip
        if label.get_window_extent().width + margin_px <= room_px:
            return
        label.remove()


def _draw_excess(ax: Axes, row: int, end: float) -> None:
    """Past 100 %: hatch what the parts have too much, which is the negative residual."""
    ax.barh(row, end - 1, left=1, height=BAR_HEIGHT, color="none", edgecolor="white", hatch=_HATCH, linewidth=0)


def draw_latency_line(ax: Axes, row: int) -> None:
    """The 100 % mark of a bar."""
    reach = BAR_HEIGHT / 2 + 0.09
    ax.plot([1, 1], [row - reach, row + reach], color=INK, linewidth=2.2, solid_capstyle="butt")


def _draw_ends(ax: Axes, row: int, bar: Bar) -> None:
    """Name to the left of the bar; total latency with its interval to the right, and a negative residual below it."""
    from matplotlib.transforms import blended_transform_factory

    beside = blended_transform_factory(ax.transAxes, ax.transData)
    left: list[_Line] = [(bar.name, 13, "bold", INK), (bar.detail, 10, "normal", MUTED)]
    right: list[_Line] = [(bar.latency, 15, "bold", INK), (bar.interval, 9, "normal", MUTED)]
    if bar.negative_residual is not None:
        right.append((f"residual: {bar.negative_residual}", 9, "normal", INK))
    for x, align, lines in ((-0.015, "right", left), (1.015, "left", right)):
        for y, (content, size, weight, colour) in zip(_LINE_HEIGHTS[len(lines)], lines, strict=True):
            text = ax.text(
                x, row + y, content, transform=beside, fontsize=size, fontweight=weight, color=colour, ha=align,
                va="center", parse_math=False,
            )  # fmt: skip
            fit_inside(text, may_cut=content == bar.name)


def fit_inside(text: Text, *, may_cut: bool) -> None:
    """Smaller type, then (a name may lose its middle, a number not) a shorter text, until it is inside its figure."""
    for size in range(int(text.get_fontsize()), _SMALLEST_PT - 1, -1):
        if _is_inside(text):
            return
        text.set_fontsize(size)
    for length in range(len(text.get_text()) - 1, 0, -1):
        if _is_inside(text) or not may_cut:
            return
        text.set_text(cut_middle(text.get_text(), length))


def _is_inside(text: Text) -> bool:
    figure = text.get_figure()
    box = text.get_window_extent()
    return figure is None or (box.x0 >= _EDGE_PX and box.x1 <= figure.bbox.width - _EDGE_PX)


def draw_table(ax: Axes, bars: Sequence[Bar], names: Sequence[str]) -> None:
    """Legend and numbers in one: a column a part, a row a network, also for segments too small for a label."""
    ax.set_xlim(0, 1)
    ax.set_ylim(len(bars) + 1.3, 0)
    ax.set_axis_off()
    first, last = 0.185, 0.985
    step = (last - first) / max(len(names), 8)
    for column, name in enumerate(names):
        x = first + column * step
        _draw_swatch(ax, x, name, step)
        for row, bar in enumerate(bars):
            part = next((part for part in bar.parts if part.name == name), None)
            content = f"{part.share}\n{part.time}" if part is not None else "-"
            ax.text(x, row + 1.55, content, fontsize=9.5, color=INK, va="center", linespacing=1.3, parse_math=False)
    for row, bar in enumerate(bars):
        style: dict[str, Any] = {"fontsize": 9.5, "color": MUTED, "ha": "right", "va": "center", "parse_math": False}
        fit_inside(ax.text(0.165, row + 1.55, bar.name, **style), may_cut=True)


def legend_handles(names: Sequence[str]) -> list[Patch]:
    """What each colour means, for axes that have no table below them."""
    from matplotlib.patches import Patch

    return [Patch(label=name, **_filling(name)) for name in names]


def _draw_swatch(ax: Axes, x: float, name: str, step: float) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, 0.38), step * 0.14, 0.4, **_filling(name)))
    ax.text(x + step * 0.19, 0.6, name, fontsize=10, fontweight="bold", color=INK, va="center")


def _filling(name: str) -> dict[str, Any]:
    if name == RESIDUAL:
        return {"facecolor": "white", "edgecolor": COLOURS[name], "hatch": _HATCH}
    return {"facecolor": COLOURS[name], "edgecolor": COLOURS[name]}
