"""regression.png and .svg: predicted against measured, multiply-adds alone beside the full formula.

Only matplotlib's object API is used, as in `chart`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from effprof import units
from effprof.analyze.regression import Formula
from effprof.analyze.regression_study import Prediction, Regression
from effprof.report import regression_rows as rows
from effprof.report.chart import DPI, WIDTH_IN, picture
from effprof.report.chart_parts import INK, MUTED, fit_inside
from effprof.report.point_labels import Labels
from effprof.report.untrusted import cut_middle, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 6
"""More devices than this share one pair of panels."""
_ROW_IN, _HEAD_IN = (4.6, 3.5), 1.0
"""Rows of one pair of panels, and of two."""
_TITLE_PT, _TITLE_CELLS = (11, 9), (48, 34)
_COLOUR = "#0072B2"
_MARKER_PT = 4.5
_NAMED = 5
"""Of each panel, the networks that are predicted worst."""
_NAME_CELLS = 24
_MARGIN = 1.35
"""Of the axes beyond the points, as a factor."""
_WIDE = 200
"""Axes that span a larger factor have ticks at the powers of ten alone."""


def render_regression_png(regression: Regression) -> bytes:
    """The chart at 1920 pixels width."""
    return picture(lambda: build_regression_figure(regression), "png")


def render_regression_svg(regression: Regression) -> bytes:
    """The chart as SVG, byte for byte the same for the same regression."""
    return picture(lambda: build_regression_figure(regression), "svg")


def build_regression_figure(regression: Regression) -> Figure:
    """Title, what the points are, and for each device the two formulas on the same axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups = _groups(regression)
    pairs = min(2, len(groups))
    row_in = _ROW_IN[pairs - 1]
    height_in = _HEAD_IN + row_in * math.ceil(len(groups) / pairs)
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    title = f"{rows.TITLE}: what mult_adds predict, and what a per-op roofline predicts"
    fit_inside(
        figure.text(0.02, 1 - 0.36 / height_in, title, fontsize=20, fontweight="bold", color=INK, va="center"),
        may_cut=True,
    )
    caption = f"each point is a network that its fit did not see · {printable(regression.table)}"
    fit_inside(figure.text(0.02, 1 - 0.74 / height_in, caption, fontsize=11.5, color=MUTED, va="center"), may_cut=True)
    for number, (name, devices) in enumerate(groups):
        row, pair = divmod(number, pairs)
        bottom = 1 - (_HEAD_IN + row_in * (row + 1) - 0.65) / height_in
        for column, formula in enumerate((regression.formulas[0], regression.full)):
            left = 0.06 + 0.97 * (2 * pair + column) / (2 * pairs)
            axes = figure.add_axes((left, bottom, 0.97 / (2 * pairs) - 0.06, (row_in - 1.3) / height_in))
            _draw(axes, regression, formula, devices)
            title = f"{cut_middle(name, _TITLE_CELLS[pairs - 1])}\n{_says(regression, formula, devices)}"
            axes.set_title(title, loc="left", fontsize=_TITLE_PT[pairs - 1], color=INK)
    return figure


def _groups(regression: Regression) -> list[tuple[str, list[str]]]:
    """A name and its devices for every row of panels."""
    devices = list(regression.latencies)
    if len(devices) > _APART:
        return [(f"{len(devices)} devices", devices)]
    return [(rows.device_name(device), [device]) for device in devices]


def _draw(ax: Axes, regression: Regression, formula: Formula, devices: Sequence[str]) -> None:
    from matplotlib.ticker import LogLocator

    shown = [row for row in regression.predictions if row.device in devices]
    points = [row for row in shown if row.formula == formula.name]
    ends = _limits(shown)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    places = [(1e3 * row.measured_s, 1e3 * row.predicted_s) for row in points]
    ax.plot(*zip(*places, strict=True), "o", color=_COLOUR, alpha=0.6, markersize=_MARKER_PT, markeredgewidth=0)
    ax.set_xlabel("measured (ms)", color=MUTED, labelpad=2)
    ax.set_ylabel("predicted (ms)", color=MUTED)
    ticks = (1, 2, 5) if ends[1] < _WIDE * ends[0] else (1,)
    for scale in (ax.xaxis, ax.yaxis):
        scale.set_major_locator(LogLocator(subs=ticks))
        scale.set_major_formatter("{x:g}")
        scale.set_minor_formatter("")
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    if len(regression.latencies) == 1:
        _name_the_worst(ax, points, places)


def _says(regression: Regression, formula: Formula, devices: Sequence[str]) -> str:
    figures = [regression.figure(device, formula.name) for device in devices]
    error = units.format_percent(statistics.median(row.network_mape for row in figures))
    ranking = rows.ranking(statistics.median(row.spearman for row in figures))
    median = "median " if len(devices) > 1 else ""
    return f"{formula.name}: {median}error {error}, ranking {ranking}"


def _limits(shown: Sequence[Prediction]) -> tuple[float, float]:
    """Both axes alike in both panels, so that the diagonal is one and distances from it can be compared."""
    values = [1e3 * value for row in shown for value in (row.measured_s, row.predicted_s)]
    return min(values) / _MARGIN, max(values) * _MARGIN


def _name_the_worst(ax: Axes, points: Sequence[Prediction], places: Sequence[tuple[float, float]]) -> None:
    labels = Labels(ax, places, _MARKER_PT)
    worst = sorted(
        zip(points, places, strict=True), key=lambda pair: -abs(math.log(pair[0].predicted_s / pair[0].measured_s))
    )
    for row, place in worst[:_NAMED]:
        name = cut_middle(printable(row.network), _NAME_CELLS)
        labels.write(name, place, must=False, fontsize=8, color=INK, parse_math=False)
