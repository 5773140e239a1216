"""Names beside the points of a chart, without overlaps: each goes to the nearest place that is free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Place = tuple[float, float]

_DIRECTIONS = (
    (1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (-0.8, -0.8), (0.8, -0.8), (-0.8, 0.8),
    (0.4, 1), (-0.4, 1), (0.4, -1), (-0.4, -1), (1, 0.4), (1, -0.4), (-1, 0.4), (-1, -0.4),
)  # fmt: skip
"""Right and left of the point first, then above, below and between."""
_DISTANCES_PT = (2, 4, 8, 14, 20, 27, 35, 43, 51, 60, 72, 86)
_NEAR_PT, _FAR_PT = 4, 27
"""Farther than the first a label needs a line; farther than the second only a name that must be there goes."""


class Labels:
    """The free room of axes whose contents and limits no longer change."""

    def __init__(self, axes: Axes, points: Sequence[Place], marker_pt: float) -> None:
        axes.figure.canvas.figure.draw_without_rendering()
        self.axes = axes
        self.pt = axes.figure.dpi / 72
        self.radius = marker_pt / 2 * self.pt
        self.markers = [around(self._pixels(point), 1.2 * self.radius) for point in points]
        self.texts = [text.get_window_extent() for text in axes.texts if text.get_text()]
        legend = axes.get_legend()
        if legend is not None:
            self.texts.append(legend.get_window_extent())

    def keep_clear(self, start: Place, end: Place) -> None:
        """No name on the straight line between two places of the axes."""
        self.texts += [
            around(spot, 2 * self.pt) for spot in line(self._pixels(start), self._pixels(end), self.radius)
        ]

    def write(self, name: str, point: Place, must: bool, **style: Any) -> None:
        """The name at the nearest free place, or nowhere where none is near.

        Args:
            must: look farther away for a place; where there is none, let the line to it pass other markers, then texts.
        """
        axes = self.axes
        text = axes.text(0, 0, name, ha="center", va="center", transform=None, zorder=5, **style)
        size = text.get_window_extent()
        start = self._pixels(point)
        place = self._free(start, size.width + 2 * self.pt, size.height, must)
        if place is None:
            text.remove()
            return
        box, distance = place
        back = axes.transData.inverted()
        text.set_transform(axes.transData)
        x, y = back.transform(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
        text.set_position((float(x), float(y)))
        self.texts.append(box)
        if distance > _NEAR_PT:
            axes.plot(*back.transform([start, edge_of(box, start)]).T, color="#A0A0A0", linewidth=0.6, zorder=2)
            self.texts += [around(spot, self.pt) for spot in line(start, edge_of(box, start), self.radius)]

    def _pixels(self, point: Place) -> Place:
        x, y = self.axes.transData.transform(point)
        return float(x), float(y)

    def _free(self, start: Place, width: float, height: float, must: bool) -> tuple[Bbox, float] | None:
        nothing: list[Bbox] = []
        for in_the_way in ([*self.markers, *self.texts], self.texts, nothing)[: 3 if must else 1]:
            for distance in _DISTANCES_PT:
                if distance > _FAR_PT and not must:
                    break
                for dx, dy in _DIRECTIONS:
                    gap = self.radius + distance * self.pt
                    box = box_at(start[0] + dx * (gap + width / 2), start[1] + dy * (gap + height / 2), width, height)
                    if self._is_free(box, start, distance, in_the_way):
                        return box, distance
        return None

    def _is_free(self, box: Bbox, start: Place, distance: float, in_the_way: Sequence[Bbox]) -> bool:
        inside = self.axes.bbox
        if box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1:
            return False
        # a name that is not beside its own point must not seem to belong to another one
        kept_off = box.padded(_NEAR_PT * self.pt) if distance > _NEAR_PT else box
        if any(kept_off.overlaps(other) for other in self.markers) or any(box.overlaps(other) for other in self.texts):
            return False
        way = line(start, edge_of(box, start), 2 * self.radius)
        return not any(other.contains(*spot) for other in in_the_way for spot in way)


def box_at(x: float, y: float, width: float, height: float) -> Bbox:
    """The box around a middle, in pixels."""
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def around(place: Place, radius: float) -> Bbox:
    return box_at(*place, 2 * radius, 2 * radius)


def edge_of(box: Bbox, place: Place) -> Place:
    """The box's point that is nearest to a place outside it."""
    return min(max(place[0], box.x0), box.x1), min(max(place[1], box.y0), box.y1)


def line(start: Place, end: Place, skipped: float) -> list[Place]:
    """Places on the way, close enough that no label slips between; the first pixels, of the marker itself, left out."""
    length = math.dist(start, end)
    steps = math.ceil((length - skipped) / 6)
    shares = [(skipped + (length - skipped) * step / steps) / length for step in range(steps)] if steps > 0 else []
    return [(start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])) for share in shares]
