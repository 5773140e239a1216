"""One colour and one letter a category, the same on the terminal, in charts and in HTML.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), told apart with the common forms of colour
blindness, and greys for what is not the network's arithmetic. Letters stand in where there is no colour.
"""

from __future__ import annotations

RESIDUAL = "residual"

COLOURS: dict[str, str] = {
    "conv": "#0072B2",
    "matmul": "#56B4E9",
    "elemwise": "#E69F00",
    "data_io": "#D55E00",
    "shuffle": "#CC79A7",
    "pool": "#009E73",
    "comm": "#F0E442",
    "other": "#B0B0B0",
    "overhead": "#666666",
    RESIDUAL: "#909090",
}

LETTERS: dict[str, str] = {
    "conv": "C",
    "matmul": "M",
    "elemwise": "E",
    "data_io": "D",
    "shuffle": "S",
    "pool": "P",
    "comm": "N",
    "other": "O",
    "overhead": ".",
    RESIDUAL: "?",
}

_PAPER_NAMES = {"data": "data_io"}


def key_of(part: str) -> str:
    """The entry of a part in both tables; the paper's names (`Conv`, `Data` ...) map to ours."""
    key = part.lower()
    return _PAPER_NAMES.get(key, key)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour` (contrast ratio of WCAG 2.1, section 1.4.3)."""
    luminance = _luminance(colour)
    return "#FFFFFF" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
