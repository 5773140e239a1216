"""The sentences beside a verdict."""

from __future__ import annotations

from dataclasses import replace

from small_sweep import timed_entry

from effprof.guidelines.why import reasons
from effprof.sweep_records import SweepEntry

FLAT = [0.01] * 6


def rising(guideline: str = "G1") -> SweepEntry:
    count = 5 if guideline == "G3" else 4
    rows = [[0.01 * (1 + i / 5 + j / 1000) for j in range(6)] for i in range(count)]
    return timed_entry(rows, guideline)  # type: ignore[arg-type]


def with_kernels(entry: SweepEntry, *kernels: str | None) -> SweepEntry:
    points = tuple(replace(point, kernel=kernel) for point, kernel in zip(entry.points, kernels, strict=True))
    return replace(entry, points=points)


def why(entry: SweepEntry) -> str:
    return "\n".join(reasons(entry, 1, 56))


def test_access_by_the_papers_formula_against_its_bound() -> None:
    """hw(c1+c2) + c1c2 = 3136 * 64 + 1024 = 201,728 at 1:1; 3136 * 117 + 972 = 367,884 at 1:12, whose bound is
    2 sqrt(3136 * 3136 * 972) + 972 = 196,515. Four bytes each."""
    text = why(rising())
    assert "201.7 k elements, 806.9 kB at 1:1 (bound 201.7 k elements, 806.9 kB)" in text
    assert "367.9 k elements, 1.47 MB at 1:12 (bound 196.5 k elements, 786.1 kB)" in text
    assert "access per mult_add: 2.63 times as much for 1:12 as for 1:1" in text  # 2.5 elements, 972/1024 work


def test_g2_has_the_papers_second_formula() -> None:
    """3136 * 64 + 3136 * 64 + 4096 = 405,504; g = 8: 3136 * 368 + 184 * 184 / 8 = 1,158,280."""
    text = why(rising("G2"))
    assert "405.5 k elements, 1.62 MB at g=1; 1.16 M elements, 4.63 MB at g=8" in text
    assert "g=8 has 184 channels: the paper's 180 cannot be split into 8 groups" in text


def test_kernels_that_differ_are_named_first() -> None:
    entry = with_kernels(rising(), "mkldnn_convolution", "mkldnn_convolution", *["_slow_conv2d_forward"] * 2)
    first = reasons(entry, 1, 56)[0]
    assert "picked mkldnn_convolution for 1:1, 1:2; _slow_conv2d_forward for 1:6, 1:12; times may differ" in first


def test_half_as_wide_elements_are_half_the_bytes() -> None:
    entry = rising("G2")
    points = tuple(replace(point, access_bytes=2 * point.access_elements) for point in entry.points)
    text = why(replace(entry, points=points))
    assert "405.5 k elements, 811.0 kB at g=1; 1.16 M elements, 2.32 MB at g=8" in text


def test_one_kernel_for_all_is_said_too() -> None:
    assert "same kernel for every setting: mkldnn_convolution" in why(rising())
    assert "kernel" not in why(with_kernels(rising(), None, None, None, None))


def test_a_kernel_that_depends_on_threads_is_named() -> None:
    entry = rising()
    there = ["mkldnn_convolution", "mkldnn_convolution", *["_slow_conv2d_forward"] * 2]
    points = tuple(replace(p, kernel_elsewhere=(1, k)) for p, k in zip(entry.points, there, strict=True))
    text = why(replace(entry, points=points))
    assert "same kernel for every setting: mkldnn_convolution" in text
    assert "with 1 thread torch picks _slow_conv2d_forward for 1:6, 1:12: the slowdown may be another there" in text
    assert "torch picks" not in why(entry)


def test_more_calls_are_counted() -> None:
    assert "calls: 50 for 4-fragment-parallel, 10 for 1-fragment" in why(rising("G3"))


def test_a_setting_against_the_trend_is_named() -> None:
    entry = timed_entry([FLAT, FLAT, [0.09] * 6, [0.02] * 6])
    assert "not monotone: 1:6 is slower than 1:12" in why(entry)
    entry = timed_entry([FLAT, [0.005] * 6, FLAT, [0.02] * 6])
    assert "not monotone: 1:2 is faster than 1:1" in why(entry)
    assert "not monotone" not in why(rising())


def test_what_does_not_stand_apart_is_not_named() -> None:
    noisy = [0.009, 0.021, 0.01, 0.03, 0.02, 0.019]
    assert "not monotone" not in why(timed_entry([FLAT, FLAT, noisy, [0.02] * 6]))


def test_the_other_way_round_is_one_sentence() -> None:
    entry = timed_entry([[0.02] * 6, [0.018] * 6, [0.016] * 6, [0.01] * 6], "G4")
    text = why(entry)
    assert "the other way round: relu+shortcut is faster than none" in text
    assert "not monotone" not in text
    assert "the paper does not state the unit's size: a bottleneck 32-8-32 is taken" in text
