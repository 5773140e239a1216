"""guidelines.png and .svg: a row a guideline, how speed falls here and in the paper, and access against time.

Only matplotlib's object API is used, as in `chart`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import guidelines_rows as rows
from effprof.report.chart import DPI, WIDTH_IN, picture
from effprof.report.chart_parts import INK, MUTED, fit_inside
from effprof.report.point_labels import Labels
from effprof.sweep_records import Guidelines, Platform, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_IN, _HEAD_IN, _FOOT_IN = 2.5, 1.1, 0.35
_HERE, _GPU, _ARM = "#0072B2", "#E69F00", "#009E73"
_PAPER: tuple[tuple[Platform, str, str], ...] = (("gpu", "paper, GPU", _GPU), ("arm", "paper, ARM", _ARM))
_BAR = 0.26
_MARKER_PT = 6.0
_MARGIN = 0.25
"""Room around the points for their names, as a share of what they span."""


def render_guidelines_png(result: Guidelines) -> bytes:
    """The chart at 1920 pixels width."""
    return picture(lambda: build_guidelines_figure(result), "png")


def render_guidelines_svg(result: Guidelines) -> bytes:
    """The chart as SVG, byte for byte the same for the same result."""
    return picture(lambda: build_guidelines_figure(result), "svg")


def build_guidelines_figure(result: Guidelines) -> Figure:
    """Title, device, and two panels for each guideline at the judged scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(result.verdicts)
    height_in = _HEAD_IN + _ROW_IN * count + _FOOT_IN
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.02, 1 - 0.36 / height_in, "Do the guidelines hold here?", fontsize=20, fontweight="bold", color=INK,
                va="center")  # fmt: skip
    facts = dict(rows.facts(result))
    caption = f"{facts['device']} · {facts['setting']} · 95 % intervals {rows.WITHIN}"
    fit_inside(figure.text(0.02, 1 - 0.74 / height_in, caption, fontsize=11.5, color=MUTED, va="center"), may_cut=True)
    for number, verdict in enumerate(result.verdicts):
        bottom = (_FOOT_IN + _ROW_IN * (count - 1 - number) + 0.62) / height_in
        height = (_ROW_IN - 1.17) / height_in
        speed = figure.add_axes((0.06, bottom, 0.53, height))
        _draw_speeds(speed, verdict, result, with_key=number == 0)
        _draw_access(figure.add_axes((0.69, bottom, 0.28, height)), verdict)
    return figure


def _draw_speeds(ax: Axes, verdict: Verdict, result: Guidelines, with_key: bool) -> None:
    """Bars of the speed relative to the recommended setting; this device with its 95 % interval."""
    positions = range(len(verdict.points))
    speeds = [judged.relative_speed for judged in verdict.points]
    errors = ([s.value - s.ci95[0] for s in speeds], [s.ci95[1] - s.value for s in speeds])
    ax.bar([p - _BAR for p in positions], [s.value for s in speeds], _BAR, yerr=errors, color=_HERE, ecolor=INK,
           capsize=3, label="this device, 95 % interval")  # fmt: skip
    for shift, (platform, name, colour) in enumerate(_PAPER):
        cells = [rows.paper_speed(result, verdict, judged, platform) for judged in verdict.points]
        known = [(p + shift * _BAR, cell) for p, cell in zip(positions, cells, strict=True) if cell is not None]
        ax.bar([p for p, _ in known], [cell for _, cell in known], _BAR, color=colour, label=name)
    names = [judged.point.setting.label.replace("-fragment-", "-fragment\n") for judged in verdict.points]
    ax.set_xticks(list(positions), names)
    ax.set_ylabel("relative speed", color=MUTED)
    ax.axhline(1, color=MUTED, linewidth=0.8, linestyle=":")
    headline = rows.headline(verdict, where="")
    ax.set_title(f"{rows.TITLES[verdict.guideline]}\n{headline}", loc="left", fontsize=9.5, color=INK)
    _tidy(ax)
    if with_key:
        ax.legend(frameon=False, fontsize=9, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.3))


def _draw_access(ax: Axes, verdict: Verdict) -> None:
    """Each setting's memory access against its time, both per mult_add and relative to the recommended one."""
    base = verdict.points[0].point
    places = []
    for judged in verdict.points:
        point, slow = judged.point, judged.slowdown
        access = point.access_elements / base.access_elements * base.mult_adds / point.mult_adds
        ax.errorbar([access], [slow.value], [[slow.value - slow.ci95[0]], [slow.ci95[1] - slow.value]], fmt="o",
                    color=_HERE, ecolor=INK, capsize=3, markersize=_MARKER_PT)  # fmt: skip
        places.append((access, slow.value))
    ax.margins(_MARGIN)
    ax.set_xlabel("access per mult_add, relative", color=MUTED)
    ax.set_ylabel("time per mult_add,\nrelative", color=MUTED)
    ax.ticklabel_format(useOffset=False)
    ax.locator_params(axis="x", nbins=5)  # more would touch where the settings' access hardly differs
    _tidy(ax)
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # lines to labels must not move them
    labels = Labels(ax, places, _MARKER_PT)
    for (access, value), judged in zip(places, verdict.points, strict=True):
        for end in judged.slowdown.ci95:
            labels.keep_clear((access, value), (access, end))
    for place, judged in zip(places, verdict.points, strict=True):
        labels.write(judged.point.setting.label.replace("-fragment", ""), place, must=True, fontsize=8)


def _tidy(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
