"""A trace worked out in the head (see small_trace) comes out as written there, in every spelling and order."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest
from small_trace import (
    CONV_KERNEL,
    PROPERTIES,
    SMALL,
    UNKNOWN_KERNEL,
    US,
    Event,
    activity,
    event,
    launch,
    module,
    old_spelling,
    op,
    step,
    trace,
)

from effprof.analyze import analyze
from effprof.importers import import_trace
from effprof.records import Analysis, Profile
from effprof.store import dumps_profile, loads_profile


def imported(folder: Path, events: list[Event], **around: object) -> Profile:
    path = folder / "small.pt.trace.json"
    path.write_bytes(trace(events, **around))
    return import_trace(path)


def analysed(folder: Path, events: list[Event]) -> Analysis:
    return analyze(imported(folder, events))


def times(analysis: Analysis) -> dict[str, float]:
    """Category -> microseconds, those without left out."""
    return {s.category.value: pytest.approx(s.time_s / US) for s in analysis.categories if s.time_s}


def test_sums_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    time = analysed(tmp_path, SMALL).device_time
    assert time is not None
    assert [x / US for x in (time.kernel_s, time.memcpy_s, time.memset_s)] == pytest.approx([49, 5, 1])
    assert [x / US for x in (time.busy_s, time.span_s, time.overlap_s)] == pytest.approx([51, 106, 4])
    gaps = time.gaps_s
    assert [x / US for x in (gaps.host_wait, gaps.between_kernels, gaps.other)] == pytest.approx([23, 2, 30])
    assert [x / US for x in (time.forward_s, time.backward_s)] == pytest.approx([49, 6])
    assert (time.layout_count, time.layout_s / US) == (1, pytest.approx(4))
    assert (time.kernel_count, time.steps) == (7, 3)
    assert [(one.name, one.count, one.time_s / US) for one in time.unknown_kernels] == [
        (UNKNOWN_KERNEL, 1, pytest.approx(2))
    ]
    assert [(one.streams, one.rank, one.number) for one in time.devices] == [(2, 0, 0)]


def test_categories_are_device_times_and_add_up_to_one(tmp_path: Path) -> None:
    analysis = analysed(tmp_path, SMALL)
    assert times(analysis) == {"conv": 24, "elemwise": 15, "data_io": 14, "other": 2, "overhead": 55}
    accounting = analysis.accounting
    assert accounting is not None
    assert [x / US for x in (accounting.ops_s, accounting.overhead_s)] == pytest.approx([55, 55])
    assert accounting.residual_s / US == pytest.approx(-4)
    assert accounting.residual_ci95_s is None
    fractions = sum(share.fraction or 0.0 for share in analysis.categories)
    assert fractions + accounting.residual_fraction == pytest.approx(1)


def test_ops_have_names_layers_directions_and_work(tmp_path: Path) -> None:
    analysis = analysed(tmp_path, SMALL)
    rows = [(o.call.op, o.kind, o.call.layer, o.call.direction, o.cost.mult_adds) for o in analysis.ops]
    assert rows == [
        ("conv2d", "dense", "Conv2d_0", "forward", 6912),
        ("Memset (Device)", "copy", "Conv2d_0", "forward", 0),
        ("add", "arithmetic", "Conv2d_0", "forward", 0),
        ("relu", "activation", "ReLU_0", "forward", 0),
        ("cat", "concat", "ReLU_0", "forward", 0),
        ("Memcpy DtoH (Device -> Pageable)", "copy", "", "forward", 0),
        ("frobnicate", "unknown", "", "forward", None),
        ("threshold_backward", "activation", "ReLU_0", "backward", 0),
    ]
    assert [layer.layer for layer in analysis.layers] == ["", "Conv2d_0", "ReLU_0"]
    assert [layer.module_type for layer in analysis.layers] == ["Net", "Conv2d", "ReLU"]
    # Conv2d: conv 24, fill 1, bias 3; ReLU: 6 + 8 (cat) + 6 backward; the rest is in no layer
    assert [(layer.self_time_s or 0) / US for layer in analysis.layers] == pytest.approx([7, 28, 20])


def test_traffic_and_rates_are_of_what_is_known(tmp_path: Path) -> None:
    analysis = analysed(tmp_path, SMALL)
    conv, fill, add, *_, copy, unknown, _ = analysis.ops
    # 3*8*8 + 4*3*3*3 + 4 read, 4*8*8 written, of 4 bytes
    assert (conv.cost.read_bytes, conv.cost.write_bytes) == (4 * 304, 4 * 256)
    assert (fill.cost.read_bytes, fill.cost.write_bytes) == (0, 64)
    assert (copy.cost.read_bytes, copy.cost.write_bytes) == (1000, 1000)
    assert (add.cost.access_bytes, unknown.cost.access_bytes) == (None, None)
    achieved = analysis.device_time.achieved  # type: ignore[union-attr]
    assert achieved.mult_adds_per_s == pytest.approx(6912 / (24 * US))
    assert achieved.bytes_per_s == pytest.approx(4 * 560 / (24 * US))


def test_latency_is_the_median_of_three_steps(tmp_path: Path) -> None:
    latency = analysed(tmp_path, SMALL).latency
    assert latency is not None
    assert (latency.median_s / US, latency.runs, latency.stopped_because) == (pytest.approx(100), 3, "recorded")
    assert latency.throughput_per_s is None
    two_steps = [one for one in SMALL if one["name"] != "ProfilerStep#3"]
    assert analysed(tmp_path, two_steps).latency is None


def test_the_order_of_events_plays_no_part(tmp_path: Path) -> None:
    expected = imported(tmp_path, SMALL)
    for seed in range(20):
        shuffled = random.Random(seed).sample(SMALL, len(SMALL))
        assert imported(tmp_path, shuffled) == expected


def test_the_old_spelling_says_the_same(tmp_path: Path) -> None:
    new, old = (analysed(tmp_path, events) for events in (SMALL, old_spelling(SMALL)))
    assert old.device_time == new.device_time
    assert times(old) == times(new)
    assert old.latency == new.latency


def test_a_saved_import_comes_back_whole(tmp_path: Path) -> None:
    profile = imported(tmp_path, SMALL, deviceProperties=PROPERTIES)
    again = loads_profile(dumps_profile(profile))
    assert again == profile
    assert analyze(again) == analyze(profile)


def test_gzip_bare_lists_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    expected = imported(tmp_path, SMALL)
    whole, bare = trace(SMALL), trace(SMALL).partition(b'"traceEvents": ')[2].rstrip()[:-1]
    for name, data in {
        "small.pt.trace.json.gz": gzip.compress(whole),
        "small.json": b"\xef\xbb\xbf" + whole,
        "small.trace.json": bare,
        "small.pt.json": whole.replace(b"\n", b""),
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert import_trace(path) == expected, name


def test_the_device_is_named_and_dated(tmp_path: Path) -> None:
    profile = imported(tmp_path, SMALL, deviceProperties=PROPERTIES, baseTimeNanoseconds=1_700_000_000 * 10**9)
    assert profile.device is not None
    assert (profile.device.kind, profile.device.name, profile.device.arch) == ("cuda", "NVIDIA A100", "compute 8.0")
    assert profile.environment.started_utc == "2023-11-14T22:13:20Z"
    hip = [{**one, "name": one["name"].replace("cuda", "hip")} for one in SMALL]
    assert imported(tmp_path, hip).spec.device == "rocm"
    assert imported(tmp_path, SMALL).environment.started_utc == "unrecorded"


@pytest.mark.parametrize("number", [-1, 2**63, 10**400])
def test_a_base_time_or_a_rank_beyond_number_is_none(tmp_path: Path, number: int) -> None:
    profile = imported(tmp_path, SMALL, baseTimeNanoseconds=number, distributedInfo={"rank": number})
    assert profile.environment.started_utc == "unrecorded"
    assert profile == imported(tmp_path, SMALL)


def test_a_copy_beyond_number_has_no_size(tmp_path: Path) -> None:
    profile = imported(tmp_path, [activity("Memcpy", 0, 1, category="gpu_memcpy", bytes=2**62)])
    assert profile.device_trace is not None
    assert [one.moved_bytes for one in profile.device_trace.activities] == [None]
    dumps_profile(profile)


# ------------------------------------------------------------------------------------------------- single branches


def test_external_ids_that_match_nothing_do_not_matter(tmp_path: Path) -> None:
    kernels = [{**one, "args": {**one["args"], "External id": 999}} for one in SMALL]
    assert analysed(tmp_path, kernels).device_time == analysed(tmp_path, SMALL).device_time


def test_one_launch_of_a_graph_owns_all_its_kernels(tmp_path: Path) -> None:
    events = [
        op("aten::mul", 0, 9), launch(1, 1, 2, name="cudaGraphLaunch"),
        activity("volta_sgemm_64x64_nt", 10, 20, 1), activity("vectorized_elementwise_kernel", 21, 25, 1),
    ]  # fmt: skip
    analysis = analysed(tmp_path, events)
    # the graph's kernels are launched by the op, and are its work
    assert times(analysis) == {"elemwise": 14, "overhead": 1}
    without_op = [one for one in events if one["cat"] != "cpu_op"]
    assert times(analysed(tmp_path, without_op)) == {"matmul": 10, "elemwise": 4, "overhead": 1}


def test_a_reused_correlation_means_the_last_launch_before(tmp_path: Path) -> None:
    events = [
        op("aten::mm", 0, 5), launch(1, 1, 2), activity("k", 6, 8, 1),
        op("aten::relu", 20, 25), launch(1, 21, 22), activity("k", 30, 33, 1),
    ]  # fmt: skip
    assert times(analysed(tmp_path, events)) == {"matmul": 2, "elemwise": 3, "overhead": 22}


def test_a_launch_belongs_to_the_op_that_lasts_as_long(tmp_path: Path) -> None:
    # Whole microseconds: `mul` begins in the microsecond in which relu's launch begins.
    events = [op("aten::relu", 0, 20), op("aten::mm", 10, 11), launch(1, 10, 18), activity("k", 20, 21, 1)]
    assert times(analysed(tmp_path, events)) == {"elemwise": 1}


def test_an_unknown_op_is_placed_by_its_kernels_names(tmp_path: Path) -> None:
    events = [
        op("mylib::fused", 0, 9), launch(1, 1, 2), launch(2, 3, 4),
        activity(CONV_KERNEL, 10, 20, 1), activity(CONV_KERNEL, 20, 30, 2), activity(UNKNOWN_KERNEL, 30, 31),
    ]  # fmt: skip
    profile = imported(tmp_path, events)
    analysis = analyze(profile)
    assert times(analysis) == {"conv": 20, "other": 1}
    assert [(call.aten, call.count) for call in profile.calls] == [("mylib::fused", 2), ("", 1)]
    assert {note.code for note in analysis.notes} >= {"unlinked-kernels", "unknown-kernels"}
    assert analysis.categories[0].op_count == 2


def test_collectives_and_peer_copies_are_comm(tmp_path: Path) -> None:
    events = [
        op("c10d::allreduce_", 0, 9), op("record_param_comms", 1, 8), launch(1, 2, 3),
        activity("ncclKernel_AllReduce_RING_LL_Sum_float", 10, 20, 1, stream=20),
        activity("Memcpy PtoP (Device -> Device)", 20, 24, category="gpu_memcpy"),
    ]  # fmt: skip
    assert times(analysed(tmp_path, events)) == {"comm": 14}


def test_a_mean_within_pooling_is_pooling(tmp_path: Path) -> None:
    events = [
        op("aten::adaptive_avg_pool2d", 0, 9), op("aten::mean", 1, 8), launch(1, 2, 3), activity("k", 10, 12, 1),
        op("aten::mean", 20, 28), launch(2, 22, 23), activity("k", 30, 33, 2),
    ]  # fmt: skip
    assert times(analysed(tmp_path, events)) == {"pool": 2, "elemwise": 3, "overhead": 18}


def test_what_attention_launches_is_attention(tmp_path: Path) -> None:
    events = [
        op("aten::scaled_dot_product_attention", 0, 30),
        op("aten::bmm", 1, 8), launch(1, 2, 3), activity("k", 10, 12, 1),
        op("aten::softmax", 10, 18), launch(2, 12, 13), activity("k", 12, 15, 2),
    ]  # fmt: skip
    assert times(analysed(tmp_path, events)) == {"matmul": 5}


def test_depthwise_kernels_can_be_elementwise(tmp_path: Path) -> None:
    events = [
        op("aten::conv2d", 0, 9), launch(1, 2, 3),
        activity("void at::native::conv_depthwise2d_forward_kernel<1>(float)", 10, 14, 1),
    ]  # fmt: skip
    profile = imported(tmp_path, events)
    assert [op_.kind for op_ in analyze(profile).ops] == ["depthwise"]
    assert times(analyze(profile, depthwise_as="elemwise")) == {"elemwise": 4}


def test_layers_come_from_hooks_modules_or_ranges_in_this_order(tmp_path: Path) -> None:
    def layers(*ranges: Event) -> list[str]:
        events = [*ranges, op("aten::relu", 10, 20), launch(1, 12, 13), activity("k", 20, 21, 1)]
        return [call.layer for call in imported(tmp_path, events).calls]

    mine, outer = event("user_annotation", "encode", 5, 25), event("user_annotation", "## forward ##", 4, 26)
    assert layers() == [""]
    assert layers(outer, mine, step(1, 0, 30)) == ["## forward ##.encode"]
    assert layers(outer, module("Net_0", 6, 24)) == [""]
    assert layers(outer, module("Net_0", 6, 24), module("Act.v2_0", 7, 23)) == ["Act·v2_0"]
    hook = event("user_annotation", "effprof.layer:features.3.conv", 8, 22)
    assert layers(module("Net_0", 6, 24), hook) == ["features.3.conv"]


def test_two_outermost_modules_are_both_named(tmp_path: Path) -> None:
    events = [
        module("Encoder_0", 0, 9), op("aten::relu", 1, 4), launch(1, 2, 3), activity("k", 4, 5, 1),
        module("Decoder_0", 10, 19), op("aten::relu", 11, 14), launch(2, 12, 13), activity("k", 14, 15, 2),
    ]  # fmt: skip
    assert [call.layer for call in imported(tmp_path, events).calls] == ["Encoder_0", "Decoder_0"]


def test_without_ops_names_decide_and_a_note_says_so(tmp_path: Path) -> None:
    analysis = analysed(tmp_path, [one for one in SMALL if one["cat"] not in ("cpu_op", "cuda_runtime")])
    # clamp and threshold are elementwise by their names
    assert times(analysis) == {"conv": 20, "elemwise": 15, "data_io": 18, "other": 2, "overhead": 55}
    assert "no-ops" in {note.code for note in analysis.notes}
    gaps = analysis.device_time.gaps_s  # type: ignore[union-attr]
    assert (gaps.host_wait, gaps.between_kernels, gaps.other / US) == (0, 0, pytest.approx(55))


def test_host_events_of_impossible_times_are_left_out_and_named(tmp_path: Path) -> None:
    broken = [op("aten::relu", 50, 40), {**op("aten::relu", 1, 2), "ts": None}]
    profile = imported(tmp_path, SMALL + broken)
    assert [note.text for note in profile.notes if note.code == "impossible-times"] == [
        "2 events of the host have no possible start or duration and were left out."
    ]
    assert analyze(profile).device_time == analysed(tmp_path, SMALL).device_time


def test_ranks_of_a_folder_stand_side_by_side(tmp_path: Path) -> None:
    folder = tmp_path / "ranks"
    folder.mkdir()
    (folder / "b.json").write_bytes(trace(SMALL, distributedInfo={"rank": 0}))
    later = [{**one, "ts": one["ts"] + 1e9} for one in SMALL]
    (folder / "a.json.gz").write_bytes(gzip.compress(trace(later, distributedInfo={"rank": 1})))
    (folder / "notes.txt").write_text("not a trace")
    analysis = analyze(import_trace(folder))
    time = analysis.device_time
    assert time is not None
    # clocks of two processes are not compared: twice the busy time and twice the span
    assert [x / US for x in (time.kernel_s, time.busy_s, time.span_s)] == pytest.approx([98, 102, 212])
    assert [(one.rank, one.number, one.span_s / US) for one in time.devices] == [
        (1, 0, pytest.approx(106)), (0, 0, pytest.approx(106)),
    ]  # fmt: skip
    # Three steps that both ranks took, not six: each is one step of the job.
    assert analysis.latency is not None
    assert (analysis.latency.runs, analysis.latency.median_s / US) == (3, pytest.approx(100))
    assert time.steps == 3
    assert sum(share.fraction or 0 for share in analysis.categories) == pytest.approx(1 + 4 / 106)


def test_a_step_of_several_ranks_is_the_median_over_them(tmp_path: Path) -> None:
    def latency(*ranks: list[Event]) -> tuple[int, float, tuple[float, float]] | None:
        for rank, steps in enumerate(ranks):
            data = trace([*steps, activity("k", 0, 1)], distributedInfo={"rank": rank})
            (tmp_path / f"{rank}.json").write_bytes(data)
        found = analyze(import_trace(tmp_path)).latency
        return None if found is None else (found.runs, found.median_s / US, found.ci95_s)

    first = [step(number, 100 * number, 100 * number + 50) for number in range(3)]
    slow = [step(number, 100 * number, 100 * number + 90) for number in range(3)]
    assert latency(first) == (3, pytest.approx(50), pytest.approx((50 * US, 50 * US)))
    # 50 and 90: no sample is 50 or 90 alone, so that the interval is narrow.
    assert latency(first, slow) == (3, pytest.approx(70), pytest.approx((70 * US, 70 * US)))
    assert latency(first, slow, slow) == (3, pytest.approx(90), pytest.approx((90 * US, 90 * US)))
    # Ranks that recorded other steps, a rank that counted twice from 0, and steps without a number.
    others = [step(number + 10, 0, 70) for number in range(3)]
    assert latency(first, others, others) == (6, pytest.approx(60), pytest.approx((50 * US, 70 * US)))
    twice = [*first, *(step(number, 900 + 100 * number, 990 + 100 * number) for number in range(3))]
    assert latency(twice, first, first)[:2] == (6, pytest.approx(70))  # type: ignore[index]
    named = [event("user_annotation", f"ProfilerStep#{name}", 0, 40) for name in ("a", "*", "")]
    assert latency(named, named, named) == (9, pytest.approx(40), pytest.approx((40 * US, 40 * US)))


def test_two_devices_of_one_trace_are_two_timelines(tmp_path: Path) -> None:
    events = [activity("gemm", 0, 10), {**activity("gemm", 100, 130), "args": {"device": 1, "stream": 7}}]
    time = analysed(tmp_path, events).device_time
    assert time is not None
    assert (time.busy_s / US, time.span_s / US) == (pytest.approx(40), pytest.approx(40))


def test_a_single_activity_has_a_span_and_no_gaps(tmp_path: Path) -> None:
    time = analysed(tmp_path, [activity("gemm", 5, 9)]).device_time
    assert time is not None
    assert (time.busy_s / US, time.span_s / US) == (pytest.approx(4), pytest.approx(4))
    nothing = analyze(imported(tmp_path, [activity("gemm", 5, 5)]))
    assert nothing.device_time is not None
    assert nothing.device_time.span_s == 0
    assert nothing.categories[1].fraction is None or nothing.categories[1].fraction == 0


def test_the_record_keeps_how_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "w0.pt.trace.json"
    path.write_bytes(trace(SMALL))
    profile = import_trace(path, "effprof import w0.pt.trace.json")
    assert (profile.model.name, profile.spec.command) == ("w0", "effprof import w0.pt.trace.json")
    assert replace(profile, spec=import_trace(path).spec) == import_trace(path)
