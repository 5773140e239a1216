"""Where the time of ShuffleNetV1 (g=3) and MobileNetV2 goes here, beside figure 2 of the ShuffleNetV2 paper.

    python experiments/paper_figure2.py [--runs 5] [--threads 1] [--max-time 4] [--resume] [--minutes 6]
    python experiments/paper_figure2.py --plot-only                # table and chart again from figure2-runs.csv

Both networks at 224 px and batch 1, as built and with batch-norms folded into the convolutions before them (the paper
does not say which it timed), in the paper's five categories. Every run is a fresh process of 4 to 8 s, 20 of them by
default; each pass takes all networks in a random order. Finished runs are on disk at once: `--resume` goes on.

Writes into reports/paper-<cpu>/ (`--output`): figure2-runs.csv (a row a process), figure2.csv (a row a bar and part),
figure2.md, figure2.png and .svg. Wants a quiet machine.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from paper_published import ARM, CITED, GPU, PARTS, SPLIT_NETWORKS, shares_of
from paper_runs import (
    PaperRun,
    Subject,
    add_runs,
    by_subject,
    folder_of,
    measure_networks,
    paper_parser,
    processes_text,
    ratio_over_processes,
)
from results import figure_style, machine_text, new_figure, read_rows, save_figure, write_rows

from effprof.report.chart_parts import INK, MUTED, legend_handles
from effprof.report.palette import COLOURS, RESIDUAL, ink_on, key_of
from effprof.store import write_atomically
from effprof.units import format_percent, time_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS: tuple[Literal["as built", "batch-norms folded"], ...] = ("as built", "batch-norms folded")
SUBJECTS = [Subject(model, form) for model in SPLIT_NETWORKS.values() for form in FORMS]
DEPTHWISE, OVERHEAD, POOL = "depthwise", "overhead", "pool"
"""Of Conv; of Other."""
TITLE = "Where the time goes, here and in figure 2 of the ShuffleNetV2 paper"
_WIDTH_IN, _ROW_IN, _HEAD_IN, _FOOT_IN, _NAME_IN, _TIME_IN = 13.33, 0.46, 1.3, 0.2, 2.5, 1.2
_SMALLEST = 0.035
_DEPTHWISE_HATCH, _RESIDUAL_HATCH = "....", "/////"


@dataclass(frozen=True, kw_only=True)
class ShareRow:
    """One part of one bar: a fraction of the latency, with its 95 % interval over processes where there is one."""

    model: str
    bar: str
    """`here, as built`, `paper, GPU` ..."""
    part: str
    """The paper's five; of them depthwise (of Conv), overhead and pool (of Other); the residual."""
    fraction: float
    low: float | None = None
    high: float | None = None
    latency_s: float | None = None
    processes: int = 0


def main() -> None:
    parser = paper_parser(__doc__, max_time_s=4.0)
    add_runs(parser, runs=5)
    args = parser.parse_args()
    folder = folder_of(args)
    failed = [] if args.plot_only else measure_networks(args, SUBJECTS, folder / "figure2-runs.csv")
    runs = read_rows(folder / "figure2-runs.csv", PaperRun)
    if not runs:
        sys.exit("\n".join([f"{folder / 'figure2-runs.csv'} has no runs.", *failed]))
    finish(folder, runs)
    sys.exit("\n".join(["", "Not measured:", *failed]) if failed else 0)


def finish(folder: Path, runs: Sequence[PaperRun]) -> None:
    """Summary, table and chart."""
    rows = share_rows(runs)
    write_rows(folder / "figure2.csv", rows)
    write_atomically(folder / "figure2.md", figure2_markdown(rows, runs).encode())
    with figure_style():
        save_figure(figure2_chart(rows, runs), folder, "figure2")
    print(f"Written: {folder}/figure2.*")


# ------------------------------------------------------------------------------------------------------------- rows


def share_rows(runs: Sequence[PaperRun]) -> list[ShareRow]:
    """Network by network: ours in both forms, then the paper's on its GPU and its ARM processor."""
    rows: list[ShareRow] = []
    for printed, model in SPLIT_NETWORKS.items():
        for form in FORMS:
            own = by_subject(runs, Subject(model, form))
            rows += measured_shares(model, f"here, {form}", own) if own else []
        for platform in ("GPU", "ARM"):
            shares = shares_of(printed, platform)
            rows += [
                ShareRow(model=model, bar=f"paper, {platform}", part=part, fraction=share)
                for part, share in shares.items()
            ]
    return rows


def measured_shares(model: str, bar: str, runs: Sequence[PaperRun]) -> Iterator[ShareRow]:
    latencies_s = [run.latency_s for run in runs]
    for part in (*PARTS, DEPTHWISE, OVERHEAD, POOL, RESIDUAL):
        parts_s = [getattr(run, f"{part.lower()}_s") for run in runs]
        fraction, interval = ratio_over_processes(parts_s, latencies_s)
        low, high = interval or (None, None)
        yield ShareRow(
            model=model, bar=bar, part=part, fraction=fraction, low=low, high=high,
            latency_s=statistics.median(latencies_s), processes=len(runs),
        )  # fmt: skip


# --------------------------------------------------------------------------------------------------------- markdown

_TOP = """# Figure 2 of the ShuffleNetV2 paper, redone

{machine}
Share of the run time of one forward pass in the paper's five categories: Conv, Elemwise, Data (copies and
concatenations), Shuffle, Other (pooling, the classifier, overhead). Here: 224 px, batch 1, fp32, {threads}; medians
over processes ({processes}) with 95 % intervals over them; medians need not add up to 100 % exactly. The residual is
what ops and overhead do not explain. Depthwise convolutions are part of Conv, overhead and pooling of Other: the paper
does not say where its figure puts them, nor whether batch-norms were folded, so both forms are shown.

The paper's columns are fractions of run time as printed in its figure 2, on a {gpu} (GPU) and a {arm} (ARM).
{cited}.

![Figure 2, here and in the paper](figure2.png)
"""


def figure2_markdown(rows: Sequence[ShareRow], runs: Sequence[PaperRun]) -> str:
    threads = runs[0].threads
    text = _TOP.format(
        machine=machine_text(runs),
        threads=f"{threads} thread{'' if threads == 1 else 's'}",
        processes=processes_text(runs),
        gpu=GPU,
        arm=ARM,
        cited=CITED,
    )
    for model, members in groupby(rows, lambda row: row.model):
        own = list(members)
        bars = list(dict.fromkeys(row.bar for row in own))
        text += f"\n## {model}\n\n| share of the run time | {' | '.join(bars)} |\n"
        text += f"| --- |{' ---: |' * len(bars)}\n"
        cells = {(row.bar, row.part): row for row in own}
        for part, name in _lines():
            texts = [_share(cells.get((bar, part))) for bar in bars]
            text += f"| {name} | {' | '.join(texts)} |\n"
        text += f"| latency, ms | {' | '.join(_latency(cells[bar, PARTS[0]]) for bar in bars)} |\n"
    return text


def _lines() -> Iterator[tuple[str, str]]:
    for part in PARTS:
        yield part, part
        if part == "Conv":
            yield DEPTHWISE, "- of it depthwise"
        if part == "Other":
            yield OVERHEAD, "- of it overhead"
            yield POOL, "- of it pooling"
    yield RESIDUAL, RESIDUAL


def _share(row: ShareRow | None) -> str:
    if row is None:
        return "-"
    if row.low is None or row.high is None:
        return format_percent(row.fraction)
    low = format_percent(row.low).removesuffix(" %")
    return f"{format_percent(row.fraction)} ({low} to {format_percent(row.high)})"


def _latency(row: ShareRow) -> str:
    return "-" if row.latency_s is None else f"{1e3 * row.latency_s:.2f}"


# ------------------------------------------------------------------------------------------------------------ chart


def figure2_chart(rows: Sequence[ShareRow], runs: Sequence[PaperRun]) -> Figure:
    """A stacked bar for each network, form and device of the paper."""
    lines = list(_chart_lines(rows))
    height_in = _HEAD_IN + _ROW_IN * len(lines) + _FOOT_IN
    figure = new_figure(_WIDTH_IN, height_in)
    figure.text(0.014, 1 - 0.33 / height_in, TITLE, fontsize=17, fontweight="bold", color=INK, va="center")
    first = runs[0]
    device = first.cpu if first.device == "cpu" else "make-believe clock"
    caption = (
        f"here: {device} · {first.threads} thread{'' if first.threads == 1 else 's'} · batch 1 · 224 px · fp32 · "
        f"torch {first.torch} · {processes_text(runs)} · paper: {GPU} and {ARM}, as printed"
    )
    figure.text(0.014, 1 - 0.66 / height_in, caption, fontsize=10, color=MUTED, va="center")
    _legend(figure, height_in)
    axes = figure.add_axes((
        _NAME_IN / _WIDTH_IN, _FOOT_IN / height_in, (_WIDTH_IN - _NAME_IN - _TIME_IN) / _WIDTH_IN,
        _ROW_IN * len(lines) / height_in,
    ))  # fmt: skip
    axes.set_axis_off()
    longest = max(1.0, *(sum(max(0.0, fraction) for fraction in _parts(bar).values()) for _, bar in lines if bar))
    axes.set_xlim(0, longest)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    for place, (name, bar) in enumerate(lines):
        if bar:
            _draw_bar(axes, place, bar)
        else:
            axes.text(0, place + 0.12, name, fontsize=12, fontweight="bold", color=INK, va="center")
    return figure


def _chart_lines(rows: Sequence[ShareRow]) -> Iterator[tuple[str, list[ShareRow]]]:
    """The name of a network, then its bars."""
    for model, members in groupby(rows, lambda row: row.model):
        yield model, []
        for bar, parts in groupby(members, lambda row: row.bar):
            yield bar, list(parts)


def _legend(figure: Figure, height_in: float) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(label=part, facecolor=COLOURS[key_of(part)]) for part in PARTS]
    handles += legend_handles([RESIDUAL])
    handles.append(Patch(label="depthwise, within Conv", facecolor=COLOURS["conv"], edgecolor="white",
                         hatch=_DEPTHWISE_HATCH))  # fmt: skip
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.006, 1 - 0.83 / height_in), ncols=len(handles),
        frameon=False, fontsize=10, handlelength=1.3, columnspacing=1.5,
    )  # fmt: skip


def _parts(bar: Sequence[ShareRow]) -> dict[str, float]:
    """What is stacked; Conv in two pieces, depthwise last."""
    fractions = {row.part: row.fraction for row in bar}
    depthwise = fractions.get(DEPTHWISE, 0.0)
    return {
        "Conv": fractions["Conv"] - depthwise,
        DEPTHWISE: depthwise,
        **{part: fractions[part] for part in PARTS[1:]},
        RESIDUAL: fractions.get(RESIDUAL, 0.0),
    }


def _draw_bar(axes: Axes, place: int, bar: Sequence[ShareRow]) -> None:
    """Name, parts in per cent, and the latency where it is known."""
    left = 0.0
    for part, share in _parts(bar).items():
        if share <= 0:
            continue
        colour = "#FFFFFF" if part == RESIDUAL else COLOURS["conv" if part == DEPTHWISE else key_of(part)]
        hatch = {DEPTHWISE: _DEPTHWISE_HATCH, RESIDUAL: _RESIDUAL_HATCH}.get(part)
        axes.barh(
            place, share, left=left, height=0.74, color=colour, linewidth=0.5, hatch=hatch,
            edgecolor=COLOURS[RESIDUAL] if part == RESIDUAL else "white",
        )  # fmt: skip
        if share >= _SMALLEST and part != RESIDUAL:
            plain = {"facecolor": colour, "edgecolor": "none", "pad": 1.5} if hatch else None
            axes.text(left + share / 2, place, f"{100 * share:.0f}", fontsize=10, color=ink_on(colour), ha="center",
                      va="center_baseline", bbox=plain)  # fmt: skip
        left += share
    inch = axes.get_xlim()[1] / (_WIDTH_IN - _NAME_IN - _TIME_IN)
    axes.text(-0.08 * inch, place, bar[0].bar, fontsize=10.5, color=INK, ha="right", va="center_baseline")
    latency_s = bar[0].latency_s
    if latency_s is not None:
        axes.text(axes.get_xlim()[1] + 0.1 * inch, place, time_scale(latency_s).format(latency_s), fontsize=10.5,
                  fontweight="bold", color=INK, va="center_baseline")  # fmt: skip


if __name__ == "__main__":
    main()
