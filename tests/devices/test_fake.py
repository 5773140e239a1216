"""Planted truth on the make-believe clock: what is planted must come out of the whole pipeline, exactly or within the
error that is stated."""

from __future__ import annotations

import json
import os
import random
import statistics
from pathlib import Path

import pytest
import torch
from torch import nn

from effprof.analyze import analyze
from effprof.capture import Inputs
from effprof.devices.fake import Plan, read_plan
from effprof.errors import BadFileError
from effprof.measure.session import measure
from effprof.records import Accounting, Analysis, Latency, Profile, RunSpec


class Three(nn.Module):
    """Three convolutions and two activations; works at any size."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.third = nn.Conv2d(8, 8, 1)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.act(self.second(self.act(self.first(x)))))


def measured(
    tmp_path: Path, plan: dict[str, object], model: nn.Module | None = None, **settings: object
) -> Profile:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    spec = RunSpec("three", device=f"fake:{file}", **{"max_time_s": 1.0, "min_time_s": 0.05, **settings})  # type: ignore[arg-type]
    return measure(model or Three(), Inputs((torch.zeros(1, 3, 128, 128),)), spec, name="three", source="test")


def parts(profile: Profile) -> tuple[Analysis, Latency, Accounting]:
    analysis = analyze(profile)
    assert analysis.latency is not None
    assert analysis.accounting is not None
    return analysis, analysis.latency, analysis.accounting


COSTS = {
    "rates": {"seconds_per_call": 5e-5},
    "ops": {"conv2d": {"time_s": 1e-3}, "relu": {"time_s": 2e-4}},
    "layers": {"second": {"time_s": 3e-3}},
    "instrumentation": {"inside_s": 1e-5, "outside_s": 4e-5},
    "overhead_s": 5e-4,
}


def test_planted_costs_come_out_exactly(tmp_path: Path) -> None:
    analysis, latency, accounting = parts(measured(tmp_path, COSTS))
    # ops 1 + 0.2 + 3 + 0.2 + 1 = 5.4 ms; overhead 5 calls x 0.05 + 0.5 = 0.75 ms
    assert accounting.ops_s == pytest.approx(5.4e-3, rel=1e-9)
    assert accounting.overhead_s == pytest.approx(0.75e-3, rel=1e-9)
    assert latency.median_s == pytest.approx(6.15e-3, rel=1e-9)
    assert accounting.residual_s == pytest.approx(0, abs=1e-12)
    # an instrumented run is longer by 5 spans x 50 microseconds
    assert accounting.distortion_fraction == pytest.approx(0.25e-3 / 6.15e-3, rel=1e-6)
    layers = {layer.layer: layer.self_time_s for layer in analysis.layers}
    assert layers["first"] == pytest.approx(1e-3, rel=1e-9)
    assert layers["second"] == pytest.approx(3e-3, rel=1e-9)
    assert layers["act"] == pytest.approx(0.4e-3, rel=1e-9)


def test_the_cost_of_instrumentation_is_found_at_the_smaller_inputs(tmp_path: Path) -> None:
    calibration = measured(tmp_path, COSTS).rounds[0].calibration
    assert calibration.inside_s == pytest.approx(1e-5, rel=1e-6)
    assert calibration.outside_s == pytest.approx(4e-5, rel=1e-6)
    assert [point.input_shape for point in calibration.points] == [((1, 3, 32, 32),), ((1, 3, 64, 64),)]


class OneSize(Three):
    """As a transformer that knows the number of its patches."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2:] == (128, 128), "wrong size"
        return super().forward(x)


def test_a_network_of_one_size_is_measured_too(tmp_path: Path) -> None:
    _, latency, accounting = parts(measured(tmp_path, COSTS, model=OneSize()))
    assert accounting.residual_s == pytest.approx(0, abs=1e-12)
    assert latency.median_s == pytest.approx(parts(measured(tmp_path, COSTS))[1].median_s)


def test_a_wait_only_in_plain_runs_at_full_size_is_residual(tmp_path: Path) -> None:
    _, latency, accounting = parts(measured(tmp_path, {**COSTS, "unseen_s": 2e-3}))
    assert latency.median_s == pytest.approx(8.15e-3, rel=1e-9)
    assert accounting.residual_s == pytest.approx(2e-3, rel=1e-6)
    assert accounting.ops_s == pytest.approx(5.4e-3, rel=1e-9)


def test_distortion_that_calibration_cannot_see_is_a_negative_residual(tmp_path: Path) -> None:
    _, _, accounting = parts(measured(tmp_path, {**COSTS, "distortion": 0.05}))
    assert accounting.ops_s == pytest.approx(5.4e-3 * 1.05, rel=1e-9)
    assert accounting.residual_s == pytest.approx(-5.4e-3 * 0.05, rel=1e-6)


def test_noise_leaves_the_truth_inside_the_intervals(tmp_path: Path) -> None:
    noisy = {
        "rates": {"seconds_per_call": 5e-5},
        "ops": {"conv2d": {"time_s": 1e-3, "noise": 0.05}, "relu": {"time_s": 2e-4, "noise": 0.05}},
        "instrumentation": {"inside_s": 1e-5, "outside_s": 4e-5},
    }
    inside = 0
    for seed in range(20):
        _, latency, accounting = parts(measured(tmp_path, noisy, seed=seed))
        # 3 + 0.4 ms of ops and 0.25 ms between calls
        inside += latency.ci95_s[0] <= 3.65e-3 <= latency.ci95_s[1]
        assert accounting.ops_s == pytest.approx(3.4e-3, rel=0.02)
        assert accounting.residual_ci95_s[0] <= 0.05e-3
        assert accounting.residual_ci95_s[1] >= -0.05e-3
    assert inside >= 16  # 95 % intervals: fewer than 16 of 20 happens once in 400 times


@pytest.mark.parametrize(
    ("cost", "code"),
    [
        ({"time_s": 1e-3, "noise": 0.01, "drift": 0.01}, "drift"),
        ({"time_s": 1e-3, "noise": 0.005, "second_mode": {"factor": 1.6, "probability": 0.4}}, "two-modes"),
        ({"time_s": 1e-3, "noise": 0.4}, "wide-spread"),
    ],
)
def test_planted_trouble_is_noted(tmp_path: Path, cost: dict[str, object], code: str) -> None:
    analysis, _, _ = parts(measured(tmp_path, {"ops": {"conv2d": cost, "relu": {"time_s": 1e-5}}}))
    assert code in [note.code for note in analysis.notes]
    assert all(note.remedy for note in analysis.notes if note.code == code)


def test_outliers_do_not_move_the_median(tmp_path: Path) -> None:
    plan = {
        "rates": {"seconds_per_call": 0},
        "ops": {"conv2d": {"time_s": 1e-3, "outliers": {"factor": 20, "probability": 0.02}}, "relu": {"time_s": 0}},
    }
    _, latency, accounting = parts(measured(tmp_path, plan))
    assert latency.median_s == pytest.approx(3e-3, rel=1e-9)
    assert accounting.ops_s == pytest.approx(3e-3, rel=1e-3)


def test_page_faults_are_reported_and_noted(tmp_path: Path) -> None:
    analysis, latency, _ = parts(measured(tmp_path, {**COSTS, "page_faults": 3400}))
    assert latency.page_faults_per_run == 3400
    note = next(note for note in analysis.notes if note.code == "page-faults")
    assert "--malloc steady" in note.remedy


def test_without_a_plan_time_follows_work_and_traffic() -> None:
    spec = RunSpec("three", device="fake", max_time_s=1.0, min_time_s=0.01)
    profile = measure(Three(), Inputs((torch.zeros(1, 3, 64, 64),)), spec, name="three", source="test")
    analysis, _, _ = parts(profile)
    rates = Plan().rates
    for op in analysis.ops:
        expected = (op.cost.mult_adds or 0) / rates.mult_adds_per_s + op.cost.access_bytes / rates.bytes_per_s
        assert op.time_s == pytest.approx(expected, rel=1e-6)


def test_the_same_seed_gives_the_same_profile(tmp_path: Path) -> None:
    plan = {"ops": {"conv2d": {"time_s": 1e-3, "noise": 0.1}}}
    first, second = (measured(tmp_path, plan, seed=7) for _ in range(2))
    n = min(len(first.rounds[0].plain.times_s), len(second.rounds[0].plain.times_s))
    assert n >= 10
    assert first.rounds[0].plain.times_s[:n] == second.rounds[0].plain.times_s[:n]
    other = measured(tmp_path, plan, seed=8)
    assert other.rounds[0].plain.times_s[:n] != first.rounds[0].plain.times_s[:n]


def test_pairs_come_in_random_order_in_equal_numbers(tmp_path: Path) -> None:
    order = measured(tmp_path, COSTS, min_time_s=0.5).rounds[0].order
    pairs = [order[i : i + 2] for i in range(0, len(order), 2)]
    assert len(pairs) >= 80
    assert set(pairs) == {"AB", "BA"}
    assert statistics.mean(pair == "AB" for pair in pairs) == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "not a plan"),
        ('{"opps": {}}', "opps"),
        ('{"ops": {"conv2d": {"time_s": "fast"}}}', "time_s"),
        ("[]", "array"),
    ],
)
def test_a_bad_plan_is_explained_in_one_line(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(BadFileError, match=found) as caught:
        read_plan(file)
    assert len(str(caught.value).splitlines()) == 1


def test_a_layers_entry_covers_its_children_and_the_longest_path_counts() -> None:
    from effprof.devices.fake import Cost, FakeSubject
    from effprof.measure.static import static_capture

    model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)), nn.Conv2d(1, 1, 1))
    calls = static_capture(model, Inputs((torch.zeros(1, 1, 4, 4),))).calls
    plan = Plan(layers={"0": Cost(1.0), "0.1": Cost(2.0)}, ops={"conv2d": Cost(4.0)})
    run = FakeSubject(calls, plan, ((1, 1, 4, 4),), seed=random.randrange(99)).timed()
    inside_s = plan.instrumentation.inside_s
    assert [span - inside_s for span in run.spans_s] == pytest.approx([1.0, 2.0, 4.0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_plan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json")
    with pytest.raises(BadFileError, match=r"plan .*plan\.json: it is a named pipe\."):
        read_plan(tmp_path / "plan.json")
