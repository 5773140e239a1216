"""claims.md and claims.png: what counting predicts for each design claim, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from design_formulas import ClaimRow
from results import figure_style, machine_text, new_figure, save_figure

from effprof.report.chart_parts import INK, MUTED
from effprof.report.palette import COLOURS
from effprof.units import format_percent, time_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Cheaper by count, cheaper by the clock? Cost of the alternative, as a share of the baseline's"
_BY_WORK, _BY_ACCESS, _BY_CLOCK = COLOURS["elemwise"], COLOURS["pool"], COLOURS["conv"]
_WIDTH_IN, _ROW_IN, _HEAD_IN, _FOOT_IN = 16.0, 0.235, 1.25, 0.55
_NAME_IN = 4.1
_NUMBER_IN = 1.5
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
Line = str | ClaimRow
"""The name of a claim, or a setting of it (the row of any thread count)."""

_TOP = """# Design claims: predicted and measured

{machine}
One process, batch 1, fp32. A ratio is the alternative's share of the baseline: below 1 the alternative costs less.
Measured: {estimator} of interleaved rounds, with a 95 % interval over rounds. ShuffleNet units are compared by
time per mult_add: widths are chosen so that mult_adds are about equal, the column "drift" says how nearly, and it is
divided out of the ratios.

![Predicted and measured](claims.png)
"""


def claims_markdown(rows: Sequence[ClaimRow]) -> str:
    estimators = " or ".join(dict.fromkeys(row.estimator for row in rows))
    text = _TOP.format(machine=machine_text(rows), estimator=estimators)
    for name, members in groupby(in_order(rows), lambda row: row.name):
        own = list(members)
        per_work = own[0].quantity != "time"
        header = ["setting", "threads", _heading([row.baseline for row in own], "baseline"),
                  _heading([row.alternative for row in own], "alternative"), "by mult_adds", "by access", "measured",
                  "95 % interval", "rounds"]  # fmt: skip
        if per_work:
            header.insert(4, "drift")
        text += f"\n## {name}\n\n{own[0].source}. Compared: {own[0].quantity}.\n\n| {' | '.join(header)} |\n"
        text += f"| --- |{' ---: |' * (len(header) - 1)}\n"
        for row in own:
            scale = time_scale(row.baseline_s)
            cells = [
                row.settings, str(row.threads), scale.format(row.baseline_s), scale.format(row.alternative_s),
                _ratio(row.predicted_ratio_mult_adds), _ratio(row.predicted_ratio_access),
                f"**{_ratio(row.measured_ratio)}**", f"{_ratio(row.low)} to {_ratio(row.high)}", str(row.rounds),
            ]  # fmt: skip
            if per_work:
                cells.insert(4, format_percent(row.work_ratio - 1, 2))
            text += f"| {' | '.join(cells)} |\n"
    return text


def _heading(texts: Sequence[str], otherwise: str) -> str:
    return texts[0] if len(set(texts)) == 1 else otherwise


def in_order(rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """Claims and settings as they were first measured, thread counts of a setting together."""
    names = list(dict.fromkeys(row.name for row in rows))
    keys = list(dict.fromkeys(row.key for row in rows))
    return sorted(rows, key=lambda row: (names.index(row.name), keys.index(row.key), row.threads))


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 0.995 else f"{value:.2f}"


def draw_claims(rows: Sequence[ClaimRow], folder: Path) -> None:
    with figure_style():
        save_figure(claims_figure(in_order(rows)), folder, "claims")


def claims_figure(rows: Sequence[ClaimRow]) -> Figure:
    """A row a setting, a panel a thread count."""
    counts = sorted({row.threads for row in rows})
    lines: list[Line] = []
    for name, members in groupby(rows, lambda row: row.name):
        settings = {row.key: row for row in members}
        quantity = next(iter(settings.values())).quantity
        lines += [name if quantity == "time" else f"{name}: {quantity}", *settings.values()]
    height_in = _HEAD_IN + _ROW_IN * len(lines) + _FOOT_IN
    figure = new_figure(_WIDTH_IN, height_in)
    figure.text(0.012, 1 - 0.32 / height_in, TITLE, fontsize=17, fontweight="bold", color=INK, va="center")
    first = rows[0]
    caption = f"{first.cpu} · batch 1 · fp32 · torch {first.torch} · {first.malloc} · intervals: 95 %, over rounds"
    figure.text(0.012, 1 - 0.66 / height_in, caption, fontsize=10.5, color=MUTED, va="center")
    # an interval may run out of the picture: its numbers stand beside it
    ratios = [
        ratio
        for row in rows
        for ratio in (row.measured_ratio, row.predicted_ratio_mult_adds, row.predicted_ratio_access)
    ]
    limits = min(ratios) / 1.25, max(ratios) * 1.25
    panel_in = (_WIDTH_IN - _NAME_IN) / len(counts)
    for number, threads in enumerate(counts):
        left_in = _NAME_IN + number * panel_in
        axes = figure.add_axes((
            left_in / _WIDTH_IN, _FOOT_IN / height_in, (panel_in - _NUMBER_IN) / _WIDTH_IN,
            _ROW_IN * len(lines) / height_in,
        ))  # fmt: skip
        _set_axes(axes, len(lines), limits, threads)
        measured = {row.key: row for row in rows if row.threads == threads}
        for place, line in enumerate(lines):
            if isinstance(line, str):
                axes.axhspan(place - 0.5, place + 0.5, color="#F2F2F2", linewidth=0, zorder=0)
            elif line.key in measured:
                _draw_row(axes, place, measured[line.key])
            if number == 0:
                _write_name(axes, place, line)
        if number == 0:
            axes.legend(
                loc="lower left", bbox_to_anchor=(-0.01, 1 + 0.22 / (_ROW_IN * len(lines))), ncols=3, frameon=False,
                fontsize=10, handletextpad=0.3, columnspacing=1.2, borderaxespad=0,
            )  # fmt: skip
    return figure


def _set_axes(axes: Axes, lines: int, limits: tuple[float, float], threads: int) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(lines - 0.5, -0.5)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(1, color=INK, linewidth=1.2, zorder=1)
    axes.tick_params(colors=MUTED, labelsize=9.5)
    axes.set_xlabel(f"{threads} thread{'s' if threads > 1 else ''}: alternative / baseline", fontsize=10.5, color=INK)
    # handles of the legend, drawn outside the limits
    axes.plot([], [], "o", markerfacecolor="white", color=_BY_WORK, label="predicted by mult_adds", markeredgewidth=1.6)
    axes.plot([], [], "s", markerfacecolor="white", color=_BY_ACCESS, label="by access_bytes", markeredgewidth=1.6)
    axes.errorbar([], [], xerr=[], fmt="D", color=_BY_CLOCK, label="measured time, 95 % interval", markersize=6)


def _draw_row(axes: Axes, place: float, row: ClaimRow) -> None:
    hollow = {"markerfacecolor": "white", "markeredgewidth": 1.6, "markersize": 6.5}
    axes.plot([row.predicted_ratio_mult_adds], [place], "o", color=_BY_WORK, zorder=2, **hollow)
    axes.plot([row.predicted_ratio_access], [place], "s", color=_BY_ACCESS, zorder=2, **hollow)
    ends = [[row.measured_ratio - row.low], [row.high - row.measured_ratio]]
    axes.errorbar(
        [row.measured_ratio], [place], xerr=ends, fmt="D", color=_BY_CLOCK, markersize=5.5, capsize=2.5, linewidth=1.4,
        zorder=3,
    )  # fmt: skip
    right = axes.get_xlim()[1]
    text = f"{row.measured_ratio:.2f}"
    axes.annotate(text, (right, place), xytext=(34, 0), textcoords="offset points", fontsize=9, fontweight="bold",
                  color=INK, ha="right", va="center")  # fmt: skip
    axes.annotate(f"{row.low:.2f} to {row.high:.2f}", (right, place), xytext=(100, 0), textcoords="offset points",
                  fontsize=8.5, color=MUTED, ha="right", va="center")  # fmt: skip


def _write_name(axes: Axes, place: float, line: Line) -> None:
    left = axes.get_xlim()[0]
    if isinstance(line, str):
        axes.annotate(line, (left, place), xytext=(-_NAME_IN * 72 + 12, 0), textcoords="offset points", fontsize=11,
                      fontweight="bold", color=INK, va="center")  # fmt: skip
    else:
        axes.annotate(line.settings, (left, place), xytext=(-8, 0), textcoords="offset points", fontsize=9.5,
                      color=INK, ha="right", va="center")  # fmt: skip
