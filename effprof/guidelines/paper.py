"""The paper's own tables 1 to 4 (Ma et al., "ShuffleNet V2", ECCV 2018), as copied into `paper_tables/`.

`relative_speed` is the printed speed over that of the recommended setting; the paper's mult_adds drift by up to 5 %
within a table and are not corrected for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from effprof.sweep_records import GuidelineId, PaperPoint, Platform, Scale

TABLES: dict[GuidelineId, str] = {
    "G1": "table1_g1.csv",
    "G2": "table2_g2.csv",
    "G3": "table3_g3.csv",
    "G4": "table4_g4.csv",
}
RECOMMENDED: dict[GuidelineId, str] = {"G1": "1:1", "G2": "g=1", "G3": "1-fragment", "G4": "none"}
_PLATFORMS: dict[str, Platform] = {"GPU": "gpu", "ARM": "arm"}
_MULTIPLIERS: dict[str, Scale] = {"1": "x1", "2": "x2", "4": "x4"}
_G3_WIDTHS: dict[str, dict[str, Scale]] = {
    "GPU": {"128": "x1", "256": "x2", "512": "x4"},
    "ARM": {"64": "x1", "128": "x2", "256": "x4"},
}
_G4_WIDTHS: dict[str, Scale] = {"32": "x1", "64": "x2", "128": "x4"}

_Row = dict[str, str]


@lru_cache(maxsize=1)
def paper_points() -> tuple[PaperPoint, ...]:
    """Every cell of the four tables."""
    return tuple(point for guideline in TABLES for point in _points(guideline))


def _points(guideline: GuidelineId) -> Iterator[PaperPoint]:
    rows = list(_rows(TABLES[guideline]))
    speeds = {(row["platform"], _scale(row), _label(row)): float(row["speed"]) for row in rows}
    for row in rows:
        platform, scale, label = row["platform"], _scale(row), _label(row)
        speed = speeds[platform, scale, label]
        relative = speed / speeds[platform, scale, RECOMMENDED[guideline]]
        yield PaperPoint(
            guideline, _PLATFORMS[platform], scale, label, relative, speed, row["speed_unit"], row["source"]
        )


def _rows(name: str) -> Iterator[_Row]:
    text = files("effprof.guidelines").joinpath("paper_tables").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _scale(row: _Row) -> Scale:
    if row["guideline"] == "G3":
        return _G3_WIDTHS[row["platform"]][row["c_channels_of_1_fragment"]]
    if row["guideline"] == "G4":
        return _G4_WIDTHS[row["c_channels_in_unit"]]
    return _MULTIPLIERS[row["size_multiplier_as_printed"]]


def _label(row: _Row) -> str:
    if row["guideline"] == "G1":
        return row["c1_to_c2_ratio"]
    if row["guideline"] == "G2":
        return f"g={row['groups']}"
    if row["guideline"] == "G3":
        return row["structure"]
    extras = [name for name in ("relu", "shortcut") if row[name] == "yes"]
    return "+".join(extras) or "none"
