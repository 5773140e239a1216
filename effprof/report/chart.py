"""decomposition.png and .svg: where the time goes, one bar a network.

The message of Figure 2 of the ShuffleNetV2 paper (Ma et al. 2018), with overhead and residual as parts of their own.
Bars are shares of the latency: all end at 100 %, whatever the network's speed. A negative residual means that the
parts add up to more than the latency; the bar then runs past the 100 % line by that much, hatched.

Only matplotlib's object API is used: no pyplot, no backend switch, no lasting change of rcParams.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from effprof.errors import UsageError
from effprof.report.chart_parts import (
    INK,
    MUTED,
    Bar,
    bars_of,
    draw_bar,
    draw_latency_line,
    draw_table,
    fit_inside,
    legend_handles,
    names_of,
)
from effprof.report.headline import common_setting
from effprof.report.rows import whole_name, whole_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from effprof.report import Report

DPI = 150
WIDTH_IN = 12.8
TITLE = "Where the time goes: share of the latency of one forward pass"
TRACE_TITLE = "Where the device's time goes: share of the span from its first work to its last"
_ROW_IN = 0.95
_HEAD_IN = 1.25
_TABLE_ROW_IN = 0.42
_RC: Any = {
    # The same picture whatever style sheet the reader uses; `$` in a network's name is no formula.
    "font.family": ["DejaVu Sans"],
    "text.usetex": False,
    "text.parse_math": False,
    "hatch.linewidth": 1.0,
    "svg.fonttype": "path",
    # Ids from the content instead of random ones: the same report gives the same bytes.
    "svg.hashsalt": "effprof",
}
_METADATA: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": "effprof"}}


def render_png(reports: Sequence[Report]) -> bytes:
    """The chart at 1920 pixels width. Raises UsageError when a report has no latency."""
    return picture(lambda: build_figure(reports), "png")


def render_svg(reports: Sequence[Report]) -> bytes:
    """The chart as SVG, byte for byte the same for the same reports. Raises UsageError as `render_png`."""
    return picture(lambda: build_figure(reports), "svg")


def plot_decomposition(reports: Sequence[Report], ax: Axes | None = None) -> Axes:
    """Draw the bars on `ax`, or the whole chart (table of all parts included) on a new figure; returns the axes."""
    bars = _timed_bars(reports)
    with our_style():
        if ax is None:
            return build_figure(reports).axes[0]
        _draw_bars(ax, bars)
        ax.set_title(title_of(reports), loc="left")
        ax.legend(
            handles=legend_handles(names_of(bars)), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=5, frameon=False
        )
    return ax


def build_figure(reports: Sequence[Report]) -> Figure:
    """Title, setting, bars in the order given, and a table of every part, as a figure without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = _timed_bars(reports)
    parts = names_of(bars)
    rows_in, table_in = _ROW_IN * len(bars) + 0.15, _TABLE_ROW_IN * (len(bars) + 1) + 0.35
    height_in = _HEAD_IN + rows_in + table_in
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    bar_axes = figure.add_axes((0.175, (table_in + 0.1) / height_in, 0.655, rows_in / height_in))
    table_axes = figure.add_axes((0.0, 0.0, 1.0, table_in / height_in))
    figure.text(0.02, 1 - 0.42 / height_in, title_of(reports), fontsize=20, fontweight="bold", color=INK, va="center")
    setting = common_setting(reports)
    caption = figure.text(0.02, 1 - 0.82 / height_in, setting, fontsize=11.5, color=MUTED, va="center")
    fit_inside(caption, may_cut=True)
    _draw_bars(bar_axes, bars)
    draw_table(table_axes, bars, parts)
    return figure


def title_of(reports: Sequence[Report]) -> str:
    """What the bars are shares of."""
    return TITLE if any(whole_name(report) == "latency" for report in reports) else TRACE_TITLE


def _draw_bars(ax: Axes, bars: Sequence[Bar]) -> None:
    longest = max(bar.drawn for bar in bars)
    ax.set_xlim(0, longest)
    ax.set_ylim(len(bars) - 0.5, -0.5)
    ax.set_axis_off()
    for row, bar in enumerate(bars):
        draw_bar(ax, row, bar)
    if any(bar.negative_residual is not None for bar in bars):
        for row in range(len(bars)):
            draw_latency_line(ax, row)
        ax.text(1, -0.5, f"{bars[0].whole} = 100 %", fontsize=9, color=INK, ha="center", va="bottom")


def _timed_bars(reports: Sequence[Report]) -> tuple[Bar, ...]:
    if not reports or any(whole_s(report) is None for report in reports):
        raise UsageError("Nothing was timed, so there is no decomposition to draw. Measure with `effprof run`.")
    return bars_of(reports)


def picture(build: Callable[[], Figure], file_format: Literal["png", "svg"]) -> bytes:
    """What `build` draws, in our style and without dates, so that the same figure gives the same bytes."""
    out = io.BytesIO()
    with our_style(), warnings.catch_warnings():
        # A name in a script the font lacks is drawn as boxes; that is no reason to fail or to print.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        build().savefig(out, format=file_format, dpi=DPI, metadata=_METADATA[file_format])
    return out.getvalue()


@contextmanager
def our_style() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield
