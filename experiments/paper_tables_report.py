"""tables.md and tables.png: tables 1 to 4 of the ShuffleNetV2 paper, measured here beside the printed speeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paper_published import ARM, CITED, GPU
from results import figure_style, machine_text, new_figure, save_figure

from effprof.report.chart_parts import INK, MUTED
from effprof.report.guidelines_rows import TITLES
from effprof.report.palette import COLOURS
from effprof.sweep_records import GUIDELINES, SCALES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from paper_tables import SettingRow

TITLE = "Tables 1 to 4 of the ShuffleNetV2 paper, redone: speed relative to the recommended setting"
_HERE, _GPU, _ARM = COLOURS["conv"], COLOURS["elemwise"], COLOURS["pool"]
_BAR = 0.27
_ROW_IN, _HEAD_IN, _FOOT_IN, _WIDTH_IN = 2.05, 1.15, 0.15, 16.0

_TOP = """# Tables 1 to 4 of the ShuffleNetV2 paper, redone

{machine}
Here: batch 1, 56 x 56, fp32, {threads}, the paper's {widths} widths and their multiples; each guideline at each scale
in a process of its own, its settings in turn in random order. **Relative speed** is to the recommended setting of the
same column (its row is 1); ours is the median over rounds of the ratio within a round, with a 95 % interval over rounds
(of one process: processes differ by more). The paper's columns are ratios of its printed **rates**: batches/s on a
{gpu} (GPU, on its GPU widths), images/s on a {arm} (ARM, on its ARM widths); its ARM rates at x4 have two digits, so
that their ratios are known to some per cent only. mult_adds of the settings of a column differ by some per cent, here
and in the paper; the slowdown is per mult_add, the relative speed is not. {cited}.

![Tables 1 to 4, here and in the paper](tables.png)

## The severe setting

| guideline | scale | severe against recommended | slowdown per mult_add here | 95 % interval | verdict here | \
relative speed here | paper GPU | paper ARM |
| --- | --- | --- | ---: | ---: | --- | ---: | ---: | ---: |
"""


def tables_markdown(rows: Sequence[SettingRow]) -> str:
    first = rows[0]
    text = _TOP.format(
        machine=machine_text(rows),
        threads=f"{first.threads} thread{'' if first.threads == 1 else 's'}",
        widths=first.widths.upper(),
        gpu=GPU,
        arm=ARM,
        cited=CITED,
    )
    for entry in entries(rows):
        base, severe = entry[0], entry[-1]
        text += (
            f"| {severe.guideline} | {severe.scale} | {severe.label} against {base.label} | {severe.slowdown:.3f} | "
            f"{severe.slowdown_low:.3f} to {severe.slowdown_high:.3f} | {severe.verdict} | {_speed(severe)} | "
            f"{_ratio(severe.paper_gpu_relative_speed)} | {_ratio(severe.paper_arm_relative_speed)} |\n"
        )
    for number, guideline in enumerate(GUIDELINES, start=1):
        own = [row for row in rows if row.guideline == guideline]
        if own:
            text += f"\n## Table {number}: {TITLES[guideline]} ({guideline})\n{_relative(own)}{_rates(own)}"
    return text


def entries(rows: Sequence[SettingRow]) -> Iterator[list[SettingRow]]:
    """The settings of each guideline at each scale, where it was measured."""
    for guideline in GUIDELINES:
        for scale in SCALES:
            own = [row for row in rows if row.entry == (guideline, scale)]
            if own:
                yield own


def _relative(rows: Sequence[SettingRow]) -> str:
    """Settings down, scales across."""
    scales = _scales(rows)
    head = [
        "relative speed", *(f"here {scale}" for scale in scales), *(f"paper GPU {scale}" for scale in scales),
        *(f"paper ARM {scale}" for scale in scales),
    ]  # fmt: skip
    lines = []
    for label, cells in _by_label(rows):
        lines.append([
            label, *(_speed(cells.get(scale)) for scale in scales),
            *(_ratio(cells[scale].paper_gpu_relative_speed if scale in cells else None) for scale in scales),
            *(_ratio(cells[scale].paper_arm_relative_speed if scale in cells else None) for scale in scales),
        ])  # fmt: skip
    return _table(head, lines)


def _rates(rows: Sequence[SettingRow]) -> str:
    scales = _scales(rows)
    head = [
        "rate", *(f"images/s here {scale}" for scale in scales), *(f"batches/s paper GPU {scale}" for scale in scales),
        *(f"images/s paper ARM {scale}" for scale in scales),
    ]  # fmt: skip
    lines = []
    for label, cells in _by_label(rows):
        lines.append([
            f"{label}, {_widths(cells)}", *(_rate(1 / cells[s].time_s if s in cells else None) for s in scales),
            *(_printed(cells[s].paper_gpu_batches_per_s if s in cells else None) for s in scales),
            *(_printed(cells[s].paper_arm_images_per_s if s in cells else None, 1) for s in scales),
        ])  # fmt: skip
    return _table(head, lines)


def _scales(rows: Sequence[SettingRow]) -> list[str]:
    return [scale for scale in SCALES if any(row.scale == scale for row in rows)]


def _by_label(rows: Sequence[SettingRow]) -> Iterator[tuple[str, dict[str, SettingRow]]]:
    for label in dict.fromkeys(row.label for row in rows):
        yield label, {row.scale: row for row in rows if row.label == label}


def _widths(cells: dict[str, SettingRow]) -> str:
    """Channels at the smallest scale: `c = 64`, `9-108`."""
    row = next(iter(cells.values()))
    inner = f"-{row.inner_channels}" if row.inner_channels != row.channels else ""
    return f"{row.channels}{inner} channels at {row.scale}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = f"\n| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}\n"
    return text + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _speed(row: SettingRow | None) -> str:
    if row is None:
        return "-"
    if row.relative_speed_low == row.relative_speed_high:  # the recommended setting
        return f"{row.relative_speed:.2f}"
    return f"{row.relative_speed:.2f} ({row.relative_speed_low:.2f} to {row.relative_speed_high:.2f})"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _rate(value: float | None) -> str:
    """Three digits or more."""
    if value is None:
        return "-"
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _printed(value: float | None, decimals: int = 0) -> str:
    """With the paper's decimals."""
    return "-" if value is None else f"{value:.{decimals}f}"


# ------------------------------------------------------------------------------------------------------------ chart


def draw_tables(rows: Sequence[SettingRow], folder: Path) -> None:
    with figure_style():
        save_figure(tables_chart(rows), folder, "tables")


def tables_chart(rows: Sequence[SettingRow]) -> Figure:
    """A row of panels a table, a panel a scale."""
    guidelines = [guideline for guideline in GUIDELINES if any(row.guideline == guideline for row in rows)]
    scales = _scales(rows)
    height_in = _HEAD_IN + _ROW_IN * len(guidelines) + _FOOT_IN
    figure = new_figure(_WIDTH_IN, height_in)
    figure.text(0.012, 1 - 0.32 / height_in, TITLE, fontsize=17, fontweight="bold", color=INK, va="center")
    figure.text(0.012, 1 - 0.64 / height_in, _caption(rows), fontsize=10.5, color=MUTED, va="center")
    width = 0.95 / len(scales)
    by_entry = {entry[0].entry: entry for entry in entries(rows)}
    is_first = True
    for down, guideline in enumerate(guidelines):
        bottom = (_FOOT_IN + _ROW_IN * (len(guidelines) - 1 - down) + 0.42) / height_in
        for across, scale in enumerate(scales):
            own = by_entry.get((guideline, scale))
            if own is None:
                continue
            axes = figure.add_axes((0.042 + across * width, bottom, width - 0.035, (_ROW_IN - 0.85) / height_in))
            _draw_entry(axes, own)
            if is_first:
                axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.2), ncols=3, frameon=False, fontsize=10,
                            borderaxespad=0)  # fmt: skip
                is_first = False
    return figure


def _tallest(row: SettingRow) -> float:
    printed = (row.paper_gpu_relative_speed, row.paper_arm_relative_speed)
    return max(row.relative_speed_high, *(value for value in printed if value is not None), 0.0)


def _caption(rows: Sequence[SettingRow]) -> str:
    first = rows[0]
    device = first.cpu if first.device == "cpu" else "make-believe clock"
    return (
        f"here: {device} · {first.threads} thread{'' if first.threads == 1 else 's'} · batch 1 · 56 x 56 · fp32 · "
        f"torch {first.torch} · {first.widths.upper()} widths · paper: {GPU} and {ARM}, as printed"
    )


def _draw_entry(axes: Axes, rows: Sequence[SettingRow]) -> None:
    """Bars side by side: this device with its interval, the paper's GPU, its ARM processor."""
    values = [row.relative_speed for row in rows]
    errors = (
        [row.relative_speed - row.relative_speed_low for row in rows],
        [row.relative_speed_high - row.relative_speed for row in rows],
    )
    axes.bar([place - _BAR for place in range(len(rows))], values, _BAR, yerr=errors, color=_HERE, ecolor=INK,
             capsize=2.5, label="here, 95 % interval")  # fmt: skip
    for shift, name, colour, printed in (
        (0, "paper, GPU", _GPU, [row.paper_gpu_relative_speed for row in rows]),
        (1, "paper, ARM", _ARM, [row.paper_arm_relative_speed for row in rows]),
    ):
        known = [(place, value) for place, value in enumerate(printed) if value is not None]
        axes.bar([place + shift * _BAR for place, _ in known], [value for _, value in known], _BAR, color=colour,
                 label=name)  # fmt: skip
    axes.set_xticks(range(len(rows)), [row.label.replace("-fragment-", "-fragment\n") for row in rows])
    axes.set_ylim(0, 1.02 * max(1.1, *map(_tallest, rows)))
    axes.axhline(1, color=MUTED, linewidth=0.8, linestyle=":")
    severe = rows[-1]
    axes.set_title(
        f"{severe.guideline} {severe.scale}: {severe.verdict}, slowdown {severe.slowdown:.2f} "
        f"({severe.slowdown_low:.2f} to {severe.slowdown_high:.2f})", loc="left", fontsize=10, color=INK,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=8.5)
    axes.tick_params(axis="x", colors=INK, length=0)
