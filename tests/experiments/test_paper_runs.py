"""Figure 2 and table 8 of the paper: what was printed, what one process gives, tables and charts from rows."""

from __future__ import annotations

import argparse
import csv
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import paper_figure2
import paper_table8
import pytest
from figure_texts import assert_clear_texts
from paper_published import FOLDER, NETWORKS, PARTS, SPLIT_NETWORKS, shares_of, table8
from paper_runs import (
    PaperRun,
    Subject,
    folder_of,
    missing,
    paper_parser,
    ratio_over_processes,
    run_row,
)
from paper_table8_report import left_out_text, table8_chart
from results import append_row, figure_style, read_rows, refuse_to_mix, refuse_to_overwrite

from effprof.measure.named import measure_by_name
from effprof.records import RunSpec
from effprof.zoo import table


def run(model: str = "mobilenetv2", number: int = 1, **changed: Any) -> PaperRun:
    """6 ms of Conv (2 of them depthwise), 2 of Elemwise, 1 of Data, 0.5 of Shuffle, 0.3 of Other, 0.2 left over."""
    fields: dict[str, Any] = {
        "model": model, "form": "as built", "threads": 1, "run": number, "mult_adds": 300_774_272, "latency_s": 0.01,
        "conv_s": 0.006, "depthwise_s": 0.002, "elemwise_s": 0.002, "data_s": 0.001, "shuffle_s": 0.0005,
        "other_s": 0.0003, "overhead_s": 0.0001, "pool_s": 0.0001, "residual_s": 0.0002, "samples": 10,
        "stopped_because": "interval", "wall_s": 5.0, "device": "cpu", "cpu": "AMD EPYC", "torch": "2.14.1",
        "malloc": "glibc", "started_utc": "2026-01-01T00:00:00Z", "command": "python x",
    }  # fmt: skip
    return PaperRun(**{**fields, **changed})


# -------------------------------------------------------------------------------------------------- what was printed


@pytest.mark.parametrize("platform", ["GPU", "ARM"])
@pytest.mark.parametrize("model", SPLIT_NETWORKS)
def test_figure_2_adds_up(model: str, platform: str) -> None:
    shares = shares_of(model, platform)
    assert tuple(shares) == PARTS
    assert sum(shares.values()) == pytest.approx(1)


def test_a_cell_of_figure_2() -> None:
    assert shares_of("ShuffleNet v1", "GPU") == pytest.approx(
        {"Conv": 0.5, "Elemwise": 0.15, "Data": 0.2, "Shuffle": 0.05, "Other": 0.1}
    )
    assert shares_of("MobileNet v2", "ARM")["Shuffle"] == 0


def test_the_networks_of_table_8_are_the_zoos() -> None:
    """The same mult_adds within 2 %: what the paper rounds and counts besides."""
    counts = {entry.name: entry.mult_adds for entry in table()}
    printed = {row.model: row for row in table8()}
    assert len(NETWORKS) == 14
    for name, model in NETWORKS.items():
        assert counts[model] / 1e6 == pytest.approx(printed[name].complexity_mflops_multiply_adds, rel=0.02)
        assert (printed[name].gpu_batch_size, printed[name].arm_batch_size) == (8, 1)


def test_every_other_network_is_left_out_by_name() -> None:
    reasons = dict(
        line.removeprefix("- ").split(": ", 1)
        for line in left_out_text(set(NETWORKS)).splitlines()
        if line.startswith("- ")
    )
    left_out = [row for row in table8() if row.model not in NETWORKS]
    assert len(left_out) == len(table8()) - 14
    for row in left_out:
        assert f"{row.model} ({row.complexity_level_mflops})" in reasons[row.why_left_out or ""]
        assert ("our impl." in row.model) == ("not published" in (row.why_left_out or ""))
    assert not any("our impl." in name for name in NETWORKS)


@pytest.mark.skipif("EFFPROF_DATA" not in os.environ, reason="the folder of published tables is elsewhere")
@pytest.mark.parametrize("name", ["figure2_decomposition.csv", "table8_networks.csv"])
def test_the_copies_are_what_was_published(name: str) -> None:
    published = Path(os.environ["EFFPROF_DATA"]) / "paper" / name
    with (FOLDER / name).open() as ours, published.open() as theirs:
        assert list(csv.reader(ours)) == list(csv.reader(theirs))


# ------------------------------------------------------------------------------------------------------ one process


def test_a_process_on_the_make_believe_clock() -> None:
    """Its parts are the latency, whatever is folded; without batch-norms there is less element-wise work."""
    rows = {}
    for form in paper_figure2.FORMS:
        subject = Subject("shufflenetv1_g3_0.25", form)
        spec = RunSpec(
            subject.model, device="fake", threads=1, min_time_s=0.0, max_time_s=0.05, fold_bn=form != "as built"
        )
        row = rows[form] = run_row(measure_by_name(spec, with_crosscheck=False), subject, 2, 1.0)
        parts_s = row.conv_s + row.elemwise_s + row.data_s + row.shuffle_s + row.other_s + row.residual_s
        assert parts_s == pytest.approx(row.latency_s)
        assert row.shuffle_s > 0
        assert 0 < row.depthwise_s < row.conv_s
        assert row.overhead_s > 0 < row.pool_s
        assert row.overhead_s + row.pool_s < row.other_s  # the classifier is there too
        assert (row.mult_adds, row.run, row.device) == (11_009_808, 2, "fake")
    assert rows["batch-norms folded"].elemwise_s < 0.8 * rows["as built"].elemwise_s


def test_rows_survive_the_file(tmp_path: Path) -> None:
    rows = [run(), run(number=2, form="batch-norms folded", notes="few-runs")]
    for row in rows:
        append_row(tmp_path / "runs.csv", row)
    assert read_rows(tmp_path / "runs.csv", PaperRun) == rows


def test_resuming_measures_what_is_missing() -> None:
    subjects = [Subject("mobilenetv2"), Subject("mobilenetv2", "batch-norms folded")]
    args = argparse.Namespace(runs=2, threads=1, seed=0)
    assert [number for number, _ in missing(args, subjects, [])] == [1, 1, 2, 2]
    left = missing(args, subjects, [run(), run(number=2, form="batch-norms folded"), run(number=2, threads=2)])
    assert {(number, subject.form) for number, subject in left} == {(1, "batch-norms folded"), (2, "as built")}


def test_settings_are_not_mixed_nor_rows_overwritten(tmp_path: Path) -> None:
    refuse_to_mix(tmp_path, [run(), run(number=2)])
    with pytest.raises(SystemExit, match="would mix settings"):
        refuse_to_mix(tmp_path, [run(), run(torch="2.9.1")])
    refuse_to_overwrite(tmp_path, [], resume=False)
    refuse_to_overwrite(tmp_path, [run()], resume=True)
    with pytest.raises(SystemExit, match="--resume goes on"):
        refuse_to_overwrite(tmp_path, [run()], resume=False)


def test_a_trial_does_not_land_among_the_reports() -> None:
    args = paper_parser("", 1.0).parse_args(["--device", "fake"])
    assert folder_of(args).parts[-3:] == ("reports", "runs", "paper-fake")


def test_a_device_that_is_not_here_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """And not measured on the CPU under its name."""
    for name in ("tpu9", "fake:none.json"):
        with pytest.raises(SystemExit):
            paper_parser("", 1.0).parse_args(["--device", name])
        assert name.removeprefix("fake:") in capsys.readouterr().err


def test_few_processes_have_no_interval() -> None:
    assert ratio_over_processes([1.0, 3.0], [2.0, 4.0]) == (0.625, None)
    middle, interval = ratio_over_processes([1.0, 3.0, 2.0], [2.0, 4.0, 4.0])
    assert middle == 0.5
    assert interval is not None
    assert interval[0] == 0.5 < interval[1]


# --------------------------------------------------------------------------------------------------- tables, charts


def test_figure_2_beside_the_papers(tmp_path: Path) -> None:
    models = SPLIT_NETWORKS.values()
    runs = [run(model, number, form=form) for model in models for form in paper_figure2.FORMS for number in (1, 2, 3)]
    paper_figure2.finish(tmp_path, runs)
    assert {path.name for path in tmp_path.iterdir()} == {f"figure2.{kind}" for kind in ("csv", "md", "png", "svg")}
    rows = read_rows(tmp_path / "figure2.csv", paper_figure2.ShareRow)
    found = {(row.model, row.bar, row.part): row.fraction for row in rows}
    assert found["mobilenetv2", "here, as built", "Conv"] == pytest.approx(0.6)
    assert found["mobilenetv2", "here, as built", "depthwise"] == pytest.approx(0.2)
    assert found["mobilenetv2", "here, batch-norms folded", "residual"] == pytest.approx(0.02)
    assert found["mobilenetv2", "paper, ARM", "Elemwise"] == pytest.approx(0.105)
    text = (tmp_path / "figure2.md").read_text()
    assert "| Conv | 60.0 % (60.0 to 60.0 %) | 60.0 % (60.0 to 60.0 %) | 54.0 % | 89.0 % |" in text
    with figure_style():
        assert_clear_texts(paper_figure2.figure2_chart(rows, runs))


def test_figure_2_of_a_network_that_is_half_measured(tmp_path: Path) -> None:
    paper_figure2.finish(tmp_path, [run(residual_s=-0.003)])
    text = (tmp_path / "figure2.md").read_text()
    assert "| residual | -30.0 % | - | - |" in text


def test_table_8_beside_the_papers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Networks as fast here as on the paper's ARM processor: the rankings agree entirely."""
    counts = {entry.name: entry.mult_adds for entry in table()}
    printed = {NETWORKS[row.model]: row for row in table8() if row.model in NETWORKS}
    runs = [
        run(model, number, mult_adds=counts[model], latency_s=1 / (row.arm_speed_images_per_s or 1))
        for model, row in printed.items()
        for number in (1, 2, 3)
    ]
    rows = paper_table8.network_rows(runs)
    assert [row.model for row in rows] == list(printed)
    here_gpu, work_gpu, here_arm, *_ = found = paper_table8.agreements(rows)
    assert (here_arm.spearman, here_arm.pairs_alike, here_arm.pairs) == (pytest.approx(1), 18, 18)
    assert (here_gpu.spearman, here_gpu.pairs_alike) == (pytest.approx(found[-1].spearman), found[-1].pairs_alike)
    assert work_gpu.spearman == pytest.approx(
        -float(np_spearman([row.mult_adds for row in rows], [row.gpu_batches_per_s for row in rows]))
    )
    paper_table8.finish(tmp_path, rows, runs)
    assert "with paper ARM, images/s: 1.000, 14 networks" in capsys.readouterr().out
    text = (tmp_path / "table8.md").read_text()
    assert "| 300 | 1.0 MobileNet v2 | mobilenetv2 | 300.8 M | 300 | 8.9 | 8.9 to 8.9 | 180 | 8.9 |" in text
    assert "1.0 MobileNet v2 (our impl.) (300)" in text


@pytest.mark.parametrize("seed", range(4))
def test_every_network_has_its_name_in_the_chart(seed: int) -> None:
    counts, rng = {entry.name: entry.mult_adds for entry in table()}, random.Random(seed)
    runs = [
        run(model, mult_adds=counts[model], latency_s=(0.01 + counts[model] / 2e10) * rng.lognormvariate(0, 0.1 * seed))
        for model in NETWORKS.values()
    ]
    rows = paper_table8.network_rows(runs)
    with figure_style():
        chart = table8_chart(rows, paper_table8.agreements(rows), runs)
        assert_clear_texts(chart)
    assert all({text.get_text() for text in axes.texts} == set(NETWORKS.values()) for axes in chart.axes)


def np_spearman(first: list[float], second: list[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def test_networks_that_are_not_measured_yet_are_said_so() -> None:
    runs = [replace(run(), model=model) for model in ("mobilenetv2", "shufflenetv2")]
    assert [row.model for row in paper_table8.network_rows(runs)] == ["shufflenetv2", "mobilenetv2"]
    assert "not measured yet: ShuffleNet v2 0.5x (ours) (40)" in left_out_text({"1.0 MobileNet v2"})
