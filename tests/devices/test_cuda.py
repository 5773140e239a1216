"""The thin layer above torch.cuda, on a GPU that is not there."""

from __future__ import annotations

import pytest
import torch
from fake_cuda import UUID, FakeCuda, install
from torch import nn
from torch.backends import cudnn

from effprof.capture import Inputs
from effprof.devices import cuda as layer
from effprof.devices.cpu import FreshInputs
from effprof.devices.cuda import CudaSubject, on_gpu, ordinal_of, require_cuda
from effprof.errors import ModelError, UnavailableError, UsageError


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return install(monkeypatch, FakeCuda())


def subject(model: nn.Module, amp: bool = False) -> CudaSubject:
    return CudaSubject(model, FreshInputs(Inputs((torch.ones(2, 4),)), ()), torch.device("cpu"), amp)


@pytest.mark.parametrize(
    ("device", "ordinal"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3), ("cpu", None), ("fake:cuda:1", None)]
)
def test_which_gpu(device: str, ordinal: int | None) -> None:
    assert ordinal_of(device) == ordinal


def test_a_run_is_timed_by_events_with_one_wait_at_either_end(gpu: FakeCuda) -> None:
    layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(20)))
    with torch.inference_mode():
        run = subject(layers).plain()
    assert run.time_s == pytest.approx(0.004)
    assert run.wall_s is not None
    assert run.wall_s > 0
    assert run.page_faults is None
    assert gpu.synchronised == 2


def test_mixed_precision_is_around_each_run_and_nowhere_else(gpu: FakeCuda) -> None:
    seen = []

    class Looks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")))
            return x

    for amp in (True, False):
        one = subject(Looks(), amp)
        one.plain()
        one.watched(1).run()
    assert [enabled for enabled, _ in seen] == [True, True, False, False]
    assert {dtype for enabled, dtype in seen if enabled} == {torch.float16}
    assert not torch.is_autocast_enabled("cpu")


def test_watched_runs_get_the_same_input_though_the_network_writes_it(gpu: FakeCuda) -> None:
    seen = []

    class Counts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(float(x.sum()))
            return x.add_(1)

    x = torch.ones(2, 4)
    one = CudaSubject(Counts(), FreshInputs(Inputs((x,)), (x.clone(),)), torch.device("cpu"))
    watched = one.watched(3)
    for _ in range(3):
        watched.run()
    assert seen == [8.0] * 3
    assert watched.lengths_s() == pytest.approx([0.004] * 3)


@pytest.mark.parametrize("benchmark", [True, False])
def test_all_that_is_set_is_set_back(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch, benchmark: bool) -> None:
    monkeypatch.setattr(cudnn, "benchmark", benchmark)
    before = gpu.random_state.clone()
    with pytest.raises(ZeroDivisionError), on_gpu(1, batch_size=1):  # noqa: PT012  the state inside is looked at
        assert (gpu.current, cudnn.benchmark) == (1, True)
        gpu.random_state = torch.ones(16, dtype=torch.uint8)
        raise ZeroDivisionError
    assert (gpu.current, cudnn.benchmark) == (0, benchmark)
    assert torch.equal(gpu.random_state, before)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_memory_that_runs_out_is_one_line(gpu: FakeCuda, error: RuntimeError) -> None:
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise error

    with pytest.raises(UsageError) as caught, on_gpu(0, batch_size=512):
        subject(Greedy()).plain()
    assert str(caught.value) == (
        "Batch 512 does not fit into the memory of Fast 9000 (24.00 GB, of which 20.00 GB were free): give a smaller "
        "--batch-size, or --precision fp16 or bf16."
    )


def test_other_errors_of_a_network_are_its_own(gpu: FakeCuda) -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(ModelError, match="shapes do not fit"), on_gpu(0, batch_size=1):
        subject(Broken()).plain()


def test_no_gpu_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeCuda(gpus=0))
    with pytest.raises(UnavailableError, match=r"'cuda:0' cannot be used: .*torch sees no GPU"):
        require_cuda(0)


def test_too_few_gpus_for_torch(gpu: FakeCuda) -> None:
    with pytest.raises(UnavailableError, match="there is no cuda:2: torch sees 2 GPUs"):
        require_cuda(2)


def test_a_gpu_that_somebody_else_holds(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable\nSearch for it.")

    monkeypatch.setattr(gpu, "synchronize", busy)
    with pytest.raises(UnavailableError) as caught:
        require_cuda(0)
    assert "busy or unavailable" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_gpu_says_of_itself(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    device, state = layer.cuda_device(1), layer.cuda_state(1)
    assert (device.kind, device.name, device.arch, device.threads) == ("cuda", "Fast 9001", "compute 9.0", None)
    assert state.version == torch.version.cuda
    assert state.memory_bytes == 24 * 10**9
    assert {state.conv_precision, state.matmul_precision} <= {"none", "ieee", "tf32"}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert layer.gpu_uuid(0) == UUID
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-77")
    assert layer.gpu_uuid(0) is None
