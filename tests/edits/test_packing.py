"""Convolutions packed for oneDNN: what they give, what is packed and what is done in them, and what is left alone."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from edited_networks import Block, Branching, FunctionalSiblings, Inception, image, randomised, untouched
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

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
    kernel, stride, padding, dilation = (
        (draw(st.integers(low, high)), draw(st.integers(low, high))) for low, high in ((1, 4), (1, 2), (0, 3), (1, 2))
    )
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
    model = nn.Sequential(hooked, reflecting, worded, nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)))
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
