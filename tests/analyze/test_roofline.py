"""Roofs by hand on round ceilings, and what must hold for any op."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_ceilings import CALL_S, COPY, FASTER, KIB, MIB, WORK, G, estimate, small_ceilings
from small_profile import TIMED, tensor

from effprof.analyze import analyze
from effprof.analyze.roofline import Footprint, OpRoof, Roofs, ceiling_notes, footprint_of, kind_of, roofs_of
from effprof.cost import cost_of
from effprof.records import Category, CostedOp, OpCall, OpCost

CEILINGS = small_ceilings()


def convolution(channels: int, size: int, filters: int, kernel: int, groups: int = 1) -> OpCall:
    return OpCall(
        0, "conv2d", "aten::conv2d", "conv", None,
        inputs=(
            tensor(0, (1, channels, size, size)), tensor(1, (filters, channels // groups, kernel, kernel), "parameter")
        ),
        input_names=("input", "weight"),
        outputs=(tensor(2, (1, filters, size, size)),),
        arguments={"groups": groups},
    )  # fmt: skip


def elementwise(size: int, in_place: bool = False) -> OpCall:
    """size x 4 bytes in, as many out."""
    x, y = tensor(0, (size,)), replace(tensor(1, (size,)), storage=0 if in_place else 1)
    return OpCall(
        0, "relu", "aten::relu", "act", None, (x,), ("self",), (y,), written=(0,) if in_place else ()
    )


def timed(call: OpCall, time_s: float | None, kind: str = "dense", category: Category = Category.CONV) -> CostedOp:
    return CostedOp(call, cost_of(call), category, kind, time_s, 0.0)


def roof(op: CostedOp) -> OpRoof:
    return roofs_of([op], CEILINGS)[0]


def test_a_convolution_bounded_by_compute() -> None:
    # 28 x 28 x 128 outputs of 128 x 9 products; 128 x 784 floats in and out, 128 x 128 x 9 weights
    op = timed(convolution(128, 28, 128, 3), 0.01)
    work, activation, weights = 28 * 28 * 128 * 128 * 9, 4 * 128 * 784, 4 * 128 * 128 * 9
    found = roof(op)
    assert op.cost.mult_adds == work
    assert found.compute_s == pytest.approx(work / (32 * G))
    # 1.39 MB in all: the rates measured at 1 MiB. Output and as much input pair up, the weights are read alone.
    assert found.memory_s == pytest.approx(2 * activation / (50 * G) + weights / (100 * G))
    assert found.overhead_s == CALL_S
    assert (found.bound, found.share) == ("compute", pytest.approx(work / (32 * G) / 0.01))
    assert found.mult_adds_per_s == pytest.approx(work / 0.01)
    assert found.bytes_per_s == pytest.approx((2 * activation + weights) / 0.01)


@pytest.mark.parametrize(
    ("kind", "ceiling"),
    [
        ("dense", "dense"), ("grouped", "dense"), ("transposed", "dense"), ("pointwise", "pointwise"),
        ("depthwise", "depthwise"), ("linear", "matmul"), ("attention", "matmul"),
    ],
)  # fmt: skip
def test_each_kind_has_its_ceiling(kind: str, ceiling: str) -> None:
    op = timed(convolution(256, 56, 256, 3), 1.0, kind)
    assert kind_of(op) == ceiling
    assert roof(op).compute_s == pytest.approx(56 * 56 * 256 * 256 * 9 / WORK[ceiling])


def test_an_activation_bounded_by_memory() -> None:
    # 4 MB in, 4 MB out: 8 MB touched, between 1 MiB and 16 MiB: the rate of 1 MiB still counts
    found = roof(timed(elementwise(10**6), 1e-3, "activation", Category.ELEMWISE))
    assert found.compute_s == 0
    assert found.memory_s == pytest.approx(8e6 / (50 * G))
    assert (found.bound, found.share) == ("memory", pytest.approx(0.16))
    assert found.bytes_per_s == pytest.approx(8 * G)


def test_in_place_touches_half_as_much() -> None:
    found = footprint_of(elementwise(10**6, in_place=True))
    assert found == Footprint(copied=0, read=0, written=0, updated=8_000_000, working_set=4_000_000)
    assert footprint_of(elementwise(10**6)) == Footprint(8_000_000, 0, 0, 0, 8_000_000)


def test_a_small_op_is_bounded_by_its_call() -> None:
    found = roof(timed(elementwise(100), 4e-6, "activation", Category.ELEMWISE))
    assert (found.bound, found.share) == ("overhead", pytest.approx(CALL_S / 4e-6))
    assert found.memory_s == pytest.approx(800 / (100 * G))


def test_what_is_not_known_is_none() -> None:
    call = convolution(8, 8, 8, 3)
    assert roof(timed(call, None)) == OpRoof()
    assert roof(timed(call, 0.0)) == OpRoof()
    unknown = replace(timed(call, 1e-3), cost=OpCost(None, 10, 10, None, None))
    assert (roof(unknown).bound, roof(unknown).share) == (None, None)
    assert roof(unknown).bytes_per_s == pytest.approx(20e3)
    assert roofs_of([timed(call, 1e-3)], None)[0].bound is None
    assert roofs_of([timed(call, 1e-3)], None)[0].mult_adds_per_s == pytest.approx(8 * 8 * 8 * 8 * 9 / 1e-3)
    view = OpCall(0, "view", "aten::view", "", None, (tensor(0, (4,)),), ("self",), (tensor(1, (4,)),), is_view=True)
    assert roof(timed(view, 1e-6, "view", Category.OVERHEAD)) == OpRoof(bound="overhead")


def test_noise_and_calls_at_small_sizes_do_not_lower_a_roof() -> None:
    """A rate that rises with the working set is the cost of a call at the smaller one."""
    slow = tuple(
        replace(one, bytes_per_s=estimate(1 * G)) if one.working_set_bytes == 16 * KIB else one
        for one in CEILINGS.traffic
    )
    roofs = Roofs(replace(CEILINGS, traffic=slow))
    assert roofs.bytes_per_s("copy", 16 * KIB) == 50 * G
    assert roofs.bytes_per_s("copy", 1) == 50 * G
    assert roofs.bytes_per_s("copy", 10**12) == 10 * G


def test_no_pattern_is_slower_than_a_copy() -> None:
    slow = tuple(
        replace(one, bytes_per_s=estimate(1 * G)) if one.kind == "read" else one for one in CEILINGS.traffic
    )
    assert Roofs(replace(CEILINGS, traffic=slow)).bytes_per_s("read", 16 * MIB) == 20 * G


def test_faster_than_the_device_is_a_measurement_fault() -> None:
    call = convolution(128, 28, 128, 3)
    least_s = 28 * 28 * 128 * 128 * 9 / (32 * G)
    honest, impossible = timed(call, least_s), timed(replace(call, layer="x.y"), least_s / 1.25)
    assert ceiling_notes([honest], roofs_of([honest], CEILINGS)) == ()
    (note,) = ceiling_notes([honest, impossible], roofs_of([honest, impossible], CEILINGS))
    assert note.code == "above-ceiling"
    assert "conv2d in x.y at 125.0 %" in note.text
    assert "measurement fault" in note.text
    assert ceiling_notes([impossible], roofs_of([impossible], None)) == ()


SIZES = st.integers(1, 300)


@settings(deadline=None)
@given(
    channels=SIZES, size=st.integers(1, 60), filters=SIZES, kernel=st.sampled_from([1, 3, 5]),
    time_s=st.floats(1e-8, 10.0), kind=st.sampled_from(["dense", "pointwise", "depthwise", "linear"]),
)  # fmt: skip
def test_the_bound_is_the_largest_of_three_times(
    channels: int, size: int, filters: int, kernel: int, time_s: float, kind: str
) -> None:
    op = timed(convolution(channels, size, filters, kernel), time_s, kind)
    found = roof(op)
    times = {"compute": found.compute_s, "memory": found.memory_s, "overhead": found.overhead_s}
    assert all(value is not None and value >= 0 for value in times.values())
    largest = max(times.values())  # type: ignore[type-var]
    assert found.bound is not None
    assert times[found.bound] == largest == found.least_s
    assert found.share == pytest.approx(largest / time_s)  # type: ignore[operator]
    assert bool(ceiling_notes([op], [found])) == (found.share > 1 + 1e-9)  # type: ignore[operator]


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 2**30), min_size=2, max_size=8), kind=st.sampled_from(list(FASTER)))
def test_roofs_never_rise_with_the_working_set(sizes: list[int], kind: str) -> None:
    roofs = Roofs(CEILINGS)
    rates = [roofs.bytes_per_s(kind, size) for size in sorted(sizes)]  # type: ignore[arg-type]
    assert rates == sorted(rates, reverse=True)
    assert all(rate >= min(COPY.values()) for rate in rates)


@settings(deadline=None)
@given(reads=st.lists(st.integers(1, 1000), max_size=4), written=st.integers(1, 1000), in_place=st.booleans())
def test_every_byte_counts_once(reads: list[int], written: int, in_place: bool) -> None:
    inputs = tuple(tensor(number, (size,)) for number, size in enumerate(reads))
    storage = 0 if in_place and reads else 99
    output = replace(tensor(99, (written,)), storage=storage)
    names = tuple(f"tensors.{number}" for number in range(len(reads)))
    call = OpCall(0, "cat", "aten::cat", "", None, inputs, names, (output,), written=(0,) if storage == 0 else ())
    found, cost = footprint_of(call), cost_of(call)
    assert found.copied + found.read + found.written + found.updated == cost.access_bytes
    assert found.working_set == (cost.access_bytes or 0) - found.updated // 2


def test_of_a_profile() -> None:
    """The small profile: 768 multiply-adds and 1840 bytes in about 2 ms, 2048 bytes in 0.5 ms."""
    ops = analyze(TIMED).ops
    conv, relu = roofs_of(ops, CEILINGS)
    assert conv.compute_s == pytest.approx(768 / (20 * G)), "a 1x1 convolution"
    assert conv.memory_s == pytest.approx(2 * 816 / (100 * G) + 208 / (150 * G))
    assert relu.memory_s == pytest.approx(2048 / (100 * G))
    assert conv.bound == relu.bound == "overhead"
    assert ops[0].time_s is not None
    assert conv.share == pytest.approx(CALL_S / ops[0].time_s)
