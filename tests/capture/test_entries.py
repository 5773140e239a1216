"""Timed twins of torch's entry points: what they cover, and that they leave no trace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import cat, nn

from effprof.capture import Inputs, capture
from effprof.capture.entries import find_entry_points
from effprof.devices.cpu import EntrySubject, FreshInputs, outermost
from effprof.errors import ModelError


@contextmanager
def mylib(name: str, body: Any) -> Iterator[None]:
    """A throw-away custom operator `effprof_test::NAME`."""
    library = torch.library.Library("effprof_test", "FRAGMENT")
    library.define(f"{name}(Tensor x) -> Tensor")
    library.impl(name, body, "CompositeExplicitAutograd")
    try:
        yield
    finally:
        library._destroy()


class Spellings(nn.Module):
    """Every way into torch that networks use."""

    def __init__(self) -> None:
        super().__init__()
        self.act = torch.sigmoid  # a C function kept on the module
        self.lstm = nn.LSTM(4, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        y = 1 - y
        y = 2 / y
        y = y**2
        y += x
        y = -y
        y = y @ y.transpose(-1, -2)
        y = self.act(y)
        y = cat([y, F.gelu(y)], -1)[..., :4].clone()
        y = y.relu_().unflatten(-1, (2, 2)).flatten(-2)
        y = torch.where(y > 0, y, torch.zeros_like(y))
        y = torch.einsum("bij,bkj->bik", y, y)
        y = self.lstm(y)[0]
        y = self.attention(y, y, y, need_weights=False)[0]
        y[:, 0] = 0
        y = y[:, [0, 0, 1]]
        y = torch.stack(y.split(2, 1)[:1]).squeeze(0)
        a, b = y.chunk(2, -1)
        y = torch.ops.aten.add.Tensor(a, b)
        return F.interpolate(y.unsqueeze(0), scale_factor=2).mean((1, 2)) + math.pi


def subject_of(model: nn.Module, *inputs: torch.Tensor) -> EntrySubject:
    captured = capture(model.eval(), Inputs(inputs), find_spans=True)
    assert captured.spans is not None, captured.uncovered
    return EntrySubject(model, FreshInputs.of(Inputs(inputs), captured.calls), captured.spans)


def test_every_spelling_is_covered_and_every_working_call_is_in_one_span() -> None:
    model, x = Spellings().eval(), torch.rand(2, 4, 4)
    with torch.inference_mode():
        captured = capture(model, Inputs((x,)), find_spans=True)
    assert captured.uncovered == ()
    assert captured.spans is not None
    inside = sorted(i for calls in captured.spans.calls for i in calls)
    assert inside == sorted(set(inside))
    assert {call.index for call in captured.calls if not call.is_view} <= set(inside)


def test_timed_runs_meet_the_spans_of_the_capture_and_compute_the_same() -> None:
    model, x = Spellings().eval(), torch.rand(2, 4, 4)
    with torch.inference_mode():
        expected = model(x)
        subject = subject_of(model, x)
        run = subject.timed()
        assert len(run.spans_s) == len(subject.spans)
        assert all(span >= 0 for span in run.spans_s)
        assert sum(run.spans_s) <= run.time_s
        assert torch.equal(model(x), expected)


def test_nothing_is_left_behind() -> None:
    model, x = Spellings().eval(), torch.rand(2, 4, 4)
    entries = find_entry_points(model)

    def snapshot() -> list[Any]:
        return [vars(owner).get(name) for entry in entries for owner, name in entry.sites]

    before, methods = snapshot(), dict(vars(torch.Tensor))
    with torch.inference_mode():
        subject_of(model, x).timed()
    after = snapshot()
    assert all(a is b for a, b in zip(before, after, strict=True))
    assert dict(vars(torch.Tensor)) == methods


def test_somebody_who_asks_torch_is_told_that_a_timed_run_is_watched() -> None:
    seen: list[bool] = []

    class Curious(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(torch.utils._python_dispatch._get_current_dispatch_mode() is not None)
            return x + 1

    with torch.inference_mode():
        subject = subject_of(Curious(), torch.ones(1))
        seen.clear()
        subject.plain()
        subject.timed()
    assert seen == [False, True]


def test_a_custom_operator_is_one_span_though_its_body_calls_others() -> None:
    def body(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x) + torch.relu(-x)

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(torch.ops.effprof_test.both(torch.relu(x)))

    with mylib("both", body), torch.inference_mode():
        model, x = Net(), torch.randn(3)
        captured = capture(model, Inputs((x,)), find_spans=True)
        assert [call.op for call in captured.calls] == ["relu", "effprof_test::both", "relu"]
        run = subject_of(model, x).timed()
        assert len(run.spans_s) == 3  # the relus inside the operator are part of it


def test_a_function_hidden_in_a_closure_is_reported_uncovered() -> None:
    hidden = [torch.sigmoid]

    class Hides(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return hidden[0](x) + 1

    with torch.inference_mode():
        captured = capture(Hides(), Inputs((torch.ones(2),)), find_spans=True)
    assert captured.spans is None
    assert captured.uncovered == ("sigmoid",)


def test_a_network_that_does_not_repeat_itself_is_refused() -> None:
    class Fickle(nn.Module):
        runs = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            type(self).runs += 1
            return x + 1 if self.runs % 2 else torch.relu(x)

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fickle = Fickle()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.fickle(x) + 1)

    with torch.inference_mode():
        subject = subject_of(Both(), torch.ones(1))
        with pytest.raises(ModelError, match="does not repeat itself"):
            subject.timed()


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ([(0, 0, 10), (1, 20, 30)], [(0, 0, 10), (1, 20, 30)]),
        ([(1, 2, 3), (1, 4, 5), (0, 0, 10)], [(0, 0, 10)]),
        ([(0, 0, 0), (1, 0, 5), (2, 5, 5)], [(1, 0, 5), (2, 5, 5)]),
        ([], []),
    ],
)
def test_outermost_spans(log: list[tuple[int, int, int]], expected: list[tuple[int, int, int]]) -> None:
    # A span that starts and ends within another one (here in whole ticks) is part of it.
    assert outermost(log) == expected
