"""Fits whose answer is known: planted coefficients, hand-worked sums, and what a left-out network may not touch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from effprof.analyze.regression import (
    CONV,
    CONV3X3,
    DEPTHWISE,
    FEATURES,
    GROUPED,
    MATMUL,
    MOVED,
    POINTWISE,
    WORK_AND_BYTES,
    WORK_ONLY,
    Array,
    Formula,
    Table,
    Work,
    arm_roofline,
    fit,
    fit_shared,
    gpu_roofline,
)
from effprof.analyze.regression_checks import (
    device_record,
    error_bars,
    leave_out,
    mape,
    spearman,
)

GPU = gpu_roofline()
GPU_TRIED = gpu_roofline(summed=True, padded=True)
ARM = arm_roofline()
# A made-up device for each formula, in the order of its coefficients.
GPU_TRUTH = np.array([3e11, 1.5e12, 7e12, 1.1e13, 2.5e12, 2e12, 3e11, 3e-5, 3e-3, 10.0, 8e-6])
ARM_TRUTH = np.array([1.2e10, 2.5e10, 5e9, 1e10, 1e-5, 10.0, 30.0])


def random_networks(count: int, seed: int = 0) -> dict[str, list[Work]]:
    rng = np.random.default_rng(seed)
    networks = {}
    for number in range(count):
        # Each network has its own mixture of kinds and its own sizes, so that every coefficient decides somewhere.
        mixture = rng.dirichlet(np.full(7, 0.4))
        works = []
        for kind in rng.choice(7, size=int(rng.integers(5, 120)), p=mixture):
            positions, columns = int(rng.choice([49, 196, 784, 3136, 12544])) * 12, int(rng.choice([32, 64, 256, 512]))
            channels = int(rng.choice([8, 32, 128, 512]))
            depth = {DEPTHWISE: 9, POINTWISE: channels, GROUPED: 9 * 8}.get(int(kind), 9 * channels)
            access = 4 * positions * (columns + channels)
            if kind == MOVED:
                works.append(Work(MOVED, 0, access))
            elif kind == MATMUL:
                works.append(Work(MATMUL, 12 * channels * 1000, 4 * channels * 1000))
            else:
                group = 1 if kind == DEPTHWISE else 8 if kind == GROUPED else channels
                works.append(Work(int(kind), positions * columns * depth, access, positions, columns, depth, group))
        networks[f"net{number}"] = works
    return networks


def measured(formula: Formula, truth: Array, networks: dict[str, list[Work]], noise: float = 0.0) -> dict[str, float]:
    seconds = formula.seconds(truth, Table.of(list(networks.values())))
    factors = np.exp(noise * np.random.default_rng(1).standard_normal(len(networks)))
    return dict(zip(networks, (seconds * factors).tolist(), strict=True))


# ------------------------------------------------------------------------------------------------------ hand-worked


def test_sums_by_hand() -> None:
    table = Table.of([[Work(CONV, 1000, 40), Work(MOVED, 0, 60)], [Work(DEPTHWISE, 10, 4)]])
    assert table.total(table.access_bytes).tolist() == [100, 4]
    assert WORK_ONLY.seconds(np.array([2.0, 500.0]), table).tolist() == [2 + 2, 2 + 10 / 500]
    assert WORK_AND_BYTES.seconds(np.array([0.0, 500.0, 10.0]), table).tolist() == pytest.approx([12, 0.42])
    # 0 at 3x3, 1000 of other work, 0 depthwise, 100 bytes, 2 ops
    assert FEATURES.seconds(np.array([1.0, 100.0, 1.0, 10.0, 3.0]), table)[0] == pytest.approx(10 + 10 + 6)


def test_gpu_roofline_by_hand() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 5.0, 10.0, 100.0, 0.5, 7.0, 3.0, 0.25])
    block = 128 * 64
    # One block of output: a quarter of the rate (1 of 1 + 3); work decides, then bytes decide for the copy.
    network = [Work(POINTWISE, 40, 100, positions=128, columns=64, depth=3, group_channels=3), Work(MOVED, 0, 900)]
    kernels = 40 / 4 * 4 + 0.25 + 9 + 0.25
    assert GPU.seconds(values, Table.of([network]))[0] == pytest.approx(7 + kernels)
    assert GPU_TRIED.seconds(values, Table.of([network]))[0] == pytest.approx(7 + kernels + 1)
    # Launches hide the kernels when they are slower.
    assert GPU.seconds(np.array([*values[:7], 50.0, *values[8:]]), Table.of([network]))[0] == pytest.approx(7 + 100)
    # Groups of 8 channels work as 32; three blocks reach half the rate.
    grouped = [Work(GROUPED, 10, 0, positions=3 * block, columns=1, depth=72, group_channels=8)]
    assert GPU_TRIED.seconds(values, Table.of([grouped]))[0] == pytest.approx(7 + 10 * 4 / 2 * 2 + 0.25)


def test_arm_roofline_by_hand() -> None:
    values = np.array([10.0, 20.0, 5.0, 100.0, 0.5, 2.0, 8.0])
    # Depth of a 3x3 convolution: its channels, 4. Shortfall 2 / 4 + 8 / 16.
    dense = Work(CONV3X3, 40, 10, positions=9, columns=16, depth=36, group_channels=4)
    assert ARM.seconds(values, Table.of([[dense]]))[0] == pytest.approx(40 / 20 * 2 + 0.5)
    others = [Work(DEPTHWISE, 40, 10), Work(MATMUL, 40, 1000), Work(MOVED, 0, 200)]
    assert ARM.seconds(values, Table.of([others]))[0] == pytest.approx(8 + 10 + 2 + 3 * 0.5)


def test_a_network_without_ops_is_refused() -> None:
    with pytest.raises(ValueError, match="without ops"):
        Table.of([[Work(MOVED, 0, 1)], []])


# ---------------------------------------------------------------------------------------------------- planted truth


@settings(max_examples=30, deadline=None)
@given(
    rate=st.floats(1e8, 1e13), bandwidth=st.floats(1e8, 1e12), per_run=st.floats(1e-5, 1e-2), seed=st.integers(0, 1000)
)
def test_planted_linear_coefficients_come_out(rate: float, bandwidth: float, per_run: float, seed: int) -> None:
    networks = random_networks(12, seed)
    truth = np.array([per_run, rate, bandwidth])
    seconds = np.array(list(measured(WORK_AND_BYTES, truth, networks).values()))
    table = Table.of(list(networks.values()))
    found = fit(WORK_AND_BYTES, table, seconds)
    assert WORK_AND_BYTES.seconds(found, table) == pytest.approx(seconds, rel=1e-5)
    # A part that is below a thousandth everywhere cannot be told from nothing.
    parts = WORK_AND_BYTES.design(table) / np.array([1, rate, bandwidth]) * np.array([per_run, 1, 1])
    visible = (parts / seconds[:, None]).max(axis=0) > 1e-3
    assert found[visible] == pytest.approx(truth[visible], rel=1e-3)


def test_a_rate_that_explains_nothing_is_infinite() -> None:
    networks = random_networks(12)
    truth = np.array([1e-3, math.inf, 1e10])
    seconds = np.array(list(measured(WORK_AND_BYTES, truth, networks).values()))
    found = fit(WORK_AND_BYTES, Table.of(list(networks.values())), seconds)
    assert found[1] > 1e15
    record = device_record(WORK_ONLY, "d", np.array([1.0, math.inf]), np.ones((2, 2)), {"mape": 0.1}, {})
    assert [c["value"] for c in record["coefficients"]] == [1.0, None]


@pytest.mark.parametrize(("formula", "truth"), [(GPU, GPU_TRUTH), (ARM, ARM_TRUTH)], ids=["gpu", "arm"])
@pytest.mark.parametrize(("noise", "prediction", "coefficient"), [(0.0, 0.01, 0.10), (0.03, 0.05, 0.5)])
def test_planted_rooflines_come_out(
    formula: Formula, truth: Array, noise: float, prediction: float, coefficient: float
) -> None:
    networks = random_networks(60)
    seconds = measured(formula, truth, networks, noise)
    table = Table.of(list(networks.values()))
    found = fit(formula, table, np.array(list(seconds.values())))
    clean = formula.seconds(truth, table)
    assert np.mean(np.abs(formula.seconds(found, table) / clean - 1)) < prediction
    assert np.median(np.abs(found / truth - 1)) < coefficient


def test_error_bars_hold_the_planted_rate_and_widen_with_noise() -> None:
    networks = random_networks(25)
    truth = np.array([1e-3, 2e11])
    widths = []
    for noise in (0.02, 0.1):
        latencies = {"d": measured(WORK_ONLY, truth, networks, noise)}
        low, high = error_bars(WORK_ONLY, networks, latencies)["d"][1]
        assert low < 2e11 < high
        widths.append(high / low)
    assert widths[0] < widths[1]


def test_devices_share_a_profile_up_to_their_speed() -> None:
    networks = random_networks(20)
    scaling = np.array([c.scaling for c in ARM.coefficients])
    fast = {"slow": measured(ARM, ARM_TRUTH, networks), "fast": measured(ARM, ARM_TRUTH * 4.0**scaling, networks)}
    _, speeds = fit_shared(ARM, networks, fast)
    assert speeds["fast"] / speeds["slow"] == pytest.approx(4, rel=1e-6)


# ----------------------------------------------------------------------------------------------------- leaving out


@settings(max_examples=8, deadline=None)
@given(left_out=st.integers(0, 7), wrong=st.floats(0.01, 100), formula=st.sampled_from([WORK_AND_BYTES, FEATURES, ARM]))
def test_a_left_out_network_is_seen_on_no_device(left_out: int, wrong: float, formula: Formula) -> None:
    networks = random_networks(8)
    latencies = {
        "one": measured(WORK_AND_BYTES, np.array([1e-3, 1e10, 1e9]), networks),
        "two": measured(WORK_AND_BYTES, np.array([2e-3, 1e11, 1e10]), networks),
    }
    name = f"net{left_out}"
    spoilt = {device: {**of_device, name: of_device[name] * wrong} for device, of_device in latencies.items()}
    before, after = leave_out(formula, networks, latencies), leave_out(formula, networks, spoilt)
    for device in latencies:
        assert before[device][name] == after[device][name]
        assert set(before[device]) == set(networks)


def test_a_family_is_left_out_whole() -> None:
    networks = random_networks(9)
    family = {name: f"family{number // 3}" for number, name in enumerate(networks)}
    latencies = {"d": measured(WORK_ONLY, np.array([1e-3, 1e11]), networks, 0.1)}
    spoilt = {"d": {n: s * (5 if family[n] == "family1" else 1) for n, s in latencies["d"].items()}}
    before = leave_out(WORK_ONLY, networks, latencies, family.__getitem__)["d"]
    after = leave_out(WORK_ONLY, networks, spoilt, family.__getitem__)["d"]
    assert [name for name in networks if before[name] == after[name]] == ["net3", "net4", "net5"]


# ------------------------------------------------------------------------------------------------ error and ranking


def test_mape_by_hand() -> None:
    assert mape({"a": 1.1, "b": 1.5}, {"a": 1.0, "b": 2.0, "c": 3.0}) == pytest.approx((0.1 + 0.25) / 2)


def test_spearman_by_hand() -> None:
    # Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * (1 + 1) / (4 * 15)
    assert spearman([10, 20, 30, 40], [2, 1, 3, 4]) == pytest.approx(0.8)
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_spearman_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    if len(set(one)) > 1 and len(set(two)) > 1:
        assert spearman(one, two) == pytest.approx(spearmanr(one, two)[0])
