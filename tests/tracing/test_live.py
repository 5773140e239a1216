"""torch.profiler around real networks: traces are joined with the capture pass, and torch is left as found."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from effprof.capture import Inputs, capture
from effprof.errors import ModelError, UsageError
from effprof.records import OpCall
from effprof.tracing import ExpectedCall, JoinedTrace, expected_calls, join, trace_runs
from effprof.tracing.expected import without_overload
from effprof.tracing.hooks import layer_hooks

X = torch.zeros(1, 4)


@pytest.fixture(autouse=True)
def left_as_found() -> Iterator[None]:
    """No test here leaves a hook or a profiler behind."""
    yield
    assert not torch_module._global_forward_hooks
    assert not torch_module._global_forward_pre_hooks
    assert not torch.autograd._profiler_enabled()


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.linear(x)) + x


def joined(model: nn.Module, *args: Any, runs: int = 1) -> tuple[tuple[OpCall, ...], JoinedTrace]:
    inputs = Inputs(args)
    with torch.inference_mode():
        calls = capture(model.eval(), inputs).calls
        expected = expected_calls(model, lambda: inputs.run(model), calls)
        return calls, join(trace_runs(model, lambda: inputs.run(model), runs), expected)


def layers(found: JoinedTrace) -> list[tuple[str, str]]:
    return [(one.aten.removeprefix("aten::"), one.layer) for one in found.expected]


def test_each_call_has_its_op_and_its_layer() -> None:
    calls, found = joined(nn.Sequential(Block(), Block()), X, runs=3)
    one = [("linear", "linear"), ("relu", "act"), ("add", "")]
    wanted = [(name, ".".join(filter(None, (str(block), path)))) for block in (0, 1) for name, path in one]
    assert layers(found) == wanted
    assert [expected.call for expected in found.expected] == [call.index for call in calls]
    assert len(found.runs) == 3
    for run in found.runs:
        assert (run.starts_us < run.ends_us).all()
        assert (run.ends_us[:-1] <= run.starts_us[1:]).all()
        assert run.start_us <= run.starts_us[0]
        assert run.ends_us[-1] <= run.end_us


def test_a_shared_module_has_its_first_name_each_time() -> None:
    shared = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared)
    assert layers(joined(model, X)[1]) == [("linear", "0"), ("relu", "1"), ("linear", "2"), ("relu", "1")]


def test_the_fused_transformer_stays_one_call() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    calls, found = joined(encoder, torch.zeros(1, 3, 8))
    names = [(call.op, layer) for call, (_, layer) in zip(calls, layers(found), strict=True)]
    assert names == [("_transformer_encoder_layer_fwd", "layers.0"), ("_transformer_encoder_layer_fwd", "layers.1")]


class Bypasses(nn.Module):
    """The stack sees modules run through `.forward()` and helpers of other modules; hooks do not."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        return {"logits": self.block.forward(x), "more": [torch.cat([x, x])]}


def test_hooks_and_the_stack_may_see_other_layers_and_are_joined_all_the_same() -> None:
    calls, found = joined(Bypasses(), X)
    assert [call.layer for call in calls] == ["block.linear", "block.act", "block", ""]
    assert [layer for _, layer in layers(found)] == ["block.linear", "block.act", "", ""]


class Spellings(nn.Module):
    """Views, copies, indexing, writes in place, tensors made on the way, a marked region, values asked for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x.view(2, 2).transpose(0, 1).contiguous()
        y = torch.cat([y[:, 0], y[..., 1]]).to(torch.float64)
        y = y + torch.tensor([1.0, 2.0, 3.0, 4.0]) * torch.tensor(2) + torch.arange(4)
        y[1:3] = 5
        with torch.profiler.record_function("mine"):
            y.mul_(2).clamp_(0, 6)
        if y.sum().item() > -1:
            y = torch.nn.functional.softmax(y, 0)
        return y[torch.tensor([True, False, True, False])].float().reshape(1, 2)


def test_every_spelling_of_a_call_is_found_in_the_trace() -> None:
    calls, found = joined(Spellings(), X)
    shown = {expected.call for expected in found.expected}
    assert {call.op for call in calls if call.index not in shown} <= {
        "profiler::_record_function_enter_new", "profiler::_record_function_exit",
    }  # fmt: skip


def test_an_operator_of_another_library_is_found_with_its_parts() -> None:
    library = torch.library.Library("effprof_traced", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: (x + x).relu(), "CPU")

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.effprof_traced.twice(x)

    try:
        found = joined(Net(), X)[1]
    finally:
        library._destroy()
    assert [one.aten for one in found.expected] == ["effprof_traced::twice"]
    assert found.call_of_op.tolist().count(0) >= 3  # itself, add, relu


class Alternates(nn.Module):
    def __init__(self, *acts: Any) -> None:
        super().__init__()
        self.acts, self.turn = acts, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.turn += 1
        return self.acts[(self.turn - 1) % len(self.acts)](x)


def test_other_calls_under_hooks_are_an_error_that_says_which() -> None:
    said = "call 0 was aten::relu in the network itself without them and is aten::sigmoid in the network itself with"
    with pytest.raises(ModelError, match=said):
        joined(Alternates(torch.relu, torch.sigmoid), X)
    with pytest.raises(ModelError, match="made 1 calls without them and 2 with them"):
        joined(Alternates(torch.relu, lambda x: x.relu() + 1), X)


def test_other_calls_under_the_profiler_are_an_error_that_says_which() -> None:
    said = "call 0 of the recorded pass is aten::relu in the network itself, run 0 of the trace shows aten::sigmoid"
    with pytest.raises(ModelError, match=said):
        joined(Alternates(torch.relu, torch.relu, torch.sigmoid), X)


class Raises(nn.Module):
    def __init__(self, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.inner is not None:
            return self.inner(x)
        raise ZeroDivisionError("no way")


def test_a_forward_that_raises_leaves_nothing_behind() -> None:
    model = nn.Sequential(nn.ReLU(), Raises(Raises()))
    with pytest.raises(ZeroDivisionError, match="no way"):
        trace_runs(model, lambda: model(X))
    with pytest.raises(ZeroDivisionError, match="no way"):
        expected_calls(model, lambda: model(X), ())
    assert layers(joined(nn.Sequential(nn.ReLU()), X)[1]) == [("relu", "0")]  # and the next trace is whole


class Recovers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.act = Raises(Raises()), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            return self.inner(x)
        except ZeroDivisionError:
            return self.act(x) + 1


def test_after_an_error_that_the_network_catches_layers_are_right_again() -> None:
    found = joined(nn.Sequential(Recovers(), nn.ReLU()), X)[1]
    # To hooks what raised goes on until its caller ends; the report has the layers of the stack.
    assert layers(found) == [("relu", "0.act"), ("add", "0.inner.inner"), ("relu", "1")]


def test_hooks_are_nested_and_leave_each_module_that_they_entered() -> None:
    model, told = nn.Sequential(Recovers(), nn.ReLU()), []
    with layer_hooks(model, lambda path: told.append(f"+{path}"), lambda: told.append("-")):
        model(X)
    assert told == ["+", "+0", "+0.inner", "+0.inner.inner", "+0.act", "-", "-", "-", "-", "+1", "-", "-"]
    told.clear()
    with pytest.raises(ZeroDivisionError), layer_hooks(model, told.append, lambda: told.append("-")):
        model[0].inner(X)
    assert told == ["0.inner", "0.inner.inner", "-", "-"]


def test_modules_in_other_threads_and_of_other_networks_are_passed_over() -> None:
    class Threads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self.act, x).result()
            return nn.Sigmoid()(x)

    assert layers(joined(Threads(), X)[1]) == [("sigmoid", "")]


def test_one_profiler_at_a_time() -> None:
    with (
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]),
        pytest.raises(UsageError, match="running already"),
    ):
        trace_runs(None, lambda: X + 1)


def test_a_trace_without_layers_has_the_runs_alone() -> None:
    model, told = nn.Sequential(nn.ReLU()), []
    events = trace_runs(model, lambda: model(X), 2, layers=False, finish=lambda: told.append("finished"))
    assert told == ["finished"] * 2
    assert [events.names[name] for name in events.ranges.name] == ["ProfilerStep#0", "ProfilerStep#1"]
    found = join(events, [ExpectedCall(0, "aten::relu", "0")], check_layers=False)
    assert len(found.runs) == 2


@pytest.mark.parametrize(
    ("aten", "traced"),
    [("aten::add.Tensor", "aten::add"), ("aten::relu_", "aten::relu_"), ("my.l::f.out", "my.l::f"), ("cond", "cond")],
)
def test_traces_name_no_overload(aten: str, traced: str) -> None:
    assert without_overload(aten) == traced
