"""The rows of timers_zoo.py: shares, points and verdicts worked by hand, and one small network timed both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from results import append_row, read_rows
from timers_rows import TIMERS, TimerRow, markdown, timer_row, verdict
from timers_zoo import both_timers, finish

from effprof.errors import EffprofError, ModelError
from effprof.records import RunSpec

NETWORK = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
"""
ROW = TimerRow(
    device="cpu", cpu="a CPU", torch="2.14.1", malloc="glibc", started_utc="2026-01-01T00:00:00Z",
    command="python experiments/timers_zoo.py", model="small", threads=1, latency_s=5e-3,
    blocks=json.dumps({
        "entry": [{"conv": 0.50, "overhead": 0.40, "residual": 0.10}, {"conv": 0.60, "overhead": 0.41}],
        "kineto": [{"conv": 0.52, "overhead": 0.37, "residual": 0.12}, {"conv": 0.58, "overhead": 0.40}],
    }),
    distortion_entry=0.01, distortion_kineto=0.2, cost_entry_s=1e-6, cost_kineto_s=5e-6, runs=40, wall_s=3,
)  # fmt: skip


def changed(row: TimerRow, **shares: list[dict[str, float]]) -> TimerRow:
    return replace(row, blocks=json.dumps({**json.loads(row.blocks), **shares}))


def test_points_are_differences_of_medians_and_their_noise_is_that_of_the_blocks() -> None:
    entry, points, noise = ROW.shares("entry"), ROW.points(), ROW.noise()
    assert (entry["conv"], entry["matmul"]) == (pytest.approx(0.55), 0)
    assert points["conv"] == pytest.approx(0)
    assert points["overhead"] == pytest.approx(-2)
    assert points["residual"] == pytest.approx(1)
    # differences of +2 and -2 points: deviation 2.83, standard error 2
    assert noise["conv"] == pytest.approx(2)
    assert ROW.worst() == ("overhead", pytest.approx(-2))


def test_a_part_of_one_block_alone_counts_as_nothing_in_the_others() -> None:
    row = changed(ROW, kineto=[{"conv": 0.5}, {"conv": 0.5, "pool": 0.08}])
    assert row.points()["pool"] == pytest.approx(4)
    assert row.noise()["pool"] == pytest.approx(4)


@pytest.mark.parametrize(("share", "agrees"), [(0.579, True), (0.581, False), (0.521, True), (0.519, False)])
def test_three_points_in_any_category_are_the_limit(share: float, agrees: bool) -> None:
    row = changed(ROW, kineto=[{"conv": share, "overhead": 0.405}] * 2)
    assert row.agrees is agrees


def test_the_verdict_counts_slow_networks_and_the_residual_is_no_category() -> None:
    far = changed(replace(ROW, model="far"), kineto=[{"conv": 0.4, "overhead": 0.4}] * 2)
    quick = replace(far, model="quick", latency_s=1.9e-3)
    apart = changed(replace(ROW, model="apart"), kineto=[{"conv": 0.55, "overhead": 0.405, "residual": 0.3}] * 2)
    lines = verdict([ROW, far, quick, apart])
    assert lines[0] == "every category within 3 points in 2 of 3 networks slower than 2 ms"
    assert "-15.00 points of conv" in lines[1]
    assert lines[1].endswith("far")
    assert not any("quick" in line for line in lines)


def test_rows_come_back_as_they_were_written_and_make_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append_row(tmp_path / "timers.csv", ROW)
    assert read_rows(tmp_path / "timers.csv", TimerRow) == [ROW]
    assert finish(tmp_path)
    table = (tmp_path / "timers.md").read_text()
    assert "| network | latency, ms | conv | overhead | residual | distortion, entry / kineto |" in table
    assert "| small | 5.00 | 55.0 % (+0.0) | 40.5 % (-2.0) | 5.0 % (+1.0) | 1.0 % / 20.0 % |" in table
    assert "conv      at most" in capsys.readouterr().out
    assert markdown([ROW]) == table


def test_a_network_is_timed_both_ways_in_turns(tmp_path: Path) -> None:
    network = tmp_path / "net.py"
    network.write_text(NETWORK)
    spec: dict[str, Any] = {"input_shape": ((3, 64, 64),), "threads": 1, "min_time_s": 0.0, "max_time_s": 0.02}
    told = both_timers(RunSpec(f"{network}:build", **spec), 2)
    assert not isinstance(told, EffprofError)
    assert [[one.timer for one in told[timer].rounds] for timer in TIMERS] == [["entry"] * 2, ["kineto"] * 2]
    assert [call.op for call in told["entry"].calls] == [call.op for call in told["kineto"].calls]
    row = timer_row(told, 1.0)
    assert (row.model, row.threads) == (f"{network}:build", 1)
    for timer in TIMERS:
        for block in json.loads(row.blocks)[timer]:
            assert sum(block.values()) == pytest.approx(1, abs=1e-3)


def test_what_cannot_be_measured_is_an_explained_error(tmp_path: Path) -> None:
    assert isinstance(both_timers(RunSpec(f"{tmp_path}/none.py:build"), 1), EffprofError)
    network = tmp_path / "net.py"
    network.write_text("from torch import nn\n\ndef build():\n    return nn.Linear(3, 3)\n")
    told = both_timers(RunSpec(f"{network}:build", input_shape=((4,),)), 1)
    assert isinstance(told, ModelError)
