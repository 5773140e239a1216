"""The section on latencies and counted work in every form, from made-up devices whose truth is known."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from small_sweep import planned_sweep

from effprof.analyze.regression import MOVED, POINTWISE, WORK_AND_BYTES, Table, Work, cpu_roofline
from effprof.analyze.regression_study import LeftOut, Regression, judge_latencies
from effprof.guidelines import judge
from effprof.report.guidelines_json import render_guidelines_json
from effprof.report.guidelines_text import render_guidelines_text
from effprof.report.regression_chart import build_regression_figure, render_regression_png, render_regression_svg
from effprof.report.regression_json import device_files, regression_dict, render_regression_csv
from effprof.report.regression_rows import amount
from effprof.report.regression_text import render_regression_text
from effprof.report.text import TextStyle
from effprof.report.untrusted import cells

HOSTILE = "evil\x1b[31m\n=cmd()\u202e<b>$x$" + "w" * 120
PLANTED = np.array([2e-3, 1e10, 5e9])
"""Seconds a run, multiply-adds and bytes a second."""


def networks() -> dict[str, list[Work]]:
    """Work and bytes vary apart from each other, so that both rates can be told."""
    return {
        f"{'net' if n % 2 else 'mesh'}{n}": [
            Work(POINTWISE, 10**7 * (1 + n), 10**6, 196, 64, 64, 64),
            Work(MOVED, 0, 10**6 * (1 + 5 * n % 7)),
        ]
        for n in range(9)
    }


def regression(devices: int = 1, name: str = "here") -> Regression:
    """Of one device, the others like it."""
    works = networks()
    seconds = WORK_AND_BYTES.seconds(PLANTED, Table.of(list(works.values())))
    latencies = {name: dict(zip(works, seconds.tolist(), strict=True))}
    left_out = [LeftOut(HOSTILE if name == HOSTILE else "netx", 2, "no such network")]
    one = judge_latencies("mine.csv", works, latencies, cpu_roofline(), left_out=left_out, resamples=3)
    names = [name, *(f"{name} {number}" for number in range(1, devices))]
    return replace(
        one,
        latencies=dict.fromkeys(names, latencies[name]),
        figures=tuple(replace(row, device=device) for device in names for row in one.figures),
        predictions=tuple(replace(row, device=device) for device in names for row in one.predictions),
        coefficients={key: dict.fromkeys(names, found[name]) for key, found in one.coefficients.items()},
        bars={key: dict.fromkeys(names, found[name]) for key, found in one.bars.items()},
    )


@pytest.fixture(scope="module")
def planted() -> Regression:
    return regression()


def test_planted_rates_are_in_the_json(planted: Regression) -> None:
    content = json.loads(json.dumps(regression_dict(planted), allow_nan=False))
    (device,) = content["devices"]
    by_name = {formula["name"]: formula for formula in device["formulas"]}
    assert list(by_name) == ["mult_adds", "mult_adds + access_bytes", "features", "cpu roofline"]
    found = by_name["mult_adds + access_bytes"]
    assert [c["value"] for c in found["coefficients"]] == pytest.approx(PLANTED.tolist(), rel=1e-3)
    assert [c["unit"] for c in found["coefficients"]] == ["s", "mult_adds/s", "bytes/s"]
    assert found["mape"] < 1e-4
    assert found["spearman"] == 1
    assert by_name["mult_adds"]["mape"] > 0.01
    assert (device["networks"], device["latencies"]) == (9, 9)
    assert set(device["predictions"][0]["predicted_s"]) == {"mult_adds", "cpu roofline"}
    assert content["left_out"] == [{"name": "netx", "rows": 2, "reason": "no such network"}]


def test_the_text_has_error_beside_ranking_and_what_was_left_out(planted: Regression) -> None:
    text = render_regression_text(planted, TextStyle())
    assert "9 latencies of 9 networks on 1 device, from mine.csv." in text
    assert "latency explained by" in text
    row = next(line for line in text.splitlines() if "mult_adds + access_bytes" in line)
    assert row.split()[3:] == ["0.0", "%", "1.000", "0.0", "%"]
    assert "10.00 G mult_adds/s" in text
    assert "5.00 GB/s" in text
    assert "Left out: 1 network or device with 2 rows. netx (2 rows): no such network." in text


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("devices", [1, 3, 15])
def test_no_line_is_too_long_and_no_name_does_harm(width: int, devices: int) -> None:
    shown = regression(devices, HOSTILE)
    whole = render_guidelines_text(judge(planned_sweep()), TextStyle(width), shown)
    for text in (render_regression_text(shown, TextStyle(width)), whole):
        assert max(cells(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "FLOPs are not latency" in whole
    assert ("3 more devices" in whole) == (devices == 15)


def test_the_guidelines_json_has_the_field_with_and_without_a_table(planted: Regression) -> None:
    result = judge(planned_sweep())
    assert json.loads(render_guidelines_json(result))["regression"] is None
    assert json.loads(render_guidelines_json(result, planted))["regression"]["table"] == "mine.csv"


def test_csv_has_a_row_a_prediction() -> None:
    rows = list(csv.DictReader(io.StringIO(render_regression_csv(regression(2, HOSTILE)).decode())))
    assert len(rows) == 2 * 9 * 2
    assert not any(cell.startswith(("=", "+")) or "\x1b" in cell for row in rows for cell in row.values())
    assert float(rows[0]["measured_s"]) == pytest.approx(2e-3 + 1e7 / 1e10 + 2e6 / 5e9)


@pytest.mark.parametrize(("devices", "panels"), [(1, 2), (3, 6), (8, 2)])
def test_the_chart_has_two_panels_a_device_or_all_in_one(devices: int, panels: int) -> None:
    shown = regression(devices)
    figure = build_regression_figure(shown)
    assert len(figure.axes) == panels
    # Every prediction is a point: the diagonal has two, the rest are networks.
    points = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.lines if line.get_marker() == "o")
    assert points == len(shown.predictions)
    left, right = figure.axes[:2]
    assert left.get_xlim() == right.get_xlim() == left.get_ylim()


def test_charts_are_the_same_for_the_same_regression(planted: Regression) -> None:
    assert render_regression_svg(planted) == render_regression_svg(planted)
    assert render_regression_png(regression(1, HOSTILE)).startswith(b"\x89PNG")


def test_a_ranking_that_cannot_be_told_is_null(planted: Regression) -> None:
    flat = replace(planted, figures=tuple(replace(row, spearman=float("nan")) for row in planted.figures))
    assert regression_dict(flat)["devices"][0]["formulas"][0]["spearman"] is None
    assert "nan" not in render_regression_text(flat, TextStyle())
    build_regression_figure(flat)


def test_amounts() -> None:
    by_name = {c.name: c for c in cpu_roofline().coefficients}
    assert amount(by_name["matrix"], 1.5e10) == "15.00 G mult_adds/s"
    assert amount(by_name["access"], 1.23e10) == "12.30 GB/s"
    assert amount(by_name["per_op"], 2e-5) == "20.00 µs"
    assert amount(by_name["half_depth"], 9.54) == "9.54 elements"
    assert amount(by_name["matrix"], float("inf")) == "no limit seen"


def test_a_fitted_device_is_a_small_file_with_error_bars_and_provenance() -> None:
    truth = replace(regression(), formulas=(WORK_AND_BYTES,))
    (name,), (content,) = zip(*device_files(truth, {"command": "effprof guidelines"}).items(), strict=True)
    record = json.loads(content)
    assert name == "here.json"
    assert [(one["name"], one["unit"]) for one in record["coefficients"]] == [
        (coefficient.name, coefficient.unit) for coefficient in WORK_AND_BYTES.coefficients
    ]
    assert [one["value"] for one in record["coefficients"]] == pytest.approx(PLANTED.tolist(), rel=1e-3)
    assert all(one["ci95"] == pytest.approx([one["value"]] * 2, rel=1e-2) for one in record["coefficients"])
    assert record["leave_one_network_out"]["mape"] < 1e-4
    assert record["source"]["networks"] == sorted(networks())
    assert (record["source"]["table"], record["source"]["command"]) == ("mine.csv", "effprof guidelines")


def test_files_of_devices_are_plain_names_and_no_two_alike() -> None:
    one = regression()
    devices = ["Pixel 7 / big", "pixel-7:big", "../../etc", "手机", "手机 2", HOSTILE, "w" * 200]
    many = replace(
        one,
        latencies=dict.fromkeys(devices, one.latencies["here"]),
        figures=tuple(replace(row, device=device) for device in devices for row in one.figures),
        coefficients={key: dict.fromkeys(devices, found["here"]) for key, found in one.coefficients.items()},
        bars={key: dict.fromkeys(devices, found["here"]) for key, found in one.bars.items()},
    )
    files = device_files(many, {})
    assert list(files)[:5] == ["pixel-7-big.json", "pixel-7-big-2.json", "etc.json", "device.json", "2.json"]
    assert [json.loads(content)["device"] for content in files.values()] == devices
    assert max(map(len, files)) < 140
    assert all(name.removesuffix(".json").replace("-", "").isalnum() and name.isascii() for name in files)
