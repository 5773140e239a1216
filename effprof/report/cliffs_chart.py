"""cliffs.png and .svg: a panel an axis, time and time per mult_add relative to the own value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.analyze.cliffs import JudgedAxis
from effprof.cliff_records import CliffMap
from effprof.report import cliffs_rows as rows
from effprof.report.chart import DPI, WIDTH_IN, picture
from effprof.report.chart_parts import INK, MUTED, fit_inside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_IN, _HEAD_IN, _FOOT_IN = 3.1, 1.15, 0.3
_TIME, _WORK, _FREE = "#0072B2", "#B8B8B8", "#009E73"


def render_cliffs_png(result: CliffMap) -> bytes:
    return picture(lambda: build_cliffs_figure(result), "png")


def render_cliffs_svg(result: CliffMap) -> bytes:
    """Byte for byte the same for the same result."""
    return picture(lambda: build_cliffs_figure(result), "svg")


def build_cliffs_figure(result: CliffMap) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    axes = rows.judged_axes(result)
    panel_rows = (len(axes) + 1) // 2
    height_in = _HEAD_IN + _ROW_IN * panel_rows + _FOOT_IN
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    heading = figure.text(0.02, 1 - 0.36 / height_in, rows.title(result), fontsize=20, fontweight="bold", color=INK,
                          va="center")  # fmt: skip
    fit_inside(heading, may_cut=True)
    caption = " · ".join(content for _, content in rows.facts(result)) + " · 95 % intervals"
    fit_inside(figure.text(0.02, 1 - 0.74 / height_in, caption, fontsize=11.5, color=MUTED, va="center"), may_cut=True)
    for number, judged in enumerate(axes):
        row, column = divmod(number, 2)
        bottom = (_FOOT_IN + _ROW_IN * (panel_rows - 1 - row) + 0.5) / height_in
        ax = figure.add_axes((0.06 + 0.5 * column, bottom, 0.42, (_ROW_IN - 1.1) / height_in))
        _draw(ax, judged, with_key=number == 0)
    return figure


def _draw(ax: Axes, judged: JudgedAxis, with_key: bool) -> None:
    own = next(value.point for value in judged.values if value.mark == "own")
    places = [value.point.value for value in judged.values]
    ratios = [value.time_ratio for value in judged.values]
    errors = (
        [value.time_ratio - value.time_ratio_ci95[0] for value in judged.values],
        [value.time_ratio_ci95[1] - value.time_ratio for value in judged.values],
    )
    work = [value.point.mult_adds / own.mult_adds for value in judged.values]
    ax.plot(places, work, color=_WORK, linestyle="--", label="work")
    ax.errorbar(places, ratios, errors, fmt="o-", color=_TIME, ecolor=INK, capsize=2, markersize=4, linewidth=1,
                label="time, 95 % interval")  # fmt: skip
    free = [(value.point.value, value.time_ratio) for value in judged.values if value.mark == "free"]
    ax.plot([x for x, _ in free], [y for _, y in free], "o", color=_FREE, markersize=9, label="free", zorder=3)
    ax.plot([own.value], [1.0], "s", color=INK, markersize=7, label="as it is", zorder=4)
    ax.axhline(1, color=MUTED, linewidth=0.8, linestyle=":")
    if judged.measured.axis in ("groups", "batch", "threads"):
        ax.set_xscale("log", base=2)
        ax.set_xticks(places, [str(place) for place in places])
        ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.set_xlabel(rows.TITLES[judged.measured.axis].lower(), color=MUTED)
    ax.set_ylabel("relative to the own value", color=MUTED)
    ax.set_title(rows.sentences(judged)[0], loc="left", fontsize=9.5, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    if with_key:
        ax.legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0.0, 1.1))
