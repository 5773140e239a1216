"""From runs to rows: medians, intervals, shares, the verdict on the residual, the widest pair."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pytest
from results import append_row, new_figure, read_rows, slug
from zoo_charts import lines_of, split
from zoo_rows import PARTS, RunRow, ZooRow, residual_verdict, run_row, summarise, widest_pair
from zoo_table import finish, missing

from effprof.errors import BadFileError
from effprof.measure.named import measure_by_name
from effprof.records import RunSpec
from effprof.report.point_labels import Labels
from effprof.zoo import table

SECONDS = {f"{part}_s": 0.0 for part in PARTS}


def run(number: int = 1, **changed: object) -> RunRow:
    fields = {
        "model": "resnet50", "family": "depth", "year": 2016, "input_shape": "3x224x224", "parameters": 25,
        "mult_adds": 4000, "access_bytes": 7, "threads": 1, "latency_s": 0.1, "ci95_low_s": 0.09, "ci95_high_s": 0.12,
        **SECONDS, "conv_s": 0.08, "overhead_s": 0.01, "residual_s": 0.01, "residual_fraction": 0.1,
        "page_faults": None, "device": "cpu", "cpu": "AMD EPYC", "torch": "2.14.1", "malloc": "glibc",
        "started_utc": "2026-01-01T00:00:00Z", "command": "python x", "run": number, "samples": 10,
        "stopped_because": "interval", "timer": "entry", "wall_s": 9.0,
    }  # fmt: skip
    return RunRow(**{**fields, **changed})


def row(latency_s: float = 0.1, mult_adds: int = 4000, **changed: object) -> ZooRow:
    return summarise([run(latency_s=latency_s, mult_adds=mult_adds, **changed)], [])[0]


def test_one_run_is_its_own_summary() -> None:
    only = row()
    assert (only.latency_s, only.ci95_low_s, only.ci95_high_s, only.runs) == (0.1, 0.09, 0.12, 1)
    assert only.shares["conv"] == pytest.approx(0.8)
    assert only.page_faults is None


def test_several_runs_give_medians_and_an_interval_over_runs() -> None:
    runs = [
        run(number, latency_s=latency_s, residual_fraction=residual, conv_s=conv_s)
        for number, (latency_s, residual, conv_s) in enumerate(
            [(0.1, 0.05, 0.07), (0.2, -0.03, 0.1), (0.12, 0.01, 0.08)]
        )
    ]
    (summary,) = summarise(runs, [])
    assert (summary.latency_s, summary.residual_fraction, summary.conv_s) == (0.12, 0.01, 0.08)
    assert (summary.fastest_s, summary.slowest_s, summary.runs) == (0.1, 0.2, 3)
    assert 0.1 <= summary.ci95_low_s < 0.12 < summary.ci95_high_s <= 0.2
    assert sum(summary.shares.values()) == pytest.approx(1)


def test_rows_come_by_family_and_in_the_zoos_order() -> None:
    names = [("mobilenetv2", "mobile"), ("mobilenetv1", "mobile"), ("new", "mobile"), ("vgg16", "spatial exploitation")]
    runs = [run(model=model, family=family, threads=threads) for model, family in names for threads in (2, 1)]
    keys = [row.key for row in summarise(runs, ["vgg16", "mobilenetv1", "mobilenetv2"])]
    assert [model for model, _ in keys[::2]] == ["vgg16", "mobilenetv1", "mobilenetv2", "new"]
    assert [threads for _, threads in keys] == [1, 2] * 4


def test_a_row_holds_what_was_measured() -> None:
    """On the make-believe clock, whose whole latency is known."""
    entry = next(entry for entry in table() if entry.name == "lenet5")
    profile = measure_by_name(RunSpec(entry.name, device="fake", threads=1, min_time_s=0.0, max_time_s=0.05))
    measured = run_row(entry, profile, 3, 1.0)
    assert (measured.run, measured.mult_adds, measured.parameters) == (3, 416_520, 61_706)
    assert sum(measured.parts.values()) == pytest.approx(measured.latency_s)
    assert measured.residual_fraction == pytest.approx(0, abs=1e-6)


def test_rows_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.csv"
    rows = [run(1, notes="few-runs page-faults", page_faults=3.5), run(2)]
    for one in rows:
        append_row(path, one)
    assert read_rows(path, RunRow) == rows
    assert read_rows(tmp_path / "none.csv", RunRow) == []


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("model,threads\nresnet50,1\n")
    with pytest.raises(BadFileError, match=r"runs\.csv was written by another version"):
        read_rows(path, RunRow)


def test_the_verdict_counts_slow_networks_only() -> None:
    rows = [
        row(0.1, model="good", residual_fraction=-0.02),
        row(0.1, model="bad", residual_fraction=-0.021, residual_s=-0.0021),
        row(0.002, model="fast", residual_fraction=0.5),
    ]
    first, worst, *_ = residual_verdict(rows)
    assert "(median of 1 runs) in 1 of 2 rows slower than 2 ms" in first
    assert worst.split() == ["-2.10", "%", "-2.100", "ms", "of", "100.00", "bad,", "1", "thread"]


def test_the_widest_pair_has_about_equal_mult_adds() -> None:
    rows = [row(0.1, 1000), row(0.3, 1049), row(0.01, 1100), row(0.5, 5000)]
    # 1049 and 1100 are within 5 % of each other too, and 30 times apart
    assert widest_pair(rows) == (rows[2], rows[1])
    assert widest_pair(rows[::3]) is None


def test_columns_of_bars() -> None:
    families = [("depth", 3), ("mobile", 4)]
    rows = [row(0.1 * (n + 1), model=f"{family}{n}", family=family) for family, count in families for n in range(count)]
    lines = lines_of(rows[::-1])
    assert [line if isinstance(line, str) else line.model for line in lines[:3]] == ["mobile", "mobile0", "mobile1"]
    assert split(lines, 1) == [lines]
    left, right = split(lines, 2)
    assert left + right == lines
    assert right[0] == "depth"
    left, right = split(lines[:5], 2)
    assert (right[0], left + right[1:]) == ("mobile (continued)", lines[:5])


def test_a_folders_name() -> None:
    assert slug("AMD EPYC 7B13 (64-Core)") == "amd-epyc-7b13-64-core"


def test_resuming_measures_what_is_missing(tmp_path: Path) -> None:
    path, entries = tmp_path / "runs.csv", [entry for entry in table() if entry.name in ("resnet50", "vgg16")]
    args = argparse.Namespace(runs=2, threads=[1, 2], seed=0, resume=False)
    whole = missing(args, entries, path)
    assert len(whole) == 8
    assert [number for number, _, _ in whole] == [1] * 4 + [2] * 4
    append_row(path, run(2, threads=2))
    with pytest.raises(SystemExit, match="has 1 rows: --resume goes on"):
        missing(args, entries, path)
    args.resume = True
    left = missing(args, entries, path)
    gone = [(number, entry.name, threads) for number, entry, threads in whole if (number, entry, threads) not in left]
    assert gone == [(2, "resnet50", 2)]


def test_everything_is_written_from_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [("vgg16", "spatial exploitation"), ("resnet50", "depth"), ("$odd_name$", "mobile"), ("lenet5", "mobile")]
    for place, (model, family) in enumerate(names):
        changed = {"model": model, "family": family, "residual_s": -0.002, "mult_adds": 10 ** (9 - 2 * place)}
        append_row(tmp_path / "runs.csv", run(**changed))
    finish(tmp_path, None)
    charts = ("decomposition", "decomposition_all", "latency_vs_mult_adds")
    written = {f"{name}.{kind}" for name in charts for kind in ("png", "svg")} | {"runs.csv", "zoo.csv", "zoo.md"}
    assert {path.name for path in tmp_path.iterdir()} == written
    assert "| vgg16 | 2016 | 3x224x224 |" in (tmp_path / "zoo.md").read_text()
    assert "0 of 4 rows slower than 2 ms" in capsys.readouterr().out


def test_labels_do_not_overlap() -> None:
    axes = new_figure(6, 4).add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    rng = random.Random(0)
    points = [(rng.gauss(0.5, 0.1), rng.gauss(0.5, 0.1)) for _ in range(60)]
    labels = Labels(axes, points, marker_pt=7)
    for number, point in enumerate(points):
        labels.write(f"network{number}", point, must=number < 5, fontsize=8)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert {text.get_text() for text in axes.texts} >= {f"network{number}" for number in range(5)}
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
