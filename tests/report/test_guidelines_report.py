"""The guidelines report in every form: golden text, the JSON contract, CSV and charts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_sweep import planned_sweep

from effprof.guidelines import judge
from effprof.records import Note
from effprof.report.guidelines_chart import build_guidelines_figure, render_guidelines_png, render_guidelines_svg
from effprof.report.guidelines_json import guidelines_dict, render_guidelines_json
from effprof.report.guidelines_saving import save_guidelines
from effprof.report.guidelines_tables import COLUMNS, render_guidelines_csv
from effprof.report.guidelines_text import render_guidelines_text
from effprof.report.text import TextStyle
from effprof.report.untrusted import cells
from effprof.store import claim_folder, loads_sweep
from effprof.sweep_records import Guidelines

HOSTILE = "evil\x1b[31m\n=cmd()\u202e"


@pytest.fixture(scope="module")
def result() -> Guidelines:
    return judge(planned_sweep())


@pytest.fixture(scope="module")
def content(result: Guidelines) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render_guidelines_json(result))
    return loaded


def hostile() -> Guidelines:
    sweep = planned_sweep()
    device = replace(sweep.device, name=HOSTILE)
    return judge(replace(sweep, device=device, notes=(Note(HOSTILE, HOSTILE, HOSTILE),), partial=True))


def test_text(result: Guidelines, check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(render_guidelines_text(result, TextStyle()).encode(), "guidelines.txt")


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_too_long(result: Guidelines, width: int, encoding: str) -> None:
    for shown in (result, hostile()):
        text = render_guidelines_text(shown, TextStyle(width, None, encoding))
        assert max(cells(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_sweep_cut_short_says_so() -> None:
    assert "partial: interrupted" in render_guidelines_text(hostile(), TextStyle())


def test_the_contract(content: dict[str, Any]) -> None:
    assert content["format"] == "effprof.guidelines/1"
    assert {"device", "environment", "setting", "guidelines", "notes"} <= set(content)
    assert [entry["id"] for entry in content["guidelines"]] == ["G1", "G2", "G3", "G4"]
    for entry in content["guidelines"]:
        assert {"id", "verdict", "slowdown", "ci95", "why", "points", "scales", "paper"} <= set(entry)
        assert entry["verdict"] in ("holds", "fails", "inconclusive")
        assert entry["ci95"][0] <= entry["slowdown"] <= entry["ci95"][1]
        assert set(entry["scales"]) == {"x2"}
        for shown in (entry, entry["scales"]["x2"]):
            for point in shown["points"]:
                assert {
                    *("label", "setting", "mult_adds", "access_bytes", "access_elements", "time_s", "ci95_s"),
                    *("relative_speed", "relative_speed_ci95", "kernel"),
                } <= set(point)
        assert {"platform", "scale", "label", "relative_speed"} <= set(entry["paper"][0])
        assert len(entry["paper"]) == 6 * len(entry["points"])


def test_labels(content: dict[str, Any]) -> None:
    assert [[point["label"] for point in entry["points"]] for entry in content["guidelines"]] == [
        ["1:1", "1:2", "1:6", "1:12"],
        ["g=1", "g=2", "g=4", "g=8"],
        ["1-fragment", "2-fragment-series", "4-fragment-series", "2-fragment-parallel", "4-fragment-parallel"],
        ["none", "shortcut", "relu", "relu+shortcut"],
    ]


def test_slowdown_is_time_per_mult_add(content: dict[str, Any]) -> None:
    """Both come from the same median of ratios."""
    for entry in content["guidelines"]:
        first, last = entry["points"][0], entry["points"][-1]
        by_speed = first["mult_adds"] / last["mult_adds"] / last["relative_speed"]
        assert entry["slowdown"] == pytest.approx(by_speed)
        assert first["relative_speed"] == 1
        work = [point["mult_adds"] for point in entry["points"]]
        assert max(work) / min(work) <= 1.12


def test_settings_tell_the_widths(content: dict[str, Any]) -> None:
    setting = content["guidelines"][1]["points"][3]["setting"]
    assert (setting["channels"], setting["groups"], setting["paper_channels"]) == (184, 8, 180)
    assert content["setting"]["margin"] == 0.02
    assert content["setting"]["widths"] == "arm"


def test_csv_has_a_row_for_every_setting(result: Guidelines) -> None:
    rows = list(csv.DictReader(io.StringIO(render_guidelines_csv(result).decode())))
    assert len(rows) == 2 * 17
    assert tuple(rows[0]) == COLUMNS
    assert (rows[3]["label"], rows[3]["verdict"]) == ("1:12", "holds")
    assert float(rows[3]["paper_gpu_relative_speed"]) == pytest.approx(748 / 1480)
    assert float(rows[3]["paper_arm_relative_speed"]) == pytest.approx(57.6 / 76.2)


def test_charts_are_the_same_for_the_same_result(result: Guidelines) -> None:
    assert render_guidelines_svg(result) == render_guidelines_svg(result)
    assert render_guidelines_png(result).startswith(b"\x89PNG")


def test_the_chart_shows_every_guideline_and_device(result: Guidelines) -> None:
    figure = build_guidelines_figure(result)
    assert len(figure.axes) == 8
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "this device, 95 % interval",
        "paper, GPU",
        "paper, ARM",
    ]
    last_bars = [bars.patches[-1].get_height() for bars in figure.axes[0].containers if hasattr(bars, "patches")]
    assert last_bars[1:] == pytest.approx([748 / 1480, 57.6 / 76.2])


def test_a_chart_of_one_guideline() -> None:
    sweep = planned_sweep()
    one = judge(replace(sweep, entries=sweep.entries[2:3], spec=replace(sweep.spec, guidelines=("G3",))))
    assert render_guidelines_svg(one)


def test_a_hostile_name_is_drawn_as_text() -> None:
    assert b"<svg" in render_guidelines_svg(hostile())


def test_all_files_are_written(result: Guidelines, tmp_path: Path) -> None:
    written = save_guidelines(result, claim_folder(tmp_path / "run"))
    assert all(path.stat().st_size > 0 for path in written)
    assert loads_sweep((tmp_path / "run" / "sweep.json").read_bytes()) == result.sweep
    assert json.loads((tmp_path / "run" / "guidelines.json").read_bytes()) == guidelines_dict(result)
    claim_folder(tmp_path / "run")  # all of it is known to be ours


def test_every_view_says_what_the_intervals_are_of(result: Guidelines, content: dict[str, Any]) -> None:
    text = " ".join(render_guidelines_text(result, TextStyle()).split())
    assert text.count("(95 % within one process: ") == len(result.verdicts)
    assert "within one process" in content["intervals"]
    assert any("within one process" in words.get_text() for words in build_guidelines_figure(result).texts)
