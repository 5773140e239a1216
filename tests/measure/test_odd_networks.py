"""Networks of kinds nobody planned for: they are measured, or refused in one line, and always left as found."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.utils._device import _device_constructors

import effprof
from effprof.errors import ModelError, UsageError, ValuesNeededError
from effprof.records import Category
from effprof.report import Report


def profile(model: nn.Module, example: Any, **settings: Any) -> Report:
    return effprof.profile(model, example, **{"min_time": 0.001, "max_time": 0.05, **settings})


def check_sums(report: Report) -> None:
    found = report.to_dict()
    accounting, latency = found["accounting"], found["latency"]
    parts = {row["category"]: row["time_s"] for row in found["categories"]}
    overhead = parts.pop("overhead")
    assert sum(parts.values()) == pytest.approx(accounting["ops_s"], abs=1e-12)
    assert overhead == pytest.approx(accounting["overhead_s"], abs=1e-12)
    whole = accounting["ops_s"] + accounting["overhead_s"] + accounting["residual_s"]
    assert whole == pytest.approx(latency["median_s"], abs=1e-12)
    fractions = sum(row["fraction"] for row in found["categories"])
    assert fractions + accounting["residual_fraction"] == pytest.approx(1, abs=1e-9)
    own = sum(layer["self_time_s"] for layer in found["layers"])
    assert own == pytest.approx(accounting["ops_s"], abs=1e-12)
    assert [row["category"] for row in found["categories"]] == [str(c.value) for c in Category]


class Keywords(nn.Module):
    def forward(self, *, left: torch.Tensor, right: torch.Tensor) -> dict[str, Any]:
        return {"sum": left + right, "more": {"product": [left * right]}}


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


class GivesPair(nn.Module):
    def forward(self, x: torch.Tensor) -> Pair:
        return Pair(x.sin(), x.cos())


class NoOps(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Looks(nn.Module):
    """Control flow by value: cannot be followed by shapes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum().item() > -1e9 else x


class Permuted(nn.Module):
    """A plain constant tensor makes the pass on meta fail; an index buffer must not be read on fake tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.scale = torch.full((3,), 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.scale)[:, self.order]


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.eye(4).to_sparse())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sparse.mm(self.weights, x)


class Partial(nn.Module):
    """An uncovered view, and an operator called by its overload."""

    flat = functools.partial(torch.flatten, start_dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.aten.relu.default(self.flat(x))


class Caches(nn.Module):
    """Fills a cache on its first run, as many networks do with masks and position tables."""

    mask: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mask is None:
            self.mask = torch.ones(4, 4).tril()
        return x @ self.mask


class Marks(nn.Module):
    """Marks a region for profilers: no work, and no reason for the slower timer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.profiler.record_function("block"):
            return self.linear(x)


class Looped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.embed = nn.LSTMCell(8, 8), nn.Embedding(10, 8)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        state = None
        for step in self.embed(tokens).unbind(1):
            state = self.cell(step, state)
        assert state is not None
        return state[0]


IMAGE = torch.zeros(1, 3, 16, 16)
ODD: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "keywords": (Keywords, {"left": torch.zeros(2), "right": torch.ones(2)}),
    "named tuple": (GivesPair, torch.zeros(2)),
    "no operators": (NoOps, torch.zeros(2)),
    "a plain constant": (Permuted, torch.zeros(2, 3)),
    "a sparse buffer": (Sparse, torch.zeros(4, 4)),
    "an uncovered view": (Partial, torch.zeros(2, 2, 2)),
    "a cache filled at first": (Caches, torch.zeros(4, 4)),
    "a marked region": (Marks, torch.zeros(1, 4)),
    "a loop over tokens": (Looped, torch.zeros(2, 5, dtype=torch.long)),
    "transformer": (
        lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
        (torch.zeros(1, 3, 8), torch.zeros(1, 2, 8)),
    ),
    "one dimension": (lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.GELU()), torch.zeros(1, 3, 9)),
    "three dimensions": (lambda: nn.Sequential(nn.Conv3d(1, 2, 3), nn.MaxPool3d(2)), torch.zeros(1, 1, 6, 6, 6)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), torch.zeros(1, 4)),
    "complex numbers": (lambda: nn.Linear(4, 4, dtype=torch.complex64), torch.zeros(1, 4, dtype=torch.complex64)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_networks_are_measured_and_the_parts_make_the_whole(name: str) -> None:
    build, example = ODD[name]
    model = build()
    measured, counted = profile(model, example), effprof.count(model, example)
    check_sums(measured)
    assert measured.analysis.totals.mult_adds == counted.analysis.totals.mult_adds
    assert profile(model, example, device="fake").analysis.totals.mult_adds == counted.analysis.totals.mult_adds


@pytest.mark.parametrize("name", ODD)
def test_odd_networks_are_timed_by_the_profiler_too(name: str) -> None:
    build, example = ODD[name]
    report = profile(build(), example, timer="kineto")
    check_sums(report)
    assert report.profile.rounds[0].timer == "kineto"


def test_a_marked_region_is_neither_work_nor_unknown() -> None:
    report = profile(Marks(), torch.zeros(1, 4))
    assert report.analysis.totals.uncosted_ops == {}
    assert report.profile.rounds[0].timer == "entry"


def test_a_network_that_writes_its_input_gets_the_same_one_every_time() -> None:
    class Doubles(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.sum() == 2, "the input of an earlier run came back"
            return x.mul_(2)

    x = torch.ones(2)
    check_sums(profile(Doubles(), x))
    assert x.tolist() == [1, 1]


class Ends(nn.Module):
    def __init__(self, how: Callable[[], None]) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.how()
        return x + 1


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raise_unreadable() -> None:
    raise UnreadableError


@pytest.mark.parametrize("how", [lambda: sys.exit(0), raise_unreadable, lambda: next(iter(()))])
@pytest.mark.parametrize("act", [profile, effprof.count])
def test_whatever_a_forward_raises_is_explained(how: Callable[[], None], act: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="The network's forward raised") as caught:
        act(Ends(how), torch.zeros(3))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("The input was 3")


def test_lazy_and_exported_networks_are_told_what_to_do() -> None:
    with pytest.raises(ModelError, match="run it once first"):
        profile(nn.LazyLinear(3), torch.zeros(1, 2))
    exported = torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),)).module()
    with pytest.raises(ModelError, match="exported"):
        profile(exported, torch.zeros(1, 2))


def test_a_network_that_looks_at_values_is_measured_but_not_counted() -> None:
    check_sums(profile(Looks(), torch.zeros(2)))
    with pytest.raises(ValuesNeededError, match="looks at the values"):
        effprof.count(Looks(), torch.zeros(2))


def test_an_operator_without_a_rule_for_shapes_is_measured() -> None:
    library = torch.library.Library("effprof_shapeless", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: torch.from_numpy(x.numpy() * 2), "CPU")

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.effprof_shapeless.twice(x)

    try:
        report = profile(Net(), torch.zeros(3))
    finally:
        library._destroy()
    check_sums(report)
    assert report.analysis.totals.uncosted_ops == {"effprof_shapeless::twice": 1}
    assert "uncosted-ops" in [note.code for note in report.analysis.notes]


def test_weights_written_after_a_look_at_values_are_put_back() -> None:
    class Learns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2), requires_grad=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() > -1e9:
                self.weight.add_(1)
            return x * self.weight

    model = Learns()
    with pytest.raises(ModelError, match="writes its own parameters"):
        profile(model, torch.ones(2))
    assert model.weight.tolist() == [1, 1]


def test_tensors_kept_as_attributes_are_put_back() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen = torch.zeros(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen.add_(1)
            return x + self.seen

    model = Counts()
    profile(model, torch.ones(1))
    assert model.seen.item() == 0


def test_modules_imported_by_the_forward_get_torchs_own_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "effprof_lazy_module.py").write_text("from torch import relu\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    class Lazy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum().item() > 1e9:
                return x
            from effprof_lazy_module import relu

            with torch.device("cpu"):
                zeros = torch.zeros(1)
            return relu(x) + zeros

    _device_constructors.cache_clear()
    try:
        profile(Lazy(), torch.zeros(2))
        assert sys.modules["effprof_lazy_module"].relu is torch.relu
        with torch.device("meta"):
            assert torch.zeros(3).is_meta
    finally:
        sys.modules.pop("effprof_lazy_module", None)


def test_calls_from_threads_of_the_network_are_noted() -> None:
    class Threads(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with ThreadPoolExecutor(2) as pool:
                parts = list(pool.map(torch.relu, [x, x]))
            return parts[0] + parts[1]

    before = threading.active_count()
    report = profile(Threads(), torch.zeros(4))
    assert "other-threads" in [note.code for note in report.analysis.notes]
    assert threading.active_count() == before


def test_a_network_elsewhere_is_not_measured_on_the_cpu() -> None:
    with pytest.raises(UsageError, match="meta"):
        profile(nn.Linear(2, 2, device="meta"), torch.empty(1, 2, device="meta"))


@pytest.mark.parametrize(
    ("dtype", "asked", "reported"),
    [
        (torch.float32, None, "fp32"),
        (torch.bfloat16, None, "bf16"),
        (torch.float64, None, "fp64"),
        (torch.bfloat16, "fp32", "fp32"),
        (torch.float32, "bf16", "bf16"),
    ],
)
def test_the_precision_reported_is_the_one_measured(dtype: torch.dtype, asked: str | None, reported: str) -> None:
    report = profile(nn.Linear(4, 4, dtype=dtype), torch.zeros(1, 4, dtype=dtype), precision=asked)
    found = report.to_dict()
    assert found["setting"]["precision"] == reported
    bits = {"fp32": 4, "bf16": 2, "fp64": 8}[reported]
    assert report.profile.calls[0].outputs[0].item_bytes == bits


@pytest.mark.parametrize(
    "setting",
    [
        {"device": None},
        {"device": "tpu9"},
        {"precision": torch.bfloat16},
        {"threads": 0},
        {"min_time": float("nan")},
        {"min_time": 2.0, "max_time": 1.0},
        {"rounds": 0},
        {"warmup": -1},
    ],
)
def test_bad_settings_from_python_are_usage_errors(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        profile(nn.ReLU(), torch.zeros(1), **setting)
    assert len(str(caught.value).splitlines()) == 1
