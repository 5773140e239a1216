"""mult_adds against latency, both on logarithmic axes: what counting operations does not tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from results import figure_style, new_figure, save_figure
from zoo_charts import CHOICE, setting_of
from zoo_rows import FAMILIES, RunRow, ZooRow, widest_pair

from effprof import units
from effprof.report.chart_parts import INK, MUTED
from effprof.report.palette import COLOURS
from effprof.report.point_labels import Labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = dict(
    zip(
        FAMILIES,
        zip(
            [COLOURS[part] for part in ("overhead", "conv", "pool", "matmul", "elemwise", "shuffle", "data_io")],
            "sDv^Pp" "o",
            strict=True,
        ),
        strict=True,
    )
)
"""A colour and a marker a family, for those who tell no colours apart."""
SMALLEST = 1_000_000
"""mult_adds of the smallest network shown; lenet5 alone would take half of the axes."""
_MARKER_PT = 7.0


def draw_scatter(rows: Sequence[ZooRow], runs: Sequence[RunRow], folder: Path) -> None:
    """latency_vs_mult_adds; rows of one thread count."""
    with figure_style():
        save_figure(scatter(rows, setting_of(rows, runs)), folder, "latency_vs_mult_adds")


def scatter(rows: Sequence[ZooRow], caption: str) -> Figure:
    outside = [row for row in rows if row.mult_adds < SMALLEST]
    if 0 < len(outside) < len(rows):
        rows = [row for row in rows if row not in outside]
        caption += f" · not shown: {', '.join(row.model for row in outside)}"
    pair = widest_pair(rows)
    if pair is not None:
        caption += " · arrow: within 5 % of mult_adds"
    figure = new_figure(13.33, 7.5)
    axes = figure.add_axes((0.065, 0.095, 0.915, 0.755))
    figure.text(0.014, 0.955, title(pair), fontsize=19, fontweight="bold", color=INK, va="center")
    figure.text(0.014, 0.905, caption, fontsize=10.5, color=MUTED, va="center")
    set_axes(axes, rows)
    draw_rates(axes)
    for family, (colour, marker) in _STYLES.items():
        members = [row for row in rows if row.family == family]
        axes.plot(
            [row.mult_adds for row in members], [1e3 * row.latency_s for row in members], marker, color=colour,
            markersize=_MARKER_PT, markeredgecolor="white", markeredgewidth=0.6, label=family, zorder=3,
        )  # fmt: skip
    if pair is not None:
        draw_pair(axes, *pair)
    legend = axes.legend(loc="upper left", fontsize=10.5, handletextpad=0.3, edgecolor="none", framealpha=1)
    legend.set_zorder(1.5)
    label_points(axes, rows, pair or ())
    return figure


def place_of(row: ZooRow) -> tuple[float, float]:
    """In the units of the axes."""
    return row.mult_adds, 1e3 * row.latency_s


def title(pair: tuple[ZooRow, ZooRow] | None) -> str:
    if pair is None:
        return "The same mult_adds, another latency"
    ratio = pair[1].latency_s / pair[0].latency_s
    return f"Equal mult_adds, very different latency: up to {ratio:.1f} times"


def set_axes(axes: Axes, rows: Sequence[ZooRow]) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(row.mult_adds for row in rows) / 1.5, max(row.mult_adds for row in rows) * 2.2)
    axes.set_ylim(1e3 * min(row.latency_s for row in rows) / 1.5, 1e3 * max(row.latency_s for row in rows) * 1.6)
    axes.set_xlabel("mult_adds of one forward pass", fontsize=11, color=INK)
    axes.set_ylabel("latency, ms", fontsize=11, color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(colors=MUTED, which="both", labelsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#B0B0B0")


def power_of_ten(value: float) -> str:
    """`10 M` for 1e7."""
    number, _, unit = units.format_count(float(value)).partition(" ")
    return f"{float(number):g} {unit}".rstrip()


def draw_rates(axes: Axes) -> None:
    """Lines of equal mult_adds per second."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for exponent in range(6, 15):
        rate_per_ms = 10.0**exponent / 1e3
        start, end = max(left, bottom * rate_per_ms), min(right, top * rate_per_ms)
        if start >= end:
            continue
        axes.plot([start, end], [start / rate_per_ms, end / rate_per_ms], color="#D0D0D0", linewidth=0.9, zorder=1)
        (x0, y0), (x1, y1) = axes.transData.transform([(start, start / rate_per_ms), (end, end / rate_per_ms)])
        if math.hypot(x1 - x0, y1 - y0) > 0.2 * axes.bbox.width:
            axes.annotate(
                f"{power_of_ten(10.0**exponent)} mult_adds/s", (end, end / rate_per_ms), xytext=(-6, -3),
                textcoords="offset points", rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)), fontsize=8.5,
                color="#8A8A8A", ha="right", va="top", rotation_mode="anchor",
            )  # fmt: skip


def draw_pair(axes: Axes, fast: ZooRow, slow: ZooRow) -> None:
    """An arrow between the two networks of the title."""
    axes.annotate(
        "", place_of(slow), xytext=place_of(fast),
        arrowprops={"arrowstyle": "<->", "color": INK, "linewidth": 1.4, "shrinkA": 5, "shrinkB": 5}, zorder=2,
    )  # fmt: skip
    middle = math.sqrt(fast.latency_s * slow.latency_s)
    axes.annotate(
        f"×{slow.latency_s / fast.latency_s:.1f}", (math.sqrt(fast.mult_adds * slow.mult_adds), 1e3 * middle),
        xytext=(6, 0), textcoords="offset points", fontsize=12, fontweight="bold", color=INK, va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}, zorder=2.5,
    )  # fmt: skip


def label_points(axes: Axes, rows: Sequence[ZooRow], pair: Sequence[ZooRow]) -> None:
    """Names beside their points: the pair and the choice first and bold, others where there is room."""
    urgent = [*(row.model for row in pair), *CHOICE]
    labels = Labels(axes, [place_of(row) for row in rows], _MARKER_PT)
    if pair:
        labels.keep_clear(*map(place_of, pair))
    for row in sorted(rows, key=lambda row: urgent.index(row.model) if row.model in urgent else len(urgent)):
        if row.model in urgent:
            labels.write(row.model, place_of(row), must=True, fontsize=8.5, fontweight="bold", color=INK)
        else:
            labels.write(row.model, place_of(row), must=False, fontsize=8.5, color=MUTED)
