"""roofline.png and .svg: every op under what this device can do at best.

Two panels, for the three roofs need two pairs of axes. Left, ops that multiply: work per second over work per byte,
under the compute roofs (one a kind) and the memory roofs (one a cache level). Right, ops that only move data: bytes per
second over the bytes they move, under the memory roof (it falls where caches end) and the overhead roof (no call moves
its bytes in less time than a call takes). Areas are times, colours categories; a hollow point is bounded by overhead.

Only matplotlib's object API is used, as in `chart`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from effprof import units
from effprof.analyze.roofline import Roofs
from effprof.ceiling_records import Ceilings
from effprof.errors import UsageError
from effprof.report import roofline_rows as rows
from effprof.report.ceilings_rows import MEMORY, level_of
from effprof.report.chart import DPI, WIDTH_IN, picture
from effprof.report.chart_parts import INK, MUTED, fit_inside
from effprof.report.headline import common_setting
from effprof.report.palette import COLOURS
from effprof.report.point_labels import Labels, around
from effprof.report.rows import whole_s
from effprof.report.untrusted import cut_middle, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from effprof.report import Report

HEIGHT_IN = 6.4
TITLE = "How close each op comes to this device's ceilings"
_LARGEST_PT2, _SMALLEST_PT2 = 700.0, 10.0
"""Areas of the slowest op's point and of one that takes next to nothing."""
_NAMED = 4
"""Of each panel, the slowest ops."""
_NAME_CELLS = 26
_SLOPE = 6.0
"""How far the fastest memory roof is drawn below the compute roofs, so that its name has room."""
_ROOM = 1.6
"""Of the axes beyond points and roofs, as a factor."""
_BEYOND = 4.0
"""How far the memory roof is drawn beyond the largest op."""
_MARKER_PT = 7.0
_GIGA = 1e9
_LINE_PT = 16.0
"""Names of level roofs that are closer than this share a line."""
_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Where else along its line a roof may be named."""
_COPY = "memory (copy), by bytes touched"
_SHORT = {"pointwise": "1x1"}


@dataclass(frozen=True)
class Point:
    """One op."""

    x: float
    y: float
    time_s: float
    category: str
    name: str
    is_hollow: bool


@dataclass(frozen=True)
class Roof:
    """A straight line in logarithmic axes, or one with steps; x and y in the axes' units."""

    name: str
    places: tuple[tuple[float, float], ...]
    style: str


def render_roofline_png(report: Report) -> bytes:
    """The chart at 1920 pixels width. Raises UsageError without ceilings or times."""
    return picture(lambda: build_roofline_figure(report), "png")


def render_roofline_svg(report: Report) -> bytes:
    """The chart as SVG, byte for byte the same for the same report. Raises UsageError as `render_roofline_png`."""
    return picture(lambda: build_roofline_figure(report), "svg")


def build_roofline_figure(report: Report) -> Figure:
    """Title, setting, legend and the two panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ceilings = report.ceilings
    if ceilings is None or whole_s(report) is None:
        raise UsageError("There is no roofline without ceilings and times. `effprof calibrate`, then `effprof run`.")
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.02, 1 - 0.4 / HEIGHT_IN, TITLE, fontsize=20, fontweight="bold", color=INK, va="center")
    name = cut_middle(printable(report.profile.model.name), _NAME_CELLS)
    caption = f"{name} · {common_setting((report,))} · {rows.calibrated_text(report)}"
    fit_inside(
        figure.text(0.02, 1 - 0.78 / HEIGHT_IN, caption, fontsize=11.5, color=MUTED, va="center"), may_cut=True
    )
    working, moving = working_points(report), moving_points(report)
    slowest_s = max((point.time_s for point in (*working, *moving)), default=1.0)
    bottom, height = 0.62 / HEIGHT_IN, (HEIGHT_IN - 2.15) / HEIGHT_IN
    left = figure.add_axes((0.065, bottom, 0.415, height))
    right = figure.add_axes((0.565, bottom, 0.415, height))
    _draw(left, working, work_roofs(ceilings, working), slowest_s)
    left.set_xlabel("mult_adds per byte of access", color=MUTED, labelpad=3)
    left.set_ylabel("G mult_adds per second", color=MUTED)
    left.set_title("Ops that multiply", loc="left", fontsize=12, color=INK)
    _draw(right, moving, move_roofs(ceilings, moving), slowest_s)
    right.set_xlabel("bytes of access", color=MUTED, labelpad=3)
    right.set_ylabel("GB per second (read + written)", color=MUTED)
    right.set_title("Ops that only move data", loc="left", fontsize=12, color=INK)
    right.xaxis.set_major_formatter(lambda value, place: _tick(value))
    _legend(figure, (*working, *moving), slowest_s)
    return figure


def working_points(report: Report) -> list[Point]:
    """Of ops with work, bytes and time: G mult_adds/s over mult_adds per byte."""
    return [
        Point(
            op.cost.mult_adds / op.cost.access_bytes, roof.mult_adds_per_s / _GIGA, op.time_s, op.category.value,
            op.call.layer or op.call.op, roof.bound == "overhead",
        )
        for op, roof in rows.working(report)
        if op.time_s and op.cost.mult_adds and op.cost.access_bytes and roof.mult_adds_per_s
    ]  # fmt: skip


def moving_points(report: Report) -> list[Point]:
    """Of ops without work: GB/s over bytes."""
    return [
        Point(
            float(op.cost.access_bytes), roof.bytes_per_s / _GIGA, op.time_s, op.category.value,
            op.call.layer or op.call.op, roof.bound == "overhead",
        )
        for op, roof in rows.working(report)
        if op.time_s and op.cost.mult_adds == 0 and op.cost.access_bytes and roof.bytes_per_s
    ]  # fmt: skip


def work_roofs(ceilings: Ceilings, points: Sequence[Point]) -> list[Roof]:
    """Compute roofs from where they leave the fastest memory roof, and a memory roof for each level up to there."""
    levels = list(_levels(ceilings))
    best = max(one.mult_adds_per_s.value for one in ceilings.compute)
    xs = [point.x for point in points] or [1.0]
    low = min(min(xs) / _ROOM, best / levels[0][1] / _SLOPE)
    high = max(*xs, best / levels[-1][1]) * _ROOM
    roofs = []
    for one in ceilings.compute:
        rate, name = one.mult_adds_per_s.value, _SHORT.get(one.kind, str(one.kind))
        start = max(low, rate / levels[0][1])
        roofs.append(Roof(name, ((start, rate / _GIGA), (max(high, start), rate / _GIGA)), "-"))
    for name, rate in levels:
        roofs.append(Roof(name, ((low, low * rate / _GIGA), (best / rate, best / _GIGA)), "--"))
    return roofs


def move_roofs(ceilings: Ceilings, points: Sequence[Point]) -> list[Roof]:
    """What a copy reaches at each working set, and what a call's own time leaves."""
    roofs, copies = Roofs(ceilings), ceilings.traffic_of("copy")
    sizes = [point.x for point in points] or [float(copies[0].working_set_bytes)]
    low, high = min(sizes) / _ROOM, max(sizes) * _BEYOND
    steps = [low, *(float(one.working_set_bytes) for one in copies if low < one.working_set_bytes < high), high]
    places: list[tuple[float, float]] = []
    for start, end in pairwise(steps):
        rate = roofs.bytes_per_s("copy", int(start)) / _GIGA
        if places and places[-1][1] == rate:
            places[-1] = (end, rate)
        else:
            places += [(start, rate), (end, rate)]
    found = [Roof(_COPY, tuple(places), "--")]
    if roofs.overhead_s > 0:
        top = roofs.bytes_per_s("copy", 1) * roofs.overhead_s
        end = max(top, low * _ROOM)
        found.append(
            Roof("overhead", ((low, low / roofs.overhead_s / _GIGA), (end, end / roofs.overhead_s / _GIGA)), ":")
        )
    return found


def _levels(ceilings: Ceilings) -> Iterator[tuple[str, float]]:
    """(name, bytes/s of a copy) of each cache, at the largest working set that fits, then of memory; where caches are
    not known, the smallest working set and the largest."""
    copies = ceilings.traffic_of("copy")
    if not ceilings.caches:
        yield "cache", copies[0].bytes_per_s.value
        yield MEMORY, copies[-1].bytes_per_s.value
        return
    roofs = Roofs(ceilings)
    for level in ceilings.caches:
        fitting = [one for one in copies if level_of(ceilings, one.working_set_bytes) == level.name]
        if fitting:
            yield level.name, roofs.bytes_per_s("copy", fitting[len(fitting) // 2].working_set_bytes)
    yield MEMORY, copies[-1].bytes_per_s.value


def _draw(ax: Axes, points: Sequence[Point], roofs: Sequence[Roof], slowest_s: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.set_yscale("log")
    for roof in roofs:
        ax.plot(*zip(*roof.places, strict=True), roof.style, color=INK, linewidth=1.1, zorder=2)
    for point in sorted(points, key=lambda point: -point.time_s):
        colour = COLOURS[point.category]
        ax.scatter(
            [point.x], [point.y], s=area_pt2(point.time_s, slowest_s), alpha=0.75, zorder=3, linewidths=1.2,
            facecolors="white" if point.is_hollow else colour, edgecolors=colour,
        )  # fmt: skip
    ax.set(**_limits(points, roofs))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter("{x:g}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    _name_roofs(ax, roofs)
    _name_slowest(ax, points, roofs, slowest_s)


def _name_slowest(ax: Axes, points: Sequence[Point], roofs: Sequence[Roof], slowest_s: float) -> None:
    """Beside their points, which are of different sizes, and on no roof."""
    labels = Labels(ax, [(point.x, point.y) for point in points], _MARKER_PT)
    for roof in roofs:
        for start, end in pairwise(roof.places):
            labels.keep_clear(start, end)
    radii = [math.sqrt(area_pt2(point.time_s, slowest_s)) / 2 * labels.pt for point in points]
    places = [ax.transData.transform((point.x, point.y)) for point in points]
    labels.markers = [around((float(x), float(y)), radius) for (x, y), radius in zip(places, radii, strict=True)]
    slowest = sorted(zip(points, radii, strict=True), key=lambda pair: -pair[0].time_s)
    for point, labels.radius in slowest[:_NAMED]:
        name = cut_middle(printable(point.name), _NAME_CELLS)
        labels.write(name, (point.x, point.y), must=False, fontsize=8, color=INK, parse_math=False)


def _tick(value: float) -> str:
    """`100 kB`, `1 MB`."""
    number, _, unit = units.format_bytes(value).partition(" ")
    return f"{float(number):g} {unit}"


def area_pt2(time_s: float, slowest_s: float) -> float:
    """Proportional to the time, but for points too small to be seen."""
    return max(_SMALLEST_PT2, _LARGEST_PT2 * time_s / slowest_s)


def _limits(points: Sequence[Point], roofs: Sequence[Roof]) -> dict[str, tuple[float, float]]:
    xs = [*(point.x for point in points), *(x for roof in roofs for x, _ in roof.places)]
    ys = [*(point.y for point in points), *(y for roof in roofs for _, y in roof.places)]
    low_y = min(*(point.y for point in points), *(roof.places[-1][1] for roof in roofs))
    return {"xlim": (min(xs), max(xs) * 1.02), "ylim": (low_y / _ROOM, max(ys) * _ROOM)}


def _name_roofs(ax: Axes, roofs: Sequence[Roof]) -> None:
    """Sloping roofs on their line, each further along than the one before; level ones above their right end, those
    that lie close together in one line of text; one with steps under its widest step."""
    style: dict[str, Any] = {"fontsize": 8.5, "color": INK, "parse_math": False, "zorder": 4}
    level = [roof for roof in roofs if roof.places[0][1] == roof.places[-1][1] and roof.name != _COPY]
    for group in _close_together(ax, sorted(level, key=lambda roof: -roof.places[0][1])):
        name = " · ".join(f"{roof.name} {roof.places[0][1]:.3g}" for roof in group)
        ax.annotate(name, group[0].places[-1], (-2, 3), textcoords="offset points", ha="right", va="bottom", **style)
    for roof in roofs:
        if roof.name == _COPY:
            _, end = max(pairwise(roof.places), key=lambda step: step[1][0] / step[0][0])
            ax.annotate(roof.name, end, (-4, -4), textcoords="offset points", ha="right", va="top", **style)
    sloping = [roof for roof in roofs if roof not in level and roof.name != _COPY]
    for number, roof in enumerate(sloping, 1):
        _name_on_line(ax, roof, number / (len(sloping) + 1), style)


def _close_together(ax: Axes, roofs: Sequence[Roof]) -> Iterator[list[Roof]]:
    """Level roofs from the top, those whose names would touch in one group."""
    group: list[Roof] = []
    for roof in roofs:
        heights_px = [float(ax.transData.transform(one.places[0])[1]) for one in (*group[:1], roof)]
        if group and heights_px[0] - heights_px[1] > _LINE_PT * ax.figure.dpi / 72:
            yield group
            group = []
        group.append(roof)
    if group:
        yield group


def _name_on_line(ax: Axes, roof: Roof, share: float, style: dict[str, Any]) -> None:
    """At this share of what shows of the line, along it, on white; elsewhere on it where something is written there,
    and nowhere where that is everywhere."""
    (x0, _), (x1, y1) = roof.places
    (low_x, high_x), (low_y, high_y) = ax.get_xlim(), ax.get_ylim()
    rate = y1 / x1  # a straight line of slope 1 in logarithmic axes
    start, end = max(x0, low_x, low_y / rate), min(x1, high_x, high_y / rate)
    ends = ax.transData.transform([(start, start * rate), (end, end * rate)])
    angle = math.degrees(math.atan2(ends[1][1] - ends[0][1], ends[1][0] - ends[0][0]))
    name = f"{roof.name} {rate:.3g} GB/s" if roof.style == "--" else roof.name
    taken = [text.get_window_extent() for text in ax.texts]
    for at in (share, *_SHARES):
        x = start ** (1 - at) * end**at
        text = ax.text(
            x, x * rate, name, rotation=angle, rotation_mode="anchor", ha="center", va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0}, **style,
        )  # fmt: skip
        box = text.get_window_extent()
        if not any(box.overlaps(other) for other in taken) and ax.bbox.y0 < box.y0 and box.x1 < ax.bbox.x1:
            return
        text.remove()


def _legend(figure: Figure, points: Sequence[Point], slowest_s: float) -> None:
    """Colours of the categories that are there, and what area and filling mean."""
    from matplotlib.lines import Line2D

    def dot(label: str, colour: str, size_pt2: float, hollow: bool = False) -> Line2D:
        return Line2D(
            [], [], linestyle="", marker="o", markersize=math.sqrt(size_pt2), label=label, markeredgecolor=colour,
            markerfacecolor="white" if hollow else colour,
        )  # fmt: skip

    present = {point.category for point in points}
    handles = [dot(name, colour, 60) for name, colour in COLOURS.items() if name in present]
    handles.append(dot("bounded by overhead", MUTED, 60, hollow=True))
    handles.append(dot(f"area: {units.format_seconds(slowest_s / 4)}", "#C8C8C8", area_pt2(slowest_s / 4, slowest_s)))
    figure.legend(
        handles=handles, loc="center left", bbox_to_anchor=(0.012, 1 - 1.16 / HEIGHT_IN), ncols=len(handles),
        frameon=False, fontsize=10, handletextpad=0.4, columnspacing=1.6, borderpad=0,
    )  # fmt: skip
