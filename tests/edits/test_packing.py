"""Convolutions packed for oneDNN: what they give, what is packed and what is done in them, and what is left alone."""

from __future__ import annotations

import copy
import io
from collections import OrderedDict
from typing import Any

import pytest
import torch
from edited_networks import Block, Branching, FunctionalSiblings, Inception, image, randomised, untouched
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.nn import functional as F

import effprof
from effprof.cost import mult_adds_of
from effprof.edits import apply_edits
from effprof.edits.base import observed
from effprof.edits.graphs import traced
from effprof.edits.packed import PackedConv2d
from effprof.edits.packing import FUNCTIONS, METHODS, MODULES
from effprof.errors import NotApplicableError

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")


def packed(model: nn.Module) -> list[PackedConv2d]:
    return [module for module in model.modules() if isinstance(module, PackedConv2d)]


@st.composite
def convolutions(draw: st.DrawFn) -> nn.Conv2d:
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    inputs, outputs = (groups * draw(st.integers(1, 5)) for _ in range(2))
    if draw(st.booleans()):
        inputs = outputs = groups = draw(st.integers(1, 9))  # depthwise
    kernel, stride, dilation = (
        (draw(st.integers(1, high)), draw(st.integers(1, high))) for high in (4, 2, 2)
    )  # fmt: skip
    padding = tuple(draw(st.integers(0, d * (k - 1))) for d, k in zip(dilation, kernel, strict=True))
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=draw(st.booleans())).eval()


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.data())
def test_any_convolution_gives_the_same_packed_on_images_of_any_size_and_format(conv: nn.Conv2d, data: Any) -> None:
    reach = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(conv.dilation, conv.kernel_size, conv.padding, strict=True)]
    sides = st.tuples(*(st.integers(max(1, least), 12) for least in reach))
    torch.manual_seed(0)
    module = PackedConv2d(conv, (1, conv.in_channels, *data.draw(sides)))
    for form in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(data.draw(st.integers(1, 3)), conv.in_channels, *data.draw(sides))
        with torch.no_grad():
            expected, found = conv(x), module(x.to(memory_format=form))
        assume(expected.numel())
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


class Then(nn.Module):
    """A convolution and something after it."""

    def __init__(self, after: Any) -> None:
        super().__init__()
        self.conv, self.after = nn.Conv2d(3, 4, 3), after

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.after(self.conv(x))
        return result


@pytest.mark.parametrize(
    "after",
    [
        nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.Hardtanh(-0.3, 0.2), nn.LeakyReLU(0.3), nn.SiLU(), nn.GELU(),
        nn.GELU("tanh"), nn.Hardswish(), nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh(), *FUNCTIONS,
        *(lambda x, name=name: getattr(x, name)() for name in METHODS),
    ],
)  # fmt: skip
def test_an_activation_is_done_in_the_convolution(after: Any) -> None:
    torch.manual_seed(0)
    applied = apply_edits(Then(after).eval(), ["pack-weights"], image())
    assert applied.difference.relative < 1e-5
    assert applied.changes[0].text == "weights of 1 convolution packed for oneDNN, 1 activation done in them"
    assert [call.op for call in observed(applied.model, image()).calls] == ["conv2d"]


def test_every_module_in_the_table_is_tried_above() -> None:
    tried = test_an_activation_is_done_in_the_convolution.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {type(after) for after in tried} >= {*MODULES}


def test_a_whole_network_is_packed_after_its_batch_norms_are_folded() -> None:
    model = randomised(Inception())
    before = observed(model, image()).calls
    with untouched(model):
        applied = apply_edits(model, ["fold-batch-norm", "pack-weights"], image())
    assert applied.difference.relative < 1e-5
    assert applied.changes[-1].text == "weights of 5 convolutions packed for oneDNN, 5 activations done in them"
    calls = observed(applied.model, image()).calls
    assert sorted(call.op for call in calls) == ["cat", *["conv2d"] * 5, "max_pool2d"]
    assert sum(mult_adds_of(call) or 0 for call in calls) == sum(mult_adds_of(call) or 0 for call in before)
    assert {call.layer for call in calls if call.op == "conv2d"} == {
        f"{name}.conv" for name in ("alone", "reduce", "other", "wide", "pooled")
    }


def test_siblings_that_were_merged_are_packed_too() -> None:
    model = randomised(FunctionalSiblings())
    applied = apply_edits(model, ["pack-weights", "fold-batch-norm", "merge-siblings"], image())
    assert applied.changes[-1].text == "weights of 1 convolution packed for oneDNN, 1 activation done in them"


def test_an_activation_stays_where_the_convolution_is_read_by_others_or_run_again() -> None:
    class ReadTwice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.again = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            y = F.relu(y) + y
            return F.relu(self.again(self.again(y)))

    applied = apply_edits(ReadTwice().eval(), ["pack-weights"], image())
    assert applied.changes[0].text == "weights of 2 convolutions packed for oneDNN"
    assert [call.op for call in observed(applied.model, image()).calls].count("relu") == 2


def test_an_activation_with_other_arguments_stays() -> None:
    applied = apply_edits(Then(lambda x: F.silu(F.leaky_relu(x, 0.5))).eval(), ["pack-weights"], image())
    assert applied.changes[0].text == "weights of 1 convolution packed for oneDNN"


def test_what_cannot_be_traced_keeps_its_activations() -> None:
    applied = apply_edits(Branching().eval(), ["pack-weights"], image())
    assert len(packed(applied.model)) == 2
    assert "activations stay apart: torch.fx cannot trace its forward" in applied.changes[0].text


def test_what_is_not_plain_is_left_alone() -> None:
    hooked, worded = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3)
    reflecting = nn.Conv2d(3, 3, 3, 1, 1, padding_mode="reflect")
    worded.padding = "valid"
    hooked.register_forward_hook(lambda *_: None)
    beyond = nn.Conv2d(3, 3, 1, padding=1)  # outputs of padding alone, on which oneDNN may end the process
    model = nn.Sequential(hooked, reflecting, worded, beyond, nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)))
    with pytest.raises(NotApplicableError, match="it has no plain 2-D convolution of a type that oneDNN takes here"):
        apply_edits(model.eval(), ["pack-weights"], image())
    with pytest.raises(NotApplicableError, match="of a type that oneDNN takes"):
        apply_edits(nn.Conv2d(3, 3, 1).double().eval(), ["pack-weights"], image().map(Tensor.double))


def test_a_packed_network_is_not_packed_again_and_can_be_traced_again() -> None:
    model = apply_edits(nn.Sequential(Block(3, 3), Branching()).eval(), ["pack-weights"], image()).model
    with pytest.raises(NotApplicableError, match="no plain 2-D convolution"):
        apply_edits(model, ["pack-weights"], image())
    x = image().args[0]
    again = traced(model[0])  # type: ignore[index]
    assert len(packed(again)) == 1
    torch.testing.assert_close(again(x), model[0](x))  # type: ignore[index]


def test_without_onednn_it_does_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    with pytest.raises(NotApplicableError, match="it is switched off"):
        apply_edits(Block(3, 4).eval(), ["pack-weights"], image())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda module: torch.load(saved(module), weights_only=False)])
def test_copies_and_pickles_are_whole(again: Any) -> None:
    torch.manual_seed(0)
    inner = nn.Conv2d(4, 6, 3, padding=1, groups=2)
    model = apply_edits(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), inner).eval(), ["pack-weights"], image()).model
    x = image().args[0]
    with torch.no_grad():
        torch.testing.assert_close(again(model)(x), model(x))
    assert [str(module) for module in packed(again(model))] == [
        "PackedConv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), activation=relu)",
        "PackedConv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2)",
    ]


def saved(module: nn.Module) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return file


class Masked(nn.Module):
    """torch.fx takes the branch for a mask, which nobody gives."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.conv(x)
        return x if mask is None else F.relu(x * mask)


class Ordered(nn.Module):
    """torch.fx makes a plain dict of its output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(out=F.relu(self.conv(x)))


@pytest.mark.parametrize("model", [Masked(), Ordered()])
def test_what_is_traced_otherwise_keeps_its_own_forward(model: nn.Module) -> None:
    applied = apply_edits(model.eval(), ["pack-weights"], image())
    assert len(packed(applied.model)) == 1
    assert "activations stay apart: traced by torch.fx its forward gives something else" in applied.changes[0].text


class Casting(nn.Module):
    """Autocast inside: the convolution reads bfloat16 with weights of float32."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.conv = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        with torch.autocast("cpu", torch.bfloat16):
            x = self.conv(x.bfloat16())
        return x.float()


def test_a_convolution_whose_input_is_of_another_type_is_left_alone() -> None:
    applied = apply_edits(Casting().eval(), ["pack-weights"], image())
    assert [path for path, _ in applied.model.named_modules() if path] == ["first", "conv"]
    assert len(packed(applied.model)) == 1


def test_one_convolution_under_two_targets_keeps_its_activation_apart() -> None:
    inner = nn.Conv2d(3, 3, 1)
    root = nn.ModuleDict({"a": inner, "b": inner})
    graph = fx.Graph()
    x = graph.placeholder("x")
    graph.output(graph.call_module("b", (graph.call_function(F.relu, (graph.call_module("a", (x,)),)),)))
    applied = apply_edits(fx.GraphModule(root, graph).eval(), ["pack-weights"], image())
    assert applied.changes[0].text == "weights of 1 convolution packed for oneDNN"


def test_a_packed_network_is_counted_and_run_like_the_network_before_it() -> None:
    """Its weights have no form on meta and no strides; asking for channels_last converts nothing that matters."""
    model = randomised(Block(3, 8, kernel=3))
    x = image().args[0]
    packed_model = apply_edits(model, ["pack-weights"], image()).model
    before, after = (effprof.count(one, x) for one in (model, packed_model))
    assert after.analysis.totals.mult_adds == before.analysis.totals.mult_adds
    assert after.profile.model.parameters == 3 * 8 * 9 + 2 * 8  # the batch-norm stays
    report = effprof.profile(packed_model, x, channels_last=True, threads=1, min_time=0.01, max_time=0.5)
    assert report.analysis.totals.mult_adds == before.analysis.totals.mult_adds
    torch.testing.assert_close(copy.deepcopy(packed_model).to(memory_format=torch.channels_last)(x), model(x))


def test_an_empty_batch_goes_through() -> None:
    module = PackedConv2d(nn.Conv2d(3, 4, 3), (1, 3, 8, 8))
    assert module(torch.zeros(0, 3, 8, 8)).shape == (0, 4, 6, 6)
