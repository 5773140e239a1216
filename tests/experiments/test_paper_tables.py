"""Tables 1 to 4: rows from a sweep of planned slowdowns, beside the paper's cells."""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

import paper_tables
import pytest
from figure_texts import assert_clear_texts
from paper_tables import SettingRow, in_order, measure_entries, measured, missing, setting_rows
from paper_tables_report import draw_tables, tables_chart, tables_markdown
from results import figure_style, read_rows, write_rows
from small_sweep import planned_sweep

from effprof.errors import EffprofError
from effprof.guidelines import judge
from effprof.sweep_records import GUIDELINES, SCALES


@pytest.fixture(scope="module")
def rows() -> list[SettingRow]:
    """All four guidelines at x1 and x2."""
    return in_order(setting_rows(judge(planned_sweep())))


def test_rows_are_the_verdicts_points(rows: list[SettingRow]) -> None:
    assert [(row.guideline, row.scale) for row in rows[::4]][:2] == [("G1", "x1"), ("G1", "x2")]
    assert len(rows) == 2 * 17
    first, *_, severe = (row for row in rows if row.entry == ("G1", "x1"))
    assert (first.relative_speed, first.slowdown) == (1, 1)
    assert severe.slowdown == pytest.approx(1.5, rel=0.02)  # planted
    assert severe.slowdown == pytest.approx(first.mult_adds / severe.mult_adds / severe.relative_speed)
    assert severe.verdict == "holds"
    assert (severe.channels, severe.inner_channels) == (9, 108)


def test_the_papers_cells_stand_beside_the_same_setting(rows: list[SettingRow]) -> None:
    cell = next(row for row in rows if (row.entry, row.label) == (("G2", "x2"), "g=4"))
    assert (cell.paper_gpu_batches_per_s, cell.paper_arm_images_per_s) == (644, 8.7)
    assert cell.paper_gpu_relative_speed == pytest.approx(644 / 1289)
    assert all(row.paper_arm_relative_speed is not None for row in rows)


def test_rows_survive_the_file_and_come_in_order(rows: list[SettingRow], tmp_path: Path) -> None:
    entries = [rows[:4], rows[4:8], rows[8:12]]
    random.Random(0).shuffle(entries)
    write_rows(tmp_path / "tables.csv", in_order([row for entry in entries for row in entry]))
    read = read_rows(tmp_path / "tables.csv", SettingRow)
    assert [(row.entry, row.label) for row in read] == [(row.entry, row.label) for row in rows[:12]]
    assert read[3].slowdown == pytest.approx(rows[3].slowdown)


def test_the_text_has_both_of_the_papers_columns(rows: list[SettingRow]) -> None:
    text = tables_markdown(rows)
    # 2 guidelines' headings of ours, rates named in the header
    assert "| rate | images/s here x1 | images/s here x2 | batches/s paper GPU x1 |" in text
    assert "## Table 4: Element-wise operations are not negligible (G4)" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| g=8 |"))
    assert line.split(" | ")[3:] == ["0.26", "0.35", "0.70", "0.74 |"]
    assert "| 1:12, 9-108 channels at x1 |" in text


def test_some_of_the_entries(rows: list[SettingRow], tmp_path: Path) -> None:
    """A table that is half measured is shown as far as it goes."""
    some = [row for row in rows if row.entry in (("G3", "x1"), ("G4", "x2"))]
    assert "Table 1" not in tables_markdown(some).split("## The severe setting")[1]
    draw_tables(some, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"tables.png", "tables.svg"}


def test_no_texts_of_the_chart_overlap(rows: list[SettingRow]) -> None:
    more = [replace(row, scale="x4") for row in rows if row.scale == "x2"]
    with figure_style():
        figure = tables_chart([*rows, *more])
    assert len(figure.axes) == 12
    assert_clear_texts(figure)


def test_resuming_measures_what_is_missing(rows: list[SettingRow]) -> None:
    args = argparse.Namespace(only=GUIDELINES, scales=SCALES, seed=0)
    assert sorted(missing(args, [])) == [(guideline, scale) for guideline in GUIDELINES for scale in SCALES]
    assert sorted(missing(args, rows)) == [(guideline, "x4") for guideline in GUIDELINES]


def test_rows_of_other_widths_are_refused(rows: list[SettingRow], tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    write_rows(path, rows)
    with pytest.raises(SystemExit, match="other widths or threads"):
        measure_entries(argparse.Namespace(resume=True, widths="gpu", threads=1), path)


def test_an_entry_in_a_fresh_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper_tables, "PRELOADED", ())
    args = argparse.Namespace(device="fake", widths="arm", threads=1, malloc="default", seed=3, max_time=1.0)
    row, *_ = setting_rows(judge(measured(args, ("G4", "x1"))))
    assert (row.device, row.entry, row.label, row.threads) == ("fake", ("G4", "x1"), "none", 1)
    args.device = f"fake:{tmp_path / 'none.json'}"
    with pytest.raises(EffprofError, match=r"none\.json"):
        measured(args, ("G4", "x1"))
