"""Runs on a GPU, worked out by hand; times are microseconds on the activities' clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_profile import CALLS, TIMED

from effprof.analyze import analyze
from effprof.analyze.device import device_time_of
from effprof.analyze.replay import host_slowdown, waits_without_profiler
from effprof.device_records import DeviceActivity, DeviceTrace, GpuRound, TraceDevice, TracedRun
from effprof.measure.unlinked import with_shared_calls
from effprof.records import Analysis, Calibration, CalibrationPoint, Category, OpCall, Profile, Round, Samples
from effprof.store import dumps_profile, loads_profile

US = 1e-6
NO_COST = Calibration(0.0, 0.0, "smaller-inputs")


def work(call: int, launched: float | None, start: float, duration: float, stream: int = 7) -> DeviceActivity:
    handed_over = None if launched is None else launched * US
    return DeviceActivity(call, "kernel", 0, stream, start * US, duration * US, handed_over, call)


def one_run(began: float, stall: float = 0.0) -> list[DeviceActivity]:
    """conv of 100 after a lead of 10, relu of 50 that was ready and follows 5 later, or `stall` later by the host."""
    conv = work(0, began + 5, began + 10, 100)
    relu_launch = began + (20 if not stall else 110 + stall)
    return [conv, work(1, relu_launch, began + 115 + stall, 50)]


def profile_of(
    runs: list[list[DeviceActivity]], *, calls: tuple[OpCall, ...] = CALLS, calibration: Calibration = NO_COST,
    plain: tuple[float, ...] = (200.0,) * 10, kinds: tuple[str, ...] = (),
) -> Profile:  # fmt: skip
    names = ("void conv_kernel()", "void relu_kernel()", "Memcpy HtoD (Pageable -> Device)")
    starts = [run[0].start_s - 10 * US for run in runs]
    trace = DeviceTrace(
        names, (TraceDevice(0, 0, "Fast 9000"),), tuple(one for run in runs for one in run),
        runs=tuple(TracedRun(start, run[-1].start_s + 60 * US) for start, run in zip(starts, runs, strict=True)),
    )  # fmt: skip
    times_s = tuple(time * US for time in plain)
    measured = Round(
        plain=Samples(times_s),
        instrumented=Samples((220 * US,) * len(runs)),
        ops=(),
        calibration=calibration,
        order="A" * len(plain) + "B" * len(runs),
        stopped_because="interval",
        timer="kineto",
        gpu=GpuRound(times_s, trace, 1000),
    )
    return replace(TIMED, calls=calls, rounds=(measured,))


def times_of(analysis: Analysis) -> dict[str, float]:
    return {row.category.value: (row.time_s or 0.0) / US for row in analysis.categories if row.time_s}


def test_parts_of_a_run() -> None:
    analysis = analyze(profile_of([one_run(1000.0 * number) for number in range(4)]))
    assert times_of(analysis) == pytest.approx({"conv": 100, "elemwise": 50, "overhead": 15})
    accounting = analysis.accounting
    assert accounting is not None
    assert accounting.ops_s == pytest.approx(150 * US)
    assert accounting.overhead_s == pytest.approx(15 * US)
    assert accounting.residual_s == pytest.approx(35 * US)
    assert accounting.residual_ci95_s == pytest.approx((35 * US, 35 * US))
    assert accounting.profiled_s == pytest.approx(220 * US)
    assert sum(row.fraction or 0 for row in analysis.categories) + accounting.residual_fraction == pytest.approx(1)
    time = analysis.device_time
    assert time is not None
    assert (time.busy_s, time.span_s) == (pytest.approx(150 * US), pytest.approx(155 * US))
    assert time.lead_s == pytest.approx(10 * US)
    assert time.gaps_s.between_kernels == pytest.approx(5 * US)
    assert time.steps == 2


def test_a_run_in_which_the_host_was_held_up_does_not_count() -> None:
    quiet = [one_run(1000.0 * number) for number in range(7)]
    stalled = [*quiet, one_run(7000.0, stall=500.0)]
    accounting = analyze(profile_of(stalled)).accounting
    assert accounting is not None
    assert accounting.overhead_s == pytest.approx(15 * US)
    assert accounting.residual_s == pytest.approx(35 * US)


def test_shorter_runs_and_longer_ones_are_averaged() -> None:
    runs = [one_run(1000.0 * number, stall=stall) for number, stall in enumerate((0.0, 40.0, 60.0, 400.0))]
    accounting = analyze(profile_of(runs)).accounting
    assert accounting is not None
    # Of waits of 15, 55, 75 and 415 the two in the middle.
    assert accounting.overhead_s == pytest.approx(65 * US)


def test_work_before_the_first_run_is_nobodys() -> None:
    runs = [one_run(1000.0 * number) for number in range(1, 5)]
    profile = profile_of(runs)
    gpu = profile.rounds[0].gpu
    assert gpu is not None
    assert gpu.trace is not None
    early = replace(gpu.trace, activities=(work(0, None, 0, 700), *gpu.trace.activities))
    measured = replace(profile.rounds[0], gpu=replace(gpu, trace=early))
    assert analyze(replace(profile, rounds=(measured,))) == analyze(profile)


def test_what_no_call_did_has_a_row_of_its_own() -> None:
    copy = OpCall(2, "Memcpy HtoD", "", "", None, (), (), (), tensors="unknown")
    runs = []
    for number in range(4):
        moved = replace(work(2, 1000.0 * number + 150, 1000.0 * number + 170, 20), kind="memcpy", moved_bytes=4000)
        runs.append([*one_run(1000.0 * number), moved])
    profile = profile_of(runs, calls=(*CALLS, copy))
    analysis = analyze(profile)
    assert times_of(analysis)["data_io"] == pytest.approx(20)
    assert analysis.ops[2].kind == "copy"
    assert analysis.ops[2].cost.read_bytes == 4000
    assert analyze(loads_profile(dumps_profile(profile))) == analysis


def test_a_view_that_works_is_a_copy() -> None:
    calls = (CALLS[0], replace(CALLS[1], is_view=True))
    analysis = analyze(profile_of([one_run(1000.0 * number) for number in range(4)], calls=calls))
    assert analysis.ops[1].category is Category.DATA_IO
    assert times_of(analysis) == pytest.approx({"conv": 100, "data_io": 50, "overhead": 15})


def test_a_view_that_does_nothing_has_no_time() -> None:
    view = replace(CALLS[1], index=2, is_view=True)
    analysis = analyze(profile_of([one_run(1000.0 * number) for number in range(4)], calls=(*CALLS, view)))
    assert analysis.ops[2].time_s is None


def test_processes_number_work_of_nobody_alike() -> None:
    def unlinked(index: int, name: str) -> OpCall:
        return OpCall(index, name, "", "", None, (), (), (), tensors="unknown")

    def process(names: list[str]) -> Profile:
        calls = tuple(unlinked(2 + place, name) for place, name in enumerate(names))
        activities = [[*one_run(0.0), *(replace(work(2, None, 200, 9), call=call.index) for call in calls)]]
        return profile_of(activities, calls=(*CALLS, *calls))

    first, second = with_shared_calls([process(["fill", "copy"]), process(["copy", "sort"])])
    assert [call.op for call in first.calls] == [call.op for call in second.calls] == [
        "conv2d", "relu", "fill", "copy", "sort",
    ]  # fmt: skip
    assert [call.index for call in second.calls] == list(range(5))
    gpu = second.rounds[0].gpu
    assert gpu is not None
    assert gpu.trace is not None
    assert [one.call for one in gpu.trace.activities] == [0, 1, 3, 4]


def test_processes_of_a_cpu_are_left_alone() -> None:
    assert with_shared_calls([TIMED, TIMED]) == [TIMED, TIMED]


# ----------------------------------------------------------------------------------------------------------- the host

# launched, start, duration: the first two are waited for, the third was ready.
HOST_BOUND = [work(0, 10, 17, 10), work(0, 40, 47, 10), work(0, 44, 58, 5)]


def test_waits_as_recorded() -> None:
    waits = waits_without_profiler(HOST_BOUND, 0.0, 1.0)
    assert (waits.host_wait, waits.between_kernels, waits.other) == pytest.approx((37 * US, 1 * US, 0))


def test_waits_with_a_host_twice_as_fast() -> None:
    """Handed over at 5, 20 and 22: the first starts at 12, the second at 27 (7 after its hand-over, and 5 after the end
    of the first), the third 1 after that ends."""
    waits = waits_without_profiler(HOST_BOUND, 0.0, 2.0)
    assert (waits.host_wait, waits.between_kernels, waits.other) == pytest.approx((12 * US, 6 * US, 0))


def test_streams_stay_beside_each_other() -> None:
    both = [work(0, 10, 20, 50), work(1, 12, 30, 60, stream=8)]
    waits = waits_without_profiler(both, 0.0, 1.0)
    assert waits.total_s == pytest.approx(20 * US)


def test_what_nobody_launched_keeps_its_distance() -> None:
    waits = waits_without_profiler([work(0, 10, 20, 50), work(1, None, 90, 5)], 0.0, 2.0)
    assert waits.other == pytest.approx(20 * US)


steps = st.lists(
    st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(0, 100)), min_size=1, max_size=20
)
"""(from launch to launch, from the first moment possible to the start, duration)"""


def sequence(drawn: list[tuple[float, float, float]]) -> list[DeviceActivity]:
    launched = free = 0.0
    activities = []
    for since, delay, duration in drawn:
        launched += since + 0.5
        start = max(free, launched) + delay
        activities.append(work(0, launched, start, duration))
        free = start + duration
    return activities


@given(steps)
def test_waits_as_recorded_are_the_gaps_and_the_lead(drawn: list[tuple[float, float, float]]) -> None:
    activities = sequence(drawn)
    trace = DeviceTrace(("k",), (TraceDevice(0, 0, None),), tuple(activities))
    gaps = device_time_of(trace, analyze(profile_of([one_run(0.0)])).ops).gaps_s
    waits = waits_without_profiler(activities, 0.0, 1.0)
    assert waits.host_wait == pytest.approx(gaps.host_wait + activities[0].start_s, abs=1e-12)
    assert waits.between_kernels == pytest.approx(gaps.between_kernels, abs=1e-12)
    assert waits.other == pytest.approx(gaps.other, abs=1e-12)


@given(steps, st.floats(1, 10), st.floats(1, 10))
def test_a_faster_host_never_makes_a_longer_run(
    drawn: list[tuple[float, float, float]], one: float, another: float
) -> None:
    slow, fast = (waits_without_profiler(sequence(drawn), 0.0, by).total_s for by in sorted((one, another)))
    assert fast <= slow + 1e-12


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((), 1.0),
        ((CalibrationPoint((), 0, (1.0, 2.0, 3.0), (3.0, 3.0, 9.0)),), 1.5),
        ((CalibrationPoint((), 0, (2.0,), (1.0,)),), 1.0),
        ((CalibrationPoint((), 0, (0.0,), (1.0,)),), 1.0),
    ],
)
def test_how_much_slower_the_host_is(points: tuple[CalibrationPoint, ...], expected: float) -> None:
    assert host_slowdown(Calibration(0.0, 0.0, "smaller-inputs", points)) == expected


def test_a_faster_host_shortens_the_overhead() -> None:
    point = CalibrationPoint((), 0, (1.0,), (2.0,))
    runs = [one_run(1000.0 * number, stall=100.0) for number in range(4)]
    slow, fast = (
        analyze(profile_of(runs, calibration=Calibration(0.0, 0.0, "smaller-inputs", points))).accounting
        for points in ((), (point,))
    )
    assert slow is not None
    assert fast is not None
    # As recorded 10 before conv, 105 before relu; handed over at 2.5 and 105: conv ends at 107.5, relu starts at 110.
    assert slow.overhead_s == pytest.approx(115 * US)
    assert fast.overhead_s == pytest.approx((7.5 + 2.5) * US)
    assert fast.ops_s == slow.ops_s
