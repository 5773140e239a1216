"""Trials on the real CPU: that they do what they are counted for. Nothing here looks at how long they take."""

from __future__ import annotations

import pytest
import torch

from effprof.ceiling_records import CeilingSpec
from effprof.ceilings import cpu_rig
from effprof.ceilings.cpu_rig import CpuRig
from effprof.ceilings.session import device_of
from effprof.ceilings.tasks import Task, carry_out
from effprof.ceilings.trials import (
    CALLS,
    DISPATCHES,
    LINE_ITEMS,
    STREAMS,
    Trial,
    compute_cells,
    dispatch_cells,
    traffic_cells,
)
from effprof.ceilings.worker import Bench

SMALL: dict[str, tuple[int, ...]] = {
    "matmul": (8, 16, 4), "dense": (1, 4, 6, 8, 3), "pointwise": (2, 4, 6, 8, 1), "depthwise": (1, 4, 6, 4, 5),
}  # fmt: skip


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("other", [False, True])
def test_products_and_convolutions(kind: str, precision: str, other: bool) -> None:
    forms = {"matmul": ("plain", "transposed")}.get(kind, ("contiguous", "channels_last"))
    trial = Trial(kind, forms[other], SMALL[kind], 1)  # type: ignore[arg-type]
    rig = CpuRig(precision, 0)
    call = rig._product(trial) if kind == "matmul" else rig._convolution(trial)
    with torch.inference_mode():
        out = call()
    assert isinstance(out, torch.Tensor)
    batch, *_ = trial.shape
    expected = (8, 4) if kind == "matmul" else (batch, trial.shape[3], 6, 6)
    assert tuple(out.shape) == expected
    assert out.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    if kind != "matmul" and other:
        assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("exponent", [14, 18, 23])
def test_every_way_of_moving_memory_runs(kind: str, threads: int, exponent: int) -> None:
    for cell in traffic_cells((2**exponent * threads,), threads):
        for trial in cell:
            if trial.kind == kind:
                with CpuRig("fp32", 0).ready(trial) as run:
                    assert run() > 0


def test_windows_are_one_part_of_memory_a_thread() -> None:
    stream = cpu_rig._stream(2, 4, 64)
    part = 64 + 2 * 3 * LINE_ITEMS
    assert tuple(stream.shape) == (2, 4, 4, 64)
    assert stream.untyped_storage().nbytes() == 2 * part * 4
    places = {stream[thread, i, j].storage_offset() for thread in range(2) for i in range(4) for j in range(4)}
    assert max(place % part for place in places) == 6 * LINE_ITEMS
    assert {place // part for place in places} == {0, 1}


def test_a_pass_over_windows_touches_all_of_the_memory() -> None:
    source, target = cpu_rig._stream(2, 4, 64), cpu_rig._stream(2, 4, 64)
    flat = torch.empty(0).set_(source.untyped_storage())
    flat.copy_(torch.arange(len(flat)))
    torch.empty(0).set_(target.untyped_storage()).zero_()
    target.copy_(source)
    assert torch.equal(torch.empty(0).set_(target.untyped_storage()), flat)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_c_library_moves_every_part(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[int, int, int]] = []
    monkeypatch.setattr(cpu_rig.ctypes, "memmove", lambda to, start, size: moved.append((to, start, size)))
    trial = Trial("copy", "libc", (2**14 * threads, threads, 1, 2**11), 1)
    with cpu_rig._traffic(trial) as call:
        call()
    targets = sorted(to for to, _, _ in moved)
    assert {size for _, _, size in moved} == {4 * 2**11}
    assert [to - targets[0] for to in targets] == [4 * 2**11 * part for part in range(threads)]


def test_calls_leave_tensors_of_one_element() -> None:
    for form in (form for forms in DISPATCHES.values() for form in forms):
        call = cpu_rig._small_call(form)
        with torch.inference_mode():
            for _ in range(3):
                out = call()
        assert isinstance(out, torch.Tensor)
        assert out.numel() in (1, 4)
    with CpuRig("fp32", 0).ready(Trial("op", "add", (), CALLS)) as run:
        assert run() > 0


def test_a_process_times_what_it_was_told_to() -> None:
    cells = (*compute_cells(), *dispatch_cells())
    smallest = tuple(min(cell, key=lambda trial: trial.work) for cell in cells)
    before = torch.get_num_threads()
    task = Task(CeilingSpec(quick=True, threads=1), "default", chosen=smallest[-3:], networks=("lenet5",))
    seen = carry_out(task, Bench(task), lambda text, share: None)
    assert torch.get_num_threads() == before
    assert len(seen.fast_s) == 3
    assert all(value > 0 for value in (*seen.fast_s, *seen.networks_s))


def test_the_device_says_how_many_threads_it_is_calibrated_with() -> None:
    before = torch.get_num_threads()
    assert device_of(CeilingSpec("cpu", 1)).threads == 1
    assert device_of(CeilingSpec("cpu")).threads == before
    assert torch.get_num_threads() == before
