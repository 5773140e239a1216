"""Traces of other kinds than the published ones, written by hand: other devices, frameworks and programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_trace import SMALL, US, Event, activity, event, launch, module, op, step, trace

from effprof.analyze import analyze
from effprof.cli import main
from effprof.errors import BadFileError
from effprof.importers import import_trace
from effprof.records import Analysis, Category, Profile


def imported(folder: Path, events: list[Event], **around: Any) -> Profile:
    path = folder / "other.json"
    path.write_bytes(trace(events, **around))
    return import_trace(path)


def categories(analysis: Analysis) -> dict[str, float]:
    """Category -> microseconds, without empty ones and the gaps."""
    worked = [s for s in analysis.categories if s.time_s and s.category is not Category.OVERHEAD]
    return {s.category.value: pytest.approx((s.time_s or 0) / US) for s in worked}


def refusal(folder: Path, events: list[Event], **around: Any) -> str:
    with pytest.raises(BadFileError) as caught:
        imported(folder, events, **around)
    assert main(["import", str(folder / "other.json"), "--quiet"]) == 2
    return str(caught.value).partition("other.json: ")[2]


# ------------------------------------------------------------------------------------------------- other devices


def test_an_intel_gpu(tmp_path: Path) -> None:
    """Launches are of the category xpu_runtime; the queue is the thread, and there is no stream."""
    events = [
        op("aten::convolution", 0, 9),
        event("xpu_runtime", "urEnqueueKernelLaunch", 2, 4, correlation=1),
        op("aten::relu", 20, 29),
        event("xpu_driver", "zeCommandListAppendLaunchKernel", 22, 24, correlation=2),
        event("kernel", "gen_conv", 10, 20, 140, device=0, correlation=1),
        event("kernel", "at::native::xpu::VectorizedElementwiseKernel<8, Relu>", 30, 33, 141, device=0, correlation=2),
    ]
    profile = imported(tmp_path, events, deviceProperties=[{"id": 0, "name": "Intel(R) Data Center GPU Max 1550"}])
    analysis = analyze(profile)
    assert categories(analysis) == {"conv": 10, "elemwise": 3}
    assert profile.spec.device == "xpu"
    assert analysis.device_time is not None
    assert analysis.device_time.gaps_s.host_wait / US == pytest.approx(10)
    assert analysis.device_time.devices[0].streams == 2
    assert imported(tmp_path, events).spec.device == "xpu"  # by its launches
    # By names alone, where ops were not recorded.
    assert categories(analyze(imported(tmp_path, events[-2:]))) == {"conv": 10, "elemwise": 3}


def test_a_device_of_another_maker(tmp_path: Path) -> None:
    events = [
        op("aten::mm", 0, 9), event("privateuse1_runtime", "Launch", 2, 4, correlation=1),
        activity("vendor_kernel_17", 10, 20, 1),
    ]  # fmt: skip
    assert categories(analyze(imported(tmp_path, events))) == {"matmul": 10}


# ------------------------------------------------------------------------------------------ torch, used otherwise


def test_a_profile_of_a_cpu_says_what_measures_one(tmp_path: Path) -> None:
    says = refusal(tmp_path, [step(1, 0, 50), op("aten::conv2d", 0, 20), op("aten::relu", 20, 30)])
    assert says.startswith("it holds no kernels, copies or fills of a GPU, only 2 ops and 0 calls of the GPU's runtime")
    assert "effprof run" in says


def test_memory_events_and_arrows_alone_are_no_trace(tmp_path: Path) -> None:
    memory = {"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": 1, "tid": 1, "ts": 3,
              "args": {"Total Allocated": 512, "Device Id": 0, "Addr": 139, "Bytes": 512}}  # fmt: skip
    arrows = [{"ph": ph, "id": 1, "pid": 1, "tid": 1, "ts": 3, "cat": "ac2g", "name": "ac2g"} for ph in "sf"]
    for events in ([memory] * 9, arrows * 9, [*[memory] * 3, *arrows]):
        assert "only 0 ops and 0 calls" in refusal(tmp_path, events)


def test_steps_and_modules_of_pytorch_lightning(tmp_path: Path) -> None:
    def events(category: str) -> list[Event]:
        prefix, names = "[pl][module]torch.nn.modules", ("linear.Linear: model.head", "activation.ReLU: model.act.0")
        made = [event(category, "[pl][profile]run_training_epoch", 0, 200)]
        for number, name in enumerate(names):
            at = 50 * number
            made += [step(number + 1, at, at + 49), event(category, f"{prefix}.{name}", at + 1, at + 40)]
            made += [op(("aten::linear", "aten::relu")[number], at + 2, at + 30), launch(number + 1, at + 3, at + 5)]
            made.append(activity("k", at + 10, at + 20, number + 1))
        return made

    for category in ("user_annotation", "Operator"):
        calls = imported(tmp_path, events(category)).calls
        assert [(call.op, call.layer) for call in calls] == [("linear", "model.head"), ("relu", "model.act.0")]


def test_collectives_that_overlap_the_backward_pass(tmp_path: Path) -> None:
    """As DistributedDataParallel does: buckets are reduced on a stream of their own while the backward pass goes on."""
    node = "autograd::engine::evaluate_function: torch::autograd::AccumulateGrad"
    events = [
        op("aten::convolution_backward", 0, 9, 2), launch(1, 1, 2, 2), activity("sm80_xmma_dgrad", 10, 40, 1),
        op(node, 10, 19, 2), op("nccl:all_reduce", 11, 18, 2), op("record_param_comms", 12, 17, 2),
        launch(2, 13, 14, 2),
        activity("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)", 20, 60, 2, stream=20),
        op("aten::_foreach_add_", 50, 55), launch(3, 51, 52),
        activity("multi_tensor_apply_kernel", 60.5, 65, 3),
    ]  # fmt: skip
    profile = imported(tmp_path, events, distributedInfo={"backend": "nccl", "rank": 3, "world_size": 8})
    analysis = analyze(profile)
    assert categories(analysis) == {"conv": 30, "comm": 40, "elemwise": 4.5}
    time = analysis.device_time
    assert time is not None
    assert [x / US for x in (time.busy_s, time.span_s, time.overlap_s)] == pytest.approx([54.5, 55, 20])
    assert time.devices[0].rank == 3
    assert "overlap" in {note.code for note in analysis.notes}


def test_regions_of_torch_compile(tmp_path: Path) -> None:
    """A compiled region is an op that no table knows; what it launches are Triton kernels and calls of libraries."""
    events = [
        op("Torch-Compiled Region: 0/0", 0, 90), event("user_annotation", "## Call CompiledFxGraph fabc ##", 1, 89),
        op("aten::convolution", 2, 20), launch(1, 5, 6), activity("sm80_xmma_fprop_implicit_gemm", 20, 50, 1),
        op("triton_poi_fused_convolution_relu_0", 21, 30),
        event("cuda_driver", "cuLaunchKernel", 22, 24, correlation=2),
        activity("triton_poi_fused_convolution_relu_0", 50, 55, 2),
        event("cuda_driver", "cuLaunchKernelEx", 32, 34, correlation=3),
        activity("triton_tem_fused_addmm_1", 55, 75, 3),
        event("cuda_driver", "cuLaunchKernel", 36, 38, correlation=4),
        activity("triton_per_fused__to_copy_native_layer_norm_2", 75, 77, 4),
    ]  # fmt: skip
    analysis = analyze(imported(tmp_path, events))
    # The second kernel adds the bias of the convolution: the convolution itself is the library's.
    assert categories(analysis) == {"conv": 30, "elemwise": 5 + 2, "matmul": 20}
    assert analysis.device_time is not None
    assert analysis.device_time.unknown_kernels == ()


def test_a_compiled_network_in_a_cuda_graph(tmp_path: Path) -> None:
    """One launch, outside any op; the kernels have names alone."""
    names = ["triton_poi_fused__to_copy_0", "sm90_xmma_fprop_implicit_gemm", "triton_poi_fused_add_convolution_relu_1"]
    kernels = [activity(name, 10 + 5 * n, 14 + 5 * n, 1) for n, name in enumerate(names * 2)]
    analysis = analyze(imported(tmp_path, [launch(1, 1, 5, name="cudaGraphLaunch"), *kernels]))
    assert categories(analysis) == {"data_io": 8, "conv": 8, "elemwise": 8}
    assert analysis.device_time is not None
    assert analysis.device_time.gaps_s.between_kernels / US == pytest.approx(5)
    assert [op_.call.count for op_ in analysis.ops] == [2, 2, 2]


def test_ranges_on_the_gpu_are_no_kernels(tmp_path: Path) -> None:
    extra = [
        event("gpu_user_annotation", "ProfilerStep#1", 0, 300, 7, stream=7, device=0, correlation=1),
        event("cuda_sync", "Stream Sync", 10, 90, 7, stream=7, device=0),
        event("overhead", "CUPTI Overhead", 0, 50), event("cuda_event", "cudaEventRecord", 5, 5, 7),
    ]  # fmt: skip
    assert imported(tmp_path, SMALL + extra).device_trace == imported(tmp_path, SMALL).device_trace


# ---------------------------------------------------------------------------------------------- odd, but as it may be


def test_times_before_zero(tmp_path: Path) -> None:
    """Newer traces count from a base time; what began before it has times below zero."""
    early = [{**one, "ts": one["ts"] - 1e6} for one in SMALL]
    before, after = analyze(imported(tmp_path, early)), analyze(imported(tmp_path, SMALL))
    assert before.device_time is not None
    assert after.device_time is not None
    assert before.device_time.span_s == pytest.approx(after.device_time.span_s)
    assert [op_.call.layer for op_ in before.ops] == [op_.call.layer for op_ in after.ops]
    assert before.device_time.gaps_s.host_wait == pytest.approx(after.device_time.gaps_s.host_wait)


def test_the_unit_that_a_viewer_shows_is_not_that_of_the_times(tmp_path: Path) -> None:
    expected = imported(tmp_path, SMALL)
    for unit in ("ns", "ms"):
        assert imported(tmp_path, SMALL, displayTimeUnit=unit) == expected


def test_processes_and_threads_named_by_texts(tmp_path: Path) -> None:
    events = [{**one, "pid": f"python {one['pid']}", "tid": f"thread {one['tid']} (main)"} for one in SMALL]
    assert imported(tmp_path, events).device_trace == imported(tmp_path, SMALL).device_trace


def test_a_device_that_only_its_process_names(tmp_path: Path) -> None:
    """Old traces give the device as the process, and the stream as the thread's text."""
    kernels = [
        {"ph": "X", "cat": "Kernel", "name": "volta_sgemm", "pid": pid, "tid": "stream 7", "ts": at, "dur": 5}
        for pid, at in ((0, 0), (1, 2), (0, 9))
    ]
    time = analyze(imported(tmp_path, kernels)).device_time
    assert time is not None
    assert [(one.number, one.span_s / US) for one in time.devices] == [(0, pytest.approx(14)), (1, pytest.approx(5))]


def test_modules_and_ranges_around_an_op_that_another_thread_launches(tmp_path: Path) -> None:
    """A backward pass outside any range, whose forward pass was not recorded, has no layer."""
    events = [
        module("Net_0", 0, 50),
        op("aten::convolution_backward", 10, 19, 2, Sequence_number=9, Fwd_thread_id=1), launch(1, 11, 12, 2),
        activity("dgrad", 20, 30, 1),
    ]  # fmt: skip
    (call,) = imported(tmp_path, events).calls
    assert (call.layer, call.direction) == ("", "backward")


# ------------------------------------------------------------------------------------------------- other programs


def test_a_trace_of_jax_or_tensorflow_is_told(tmp_path: Path) -> None:
    """Their events have no category, the device is a named process."""
    events = [
        {"ph": "M", "pid": 3, "name": "process_name", "args": {"name": "/device:GPU:0"}},
        {"ph": "X", "pid": 3, "tid": 16, "ts": 5.0, "dur": 9.0, "name": "fusion_12", "args": {"hlo_op": "fusion.12"}},
        {"ph": "X", "pid": 7, "tid": 1, "ts": 1.0, "dur": 3.0, "name": "PjitFunction(step)"},
    ]
    says = refusal(tmp_path, events, displayTimeUnit="ns", metadata={"highres-ticks": True})
    assert says == (
        "it holds no kernels, copies or fills of a GPU and no ops: its 2 events are of other categories (none). "
        "Give a trace that torch.profiler wrote."
    )


def test_a_trace_of_a_web_page_is_told(tmp_path: Path) -> None:
    events = [
        {"ph": "X", "cat": "devtools.timeline", "name": "RunTask", "pid": 1, "tid": 1, "ts": 1, "dur": 9, "tts": 3,
         "args": {"data": {"url": "https://example.org"}, "device": "mobile", "stream": [1]}},
        {"ph": "X", "cat": "toplevel,\u001b[31mipc\n", "name": "Send", "pid": 1, "tid": 1, "ts": 1, "dur": 9},
        {"ph": "B", "cat": "blink", "name": "Layout", "pid": 1, "tid": 1, "ts": 20},
        {"ph": "I", "cat": "v8", "s": "t", "name": "GC", "pid": 1, "tid": 1, "ts": 21},
    ]  # fmt: skip
    path = tmp_path / "page.json"
    path.write_text(json.dumps(events))  # a bare list, as the browser's own recorder writes it
    with pytest.raises(BadFileError, match="its 2 events are of other categories"):
        import_trace(path)
    assert "(devtools.timeline, " in refusal(tmp_path, events)


def test_other_peoples_events_beside_a_good_trace_change_nothing(tmp_path: Path) -> None:
    extra = [
        {"ph": "X", "cat": "mine", "name": "x", "ts": -5, "dur": 1e12, "pid": {"a": 1}, "tid": []},
        {"ph": "C", "cat": "counter", "name": "power", "ts": 3, "args": {"value": 250.5}},
        {"ph": "X", "name": "no category", "ts": "soon"},
        {"ph": "M", "name": "thread_sort_index", "args": {"sort_index": 10**30}},
    ]
    assert imported(tmp_path, extra + SMALL).device_trace == imported(tmp_path, SMALL).device_trace
