"""table8.md and table8.png: the networks of table 8 here and in the paper, and how far the rankings agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from paper_agreement import Agreement
from paper_published import ARM, CITED, GPU, table8
from paper_runs import PaperRun, processes_text
from results import figure_style, machine_text, new_figure, save_figure

from effprof.report.chart_parts import INK, MUTED
from effprof.report.palette import COLOURS
from effprof.report.point_labels import Labels
from effprof.units import format_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from paper_table8 import NetworkRow

TITLE = "Table 8 of the ShuffleNetV2 paper: speed there against speed here, and against mult_adds"
_MARKER_PT = 7.5
_STYLES = {
    "ShuffleNet v2": ("o", COLOURS["conv"]),
    "MobileNet v1": ("s", COLOURS["elemwise"]),
    "MobileNet v2": ("D", COLOURS["data_io"]),
    "ShuffleNet v1": ("^", COLOURS["pool"]),
}
"""Marker and colour of a family, for those who tell no colours apart."""

_TOP = """# Table 8 of the ShuffleNetV2 paper, redone

{machine}
Speeds are rates. Here: images/s, one image at a time, 224 px, fp32, {threads}; the median over processes of
1 / latency ({processes}) with its 95 % interval over them. The paper's, as printed: **batches/s of 8 images** on a
{gpu} (GPU), **images/s at batch 1** on a {arm} (ARM). {cited}.

![Table 8, here and in the paper](table8.png)

| level, M mult_adds | network in the paper | in the zoo | mult_adds here | M mult_adds, paper | \
images/s here, batch 1 | 95 % interval | batches/s, paper GPU, batch 8 | images/s, paper ARM, batch 1 |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_AGREEMENT = """
## Do the rankings agree?

Spearman's rank correlation over {count} networks, 95 % interval by Fisher's z (Bonett & Wright 2000). Over so wide a
range of sizes nearly everything that grows with size ranks alike; the last column looks within the paper's complexity
levels: pairs of networks of about equal mult_adds whose faster one is the same in both (by chance: half of them).
mult_adds hardly differ there, so that they cannot tell.

| | against | networks | Spearman | 95 % interval | pairs within a level ordered alike |
| --- | --- | ---: | ---: | ---: | ---: |
"""


def table8_markdown(rows: Sequence[NetworkRow], found: Sequence[Agreement], runs: Sequence[PaperRun]) -> str:
    threads = runs[0].threads
    text = _TOP.format(
        machine=machine_text(runs),
        threads=f"{threads} thread{'' if threads == 1 else 's'}",
        processes=processes_text(runs),
        cited=CITED,
        gpu=GPU,
        arm=ARM,
    )
    for row in rows:
        interval = "-" if row.low is None else f"{row.low:.1f} to {row.high:.1f}"
        text += (
            f"| {row.level} | {row.printed_name} | {row.model} | {format_count(row.mult_adds)} | "
            f"{row.printed_mult_adds_millions:g} | {row.images_per_s:.1f} | {interval} | {row.gpu_batches_per_s:g} | "
            f"{row.arm_images_per_s:.1f} |\n"
        )
    text += _AGREEMENT.format(count=len(rows))
    for one in found:
        text += (
            f"| {one.of} | {one.against} | {one.networks} | **{one.spearman:.3f}** | {_interval(one) or '-'} | "
            f"{one.pairs_alike} of {one.pairs} |\n"
        )
    return text + left_out_text({row.printed_name for row in rows})


def left_out_text(shown: set[str]) -> str:
    """Every row of the paper's table that is not among those shown, by name."""
    reasons: dict[str, list[str]] = {}
    for printed in table8():
        if printed.model not in shown:
            reason = printed.why_left_out or "not measured yet"
            reasons.setdefault(reason, []).append(f"{printed.model} ({printed.complexity_level_mflops})")
    text = "\n## Left out\n\nRows of the paper's table 8 that are not above, with their complexity level:\n\n"
    return text + "".join(f"- {reason}: {', '.join(names)}.\n" for reason, names in sorted(reasons.items()))


def agreement_line(one: Agreement) -> str:
    interval = _interval(one)
    return (
        f"Spearman of {one.of} with {one.against}: {one.spearman:.3f}"
        f"{f' (95 %: {interval})' if interval else ''}, {one.networks} networks; within a complexity level "
        f"{one.pairs_alike} of {one.pairs} pairs alike"
    )


def _interval(one: Agreement) -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"


# ------------------------------------------------------------------------------------------------------------ chart


def draw_table8(
    rows: Sequence[NetworkRow], found: Sequence[Agreement], runs: Sequence[PaperRun], folder: Path
) -> None:
    with figure_style():
        save_figure(table8_chart(rows, found, runs), folder, "table8")


def table8_chart(rows: Sequence[NetworkRow], found: Sequence[Agreement], runs: Sequence[PaperRun]) -> Figure:
    """The paper's two columns (rows of panels) against the speed here and against mult_adds (columns of panels)."""
    figure = new_figure(13.33, 11.0)
    figure.text(0.014, 0.973, TITLE, fontsize=17, fontweight="bold", color=INK, va="center")
    first = runs[0]
    device = first.cpu if first.device == "cpu" else "make-believe clock"
    caption = (
        f"here: {device} · {first.threads} thread{'' if first.threads == 1 else 's'} · batch 1 · 224 px · fp32 · "
        f"torch {first.torch} · {processes_text(runs)} · paper: {GPU} and {ARM}, as printed"
    )
    figure.text(0.014, 0.947, caption, fontsize=10, color=MUTED, va="center")
    panels = list(_panels(rows))
    for number, (xs, x_label, ys, y_label) in enumerate(panels):
        place = (0.055 + 0.495 * (number % 2), 0.52 - 0.46 * (number // 2), 0.435, 0.345)
        axes = figure.add_axes(place)
        _draw_panel(axes, rows, xs, ys)
        _name_axes(axes, x_label, y_label, found[number])
        if number == 0:
            axes.legend(
                loc="lower left", bbox_to_anchor=(-0.02, 1.14), ncols=len(_STYLES), frameon=False, fontsize=10,
                handletextpad=0.2, borderaxespad=0,
            )  # fmt: skip
        _name_points(axes, rows, xs, ys)
    return figure


_Panel = tuple[list[float], str, list[float], str]


def _panels(rows: Sequence[NetworkRow]) -> Iterator[_Panel]:
    """In the order of the first four agreements."""
    here, work = [row.images_per_s for row in rows], [row.mult_adds / 1e6 for row in rows]
    columns = (
        ([row.gpu_batches_per_s for row in rows], f"{GPU} in the paper, batches/s (batch 8)"),
        ([row.arm_images_per_s for row in rows], f"{ARM} in the paper, images/s (batch 1)"),
    )
    for printed, name in columns:
        yield here, "measured here, images/s (batch 1)", printed, name
        yield work, "mult_adds, millions (fewer to the right)", printed, name


def _draw_panel(axes: Axes, rows: Sequence[NetworkRow], xs: Sequence[float], ys: Sequence[float]) -> None:
    """A family's networks joined in the order of their size."""
    for family, members in groupby(sorted(zip(rows, xs, ys, strict=True), key=_by_family), lambda m: m[0].family):
        own = list(members)
        marker, colour = _STYLES[family]
        axes.plot(
            [x for _, x, _ in own], [y for _, _, y in own], marker, color=colour, linestyle="-", linewidth=0.7,
            markersize=_MARKER_PT, markeredgecolor="white", markeredgewidth=0.6, label=family, zorder=3,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(xs) / 2, max(xs) * 2)  # room for names
    axes.set_ylim(min(ys) / 1.5, max(ys) * 1.5)


def _name_points(axes: Axes, rows: Sequence[NetworkRow], xs: Sequence[float], ys: Sequence[float]) -> None:
    from matplotlib.patheffects import withStroke

    readable_on_lines = [withStroke(linewidth=2.5, foreground="white")]
    labels = Labels(axes, list(zip(xs, ys, strict=True)), _MARKER_PT)
    for row, x, y in zip(rows, xs, ys, strict=True):
        labels.write(row.model, (x, y), must=True, fontsize=8.5, color=INK, path_effects=readable_on_lines)


def _by_family(member: tuple[NetworkRow, float, float]) -> tuple[int, int]:
    row = member[0]
    return list(_STYLES).index(row.family), row.mult_adds


def _name_axes(axes: Axes, x_label: str, y_label: str, found: Agreement) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if "mult_adds" in x_label:
        axes.invert_xaxis()
    axes.set_xlabel(x_label, fontsize=10.5, color=INK)
    axes.set_ylabel(y_label, fontsize=10.5, color=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(colors=MUTED, which="both", labelsize=9.5)
    axes.spines[["top", "right"]].set_visible(False)
    interval = _interval(found)
    title = (
        f"Spearman {found.spearman:.2f}{f' ({interval})' if interval else ''}, {found.networks} networks; "
        f"{found.pairs_alike} of {found.pairs} pairs within a level alike"
    )
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
