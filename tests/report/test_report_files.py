"""report.json, the csv files, data frames and what `save` writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from effprof import store
from effprof.errors import UsageError
from effprof.records import Crosscheck
from effprof.report import Report
from effprof.report.saving import save_comparison
from effprof.report.tables import COLUMNS, render_layers_csv, render_ops_csv
from effprof.report.to_json import render_json

TOP_FIELDS = [
    *("format", "partial", "model", "device", "environment", "setting", "latency", "accounting", "totals"),
    *("energy", "crosscheck", "ceilings", "categories", "layers", "ops", "findings", "notes"),
]


@pytest.mark.parametrize(
    ("name", "render"),
    [("report.json", render_json), ("layers.csv", render_layers_csv), ("ops.csv", render_ops_csv)],
)
def test_golden_files(
    report: Report, check_golden: Callable[[bytes, str], None], name: str, render: Callable[[Report], bytes]
) -> None:
    check_golden(render(report), name)


def test_golden_count(counted: Report, check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(render_json(counted), "report_count.json")


def test_report_json_has_the_documented_fields_in_order(report: Report) -> None:
    data = json.loads(render_json(report))
    assert data == report.to_dict()
    assert list(data) == TOP_FIELDS
    assert list(data["setting"]) == [
        *("batch", "threads", "precision", "memory_format", "seed", "rounds", "fold_bn", "malloc", "cpus"),
        *("timer", "command"),
    ]
    assert data["setting"]["threads"] == 2
    assert data["model"]["input_shape"] == [[1, 3, 224, 224]]


def test_fractions_and_residual_make_one(report: Report) -> None:
    data = report.to_dict()
    fractions = sum(share["fraction"] for share in data["categories"])
    assert fractions + data["accounting"]["residual_fraction"] == pytest.approx(1.0)
    assert [share["category"] for share in data["categories"]] == [
        *("conv", "matmul", "elemwise", "data_io", "shuffle", "pool", "comm", "other", "overhead")
    ]


def test_a_count_has_the_same_fields_and_no_times(counted: Report) -> None:
    data = counted.to_dict()
    assert list(data) == TOP_FIELDS
    assert data["device"] is None
    assert data["latency"] is None
    assert data["accounting"] is None
    assert {row["time_s"] for table in ("categories", "layers", "ops") for row in data[table]} == {None}


@pytest.mark.parametrize(
    ("crosscheck", "agrees"),
    [
        (None, None),
        (Crosscheck(None, None, "fvcore cannot trace it"), None),
        (Crosscheck(19_130_880, None, "no torch count"), True),
        (Crosscheck(19_130_880, 19_130_880), True),
        (Crosscheck(19_130_880, 1), False),
    ],
)
def test_crosscheck_agrees_when_every_known_count_does(
    make_report: Callable[..., Report], crosscheck: Crosscheck | None, agrees: bool | None
) -> None:
    # 10,838,016 + 6,422,528 + 1,806,336 + 64,000
    data = make_report(profile={"crosscheck": crosscheck}).to_dict()
    assert data["totals"]["mult_adds"] == 19_130_880
    assert data["crosscheck"]["agrees"] is agrees
    assert (data["crosscheck"]["reason"] is None) == (crosscheck is not None and crosscheck.reason is None)


def test_csv_columns_are_the_fields_of_report_json(report: Report) -> None:
    data = report.to_dict()
    for table, columns in COLUMNS.items():
        assert all(tuple(row) == columns for row in data[table])


def test_csv_cells(report: Report) -> None:
    row = next(csv.DictReader(io.StringIO(render_ops_csv(report).decode())))
    assert row["input_shapes"] == "1x32x112x112"
    assert float(row["time_s"]) == pytest.approx(0.0025)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\x1b[0m=", "\x00@"])
def test_a_name_is_no_formula(make_report: Callable[..., Report], start: str) -> None:
    base = make_report()
    name = f'{start}HYPERLINK("http://x","y"),z'
    layers = tuple(replace(layer, layer=name) for layer in base.analysis.layers)
    table = list(csv.DictReader(io.StringIO(render_layers_csv(make_report(analysis={"layers": layers})).decode())))
    assert {row["layer"][0] for row in table} == {"'"}
    assert {row["module_type"] for row in table} >= {"Conv2d"}, "the comma in the name moved no column"


def test_a_name_that_is_no_utf8_stays_valid_json(make_report: Callable[..., Report]) -> None:
    report = make_report("caf\udce9")
    assert json.loads(render_json(report))["model"]["name"] == "caf\udce9"


def test_data_frames(report: Report) -> None:
    ops = report.to_pandas("ops")
    assert list(ops.columns) == list(COLUMNS["ops"])
    assert len(ops) == 11
    assert report.to_pandas("categories")["time_s"].sum() == pytest.approx(0.0098)
    with pytest.raises(UsageError, match="Known: ops, layers, categories"):
        report.to_pandas("rows")  # type: ignore[arg-type]


def test_save_writes_all_files_and_the_profile_can_be_read_back(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    paths = report.save(folder)
    assert [path.name for path in paths] == [
        *("profile.json", "report.json", "layers.csv", "ops.csv", "decomposition.png", "decomposition.svg")
    ]
    assert sorted(folder.iterdir()) == sorted(paths)
    assert store.loads_profile((folder / "profile.json").read_bytes()) == report.profile


def test_a_count_has_no_chart(counted: Report, tmp_path: Path) -> None:
    assert [path.suffix for path in counted.save(tmp_path)] == [".json", ".json", ".csv", ".csv"]


def test_common_charts_of_several_networks(report: Report, tmp_path: Path) -> None:
    assert [path.name for path in save_comparison([report, report], tmp_path)] == [
        *("decomposition.png", "decomposition.svg")
    ]


def test_an_unwritable_folder_is_explained(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"Cannot write .*output-dir"):
        report.save(tmp_path / "file")
