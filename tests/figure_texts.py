"""Every text that a figure shows, and whether any two of them overlap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from matplotlib.figure import Figure
from matplotlib.text import Text


def assert_clear_texts(figure: Figure) -> None:
    """No two texts overlap, and none leaves the figure."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown_texts(figure)]
    assert boxes
    for (a, box_a), (b, box_b) in itertools.combinations(boxes, 2):
        assert not box_a.overlaps(box_b), f"{a!r} and {b!r} overlap"
    for content, box in boxes:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{content!r} leaves the figure"


def shown_texts(figure: Figure) -> Iterator[Text]:
    """Texts that are drawn: matplotlib keeps labels of ticks beyond the limits of their axis and draws none of them."""
    figure.draw_without_rendering()  # tick labels are made then
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = (*axis.get_major_ticks(), *axis.get_minor_ticks())
            beyond |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high or not axes.axison}
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text not in beyond:
            yield text
